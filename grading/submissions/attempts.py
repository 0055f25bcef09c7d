"""In which ways a half may be built, the likeliest first. All of it is run in the VM, none on this host."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from grading.submissions import makefiles
from grading.submissions.candidates import Candidate
from grading.submissions.makefiles import Makefile
from grading.submissions.parts import parts

ENGINE_TARGETS = ("engine", "user", "userspace", "user-space", "programs", "ci")
MODULE_TARGETS = ("module", "modules", "monitor.ko", "kernel", "kmod", "driver", "all")

KBUILD = 'make -C "/lib/modules/$(uname -r)/build" M="$PWD" modules'
"""How a module outside the kernel's tree is built; see Documentation/kbuild/modules.rst."""

MODULE_NAME = "submitted_monitor"
"""A module of several files must not be called as one of them."""


@dataclass(frozen=True)
class Attempt:
    """One way of building; it worked if afterwards there is a program, or a module."""

    label: str
    """As the report says it: `make module`, `gcc`."""
    argv: tuple[str, ...]
    folder: str
    """Where it runs, within the submission."""
    writes: tuple[tuple[str, str], ...] = ()
    """Files that are written there before: name and content."""
    apart: bool = False
    """Whether it certainly makes nothing that building the other half may make, too: both may run at once."""


def for_engine(
    candidate: Candidate, folder: str, makefile: Makefile | None, root: Path
) -> tuple[Attempt, ...]:
    """The ways to build an engine in C, or the helpers of one in Python."""
    if candidate.language == "python":
        return _helpers(folder, root)
    tried: list[Attempt] = []
    if makefile is not None:
        goals = parts(root / folder).engine
        tried += _part(goals, folder, apart=bool(goals))
        tried.append(Attempt("make", ("make",), folder))
        every = ("all",) if "all" in makefile.targets else ()
        tried.append(Attempt("make -k", ("make", "-k", *every), folder))
        tried += _others(_named(ENGINE_TARGETS, makefile, folder), tried)
    tried += _above(folder, root)
    here = candidate.entry.folder
    files = [_from(here, file.path) for file in candidate.compiled]
    include = [f"-I{path}" for path in _header_folders(candidate, here)]
    argv = ("gcc", "-O2", "-pthread", "-D_GNU_SOURCE", *include, "-o", "engine", *files, "-lrt", "-lm")
    return (*tried, Attempt("gcc", argv, here, apart=not tried))


def for_monitor(
    candidate: Candidate, folder: str, makefile: Makefile | None, root: Path
) -> tuple[Attempt, ...]:
    """The ways to build a kernel module."""
    tried: list[Attempt] = []
    if makefile is not None:
        found = parts(root / folder)
        tried += _part(found.module, folder, apart=found.module_apart)
        tried.append(Attempt("make", ("make",), folder))
        tried += _others(_named(MODULE_TARGETS, makefile, folder), tried)
    tried += _above(folder, root)
    here = candidate.entry.folder
    kbuild = ("sh", "-c", KBUILD)
    alone = not tried
    if (makefile is not None and makefile.builds_module) or (root / folder / "Kbuild").is_file():
        tried.append(Attempt("the kernel's make", kbuild, folder, apart=alone))
    ours = (("Kbuild", _kbuild(candidate, here)),)
    return (*tried, Attempt("the kernel's make with a Kbuild of ours", kbuild, here, ours, apart=alone))


def declared(half: str, lines: Iterable[str], folder: str) -> tuple[Attempt, ...]:
    """What a `submission.toml` says: its lines, one after another, are one attempt."""
    return (Attempt(f"submission.toml ({half})", ("sh", "-e", "-c", "\n".join(lines)), folder),)


def _named(wanted: Iterable[str], makefile: Makefile, folder: str) -> list[Attempt]:
    return [
        Attempt(f"make {target}", ("make", target), folder) for target in wanted if target in makefile.targets
    ]


def _part(goals: tuple[str, ...], folder: str, *, apart: bool) -> list[Attempt]:
    """`make` of a half's own goals, where the Makefile tells them apart from the others."""
    return [Attempt(f"make {' '.join(goals)}", ("make", *goals), folder, apart=apart)] if goals else []


def _others(more: list[Attempt], tried: list[Attempt]) -> list[Attempt]:
    """Those that do not run what is tried before."""
    before = {each.argv for each in tried}
    return [each for each in more if each.argv not in before]


def _above(folder: str, root: Path) -> list[Attempt]:
    """`make` in the folders above, where a Makefile may descend into this one."""
    tried = []
    while folder != ".":
        folder = posixpath.dirname(folder) or "."
        if makefiles.read(root / folder) is not None:
            tried.append(Attempt(f"make in {folder}", ("make",), folder))
    return tried


def _helpers(folder: str, root: Path) -> tuple[Attempt, ...]:
    """A Python engine needs no building; what lies below it with a Makefile does."""
    found = sorted(
        path.relative_to(root).as_posix()
        for path in (root / folder).rglob("*")
        if path.is_dir() and path.name != "workloads" and makefiles.read(path) is not None
    )
    here = [folder] if makefiles.read(root / folder) is not None else []
    return tuple(
        Attempt(f"make in {path}", ("make",), path, apart=_makes_no_module(root / path))
        for path in here + found
    )


def _makes_no_module(folder: Path) -> bool:
    found = parts(folder)
    return bool(found.engine) and not found.module


def _from(folder: str, path: str) -> str:
    """A path as seen from a folder, and never taken for an option."""
    relative = posixpath.relpath(path, folder)
    return f"./{relative}" if relative.startswith("-") else relative


def _header_folders(candidate: Candidate, folder: str) -> list[str]:
    found = {_from(folder, file.folder) for file in candidate.files if file.path.endswith(".h")}
    return sorted(found | {"."})


def _kbuild(candidate: Candidate, here: str) -> str:
    """A Kbuild for one module from the candidate's files."""
    flags = " ".join(f"-I$(src)/{path}" for path in _header_folders(candidate, here))
    objects = [posixpath.splitext(_from(here, file.path))[0] + ".o" for file in candidate.compiled]
    if len(objects) == 1:
        return f"obj-m := {objects[0]}\nccflags-y := {flags}\n"
    return f"obj-m := {MODULE_NAME}.o\n{MODULE_NAME}-y := {' '.join(objects)}\nccflags-y := {flags}\n"
