"""Lets the kernel's build system remember what it is told for every module.

Before a module is compiled, kbuild asks the compiler some 35 questions (`try-run` in the kernel's
scripts/Makefile.compiler: does it take this option?), and it compiles one file that is the same for
all modules (scripts/module-common.c). Under emulation that is half of a module's time. Both are done
once in a clean guest, when the tools are made, and lie on their read-only disk. In a graded guest

- a question with the same words, to the letter, has the answer that this compiler gave there;
- the object is put where kbuild looks for it, with kbuild's own note of the command that made it:
  kbuild itself compares, and compiles it again where anything differs.

Of the rest, reading linux/module.h is two thirds, and it is read twice: for the module's source, and for
the part that kbuild adds. So the guest whose state is saved for all graded ones (`prepare.sh`) reads it
ahead (ahead.sh): where a source named monitor.c begins with it, the compiler takes what it has read. It
compares itself, and reads it again where its command is another one.

Nothing of a submission is ever remembered, and none of its own files is compiled in another way, but
without debugging information, and with linux/module.h before the other headers of the kernel's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from grading.guest.observer import Observer

SOURCES = Path(__file__).resolve().parent
FILES = ("record.sh", "record.mk", "use.sh", "known.mk", "ahead.sh", "ahead.mk", "begins.awk", "sample.c")
FOLDER = "kbuild"
"""On the tools' disk."""


def use(observer: Observer, tools: str, release: str, folders: Iterable[str]) -> None:
    """Give kbuild what is known, in a fresh guest with the tools' disk; do nothing in any other.

    Args:
        observer: of a guest in which nothing of the submission has run yet.
        tools: where the disk is mounted; known.mk says so, too.
        release: the running kernel's (`uname -r`).
        folders: in the guest, where modules are built.
    """
    script = f"{tools}/{FOLDER}/use.sh"
    if observer.stat(script) is not None:
        # It only makes building faster: where it fails, kbuild asks the compiler.
        observer.run("sh", script, release, *dict.fromkeys(folders))
