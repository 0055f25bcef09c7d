"""What kbuild has read ahead in graded guests: it is used, and the module is the same as without."""

from __future__ import annotations

import re

import pytest

from grading.guest import delivery, kbuild
from grading.guest.observer import Observer
from grading.guest.vm import TOOLS, Guest
from lab import paths

pytestmark = pytest.mark.vm

FOLDER = "/submission/kernel"
HEADERS = "/srv/boxwright-kbuild"
FUNCTION = re.compile(r"^[0-9a-f]+ <(\w+)>:$")


def code(observer: Observer) -> dict[str, list[str]]:
    """The instructions of the module's own object, by function; of two that may change places either may be first."""
    said = observer.run("objdump", "-dr", "--no-show-raw-insn", f"{FOLDER}/monitor.o", limit=8 << 20)
    assert said.code == 0, said.error_text
    found: dict[str, list[str]] = {}
    for line in said.text.splitlines():
        if named := FUNCTION.match(line):
            found[named[1]] = lines = []
        elif found and line.strip():
            lines.append(line.partition(":")[2].strip())
    return {name: sorted(lines) for name, lines in found.items()}


def test_what_is_read_ahead_is_used_and_changes_nothing(guest: Guest) -> None:
    observer = guest.observer
    delivery.deliver(
        observer, paths.CHECKOUT / "kernel", FOLDER, lambda path: path.suffix in (".o", ".ko", ".mod")
    )
    kbuild.use(observer, TOOLS, guest.kernel, [FOLDER])
    built = observer.run("make", "-C", FOLDER, timeout=60)
    assert built.code == 0, built.error_text
    # Its own note of the command says it, and the compiler of a header that it takes as it was read (gcc(1), -H).
    for object_, header in (("monitor", "tagged"), ("monitor.mod", "part")):
        note = observer.read(f"{FOLDER}/.{object_}.o.cmd").decode().splitlines()[0]
        command = note.partition(":=")[2].partition(" -c -o ")[0]
        assert f"-include {HEADERS}/{header}.h" in command
        said = observer.run(
            "sh",
            "-c",
            f"cd /lib/modules/{guest.kernel}/build && {command} -H -fsyntax-only {FOLDER}/{object_}.c",
        )
        assert f"! {HEADERS}/{header}.h.gch" in said.error_text.splitlines()
    assert "module-common" not in built.text  # what kbuild adds to every module still fits
    ahead = code(observer)
    assert len(ahead) > 10

    observer.run("rm", "-r", HEADERS)
    observer.run("rm", f"{FOLDER}/monitor.o")
    assert observer.run("make", "-C", FOLDER, timeout=60).code == 0
    assert HEADERS not in observer.read(f"{FOLDER}/.monitor.o.cmd").decode()
    assert code(observer) == ahead
