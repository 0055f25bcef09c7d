"""What Makefiles say of sources: of which one the engine is made, and which are handed to kbuild as modules.

Only read, as in `makefiles`: what is not understood names nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.submissions import makefiles
from grading.submissions.sources import Source

_MODULES = re.compile(r"^[ \t]*obj-m[ \t]*[:+?]*=(.*)$", re.MULTILINE)
_OUTPUT = re.compile(r"-o[ \t]*(\S+)")


@dataclass(frozen=True)
class Making:
    """Paths of sources within a submission."""

    engine: frozenset[str] = frozenset()
    """Those of which a rule makes a program called `engine`."""
    module: frozenset[str] = frozenset()
    """Those that stand in `obj-m`."""


def making(root: Path, sources: Sequence[Source]) -> Making:
    """What the Makefiles of a submission make of its sources.

    Args:
        root: the top of an opened submission.
        sources: all of it.

    Raises:
        OSError: a Makefile cannot be read.
    """
    folders = {"."}
    for source in sources:
        folder = source.folder
        while folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder) or "."
    engine: set[str] = set()
    module: set[str] = set()
    for folder in sorted(folders):
        below = [
            source for source in sources if folder == "." or f"{source.folder}/".startswith(f"{folder}/")
        ]
        text = makefiles.text_of(root / folder)
        engine |= _named(_engine_words(text), folder, below)
        module |= _named(_module_words(text + "\n" + _kbuild(root / folder)), folder, below)
    return Making(frozenset(engine), frozenset(module))


def _engine_words(text: str) -> Iterable[str]:
    """The words of the rules that make `engine`, and of commands with `-o engine`."""
    for target, rule in makefiles.rules(text).items():
        if posixpath.basename(target) == "engine":
            yield from rule.needs
            yield from (word for command in rule.commands for word in command.split())
            continue
        for command in rule.commands:
            output = _OUTPUT.search(command)
            if output is not None and posixpath.basename(output[1]) == "engine":
                yield from command.split()


def _module_words(text: str) -> Iterable[str]:
    return (word for line in _MODULES.findall(re.sub(r"\\\n", " ", text)) for word in line.split())


def _kbuild(folder: Path) -> str:
    path = folder / "Kbuild"
    if not path.is_file() or path.stat().st_size > makefiles.LARGEST:
        return ""
    return path.read_text("utf-8", "replace")


def _named(words: Iterable[str], folder: str, below: Sequence[Source]) -> set[str]:
    """The C files that words mean: by their path, else by their name alone, since objects may lie elsewhere."""
    found: set[str] = set()
    for word in words:
        stem, ending = posixpath.splitext(word)
        if ending not in (".c", ".o"):
            continue
        path = posixpath.normpath(posixpath.join(folder, f"{stem}.c"))
        exact = [source.path for source in below if source.path == path]
        found.update(exact or (each.path for each in below if each.name == f"{posixpath.basename(stem)}.c"))
    return found
