"""Which files of a submission may be its engine, and which its kernel monitor: found by what they do.

An engine is a program (it has a `main`) that knows the commands of the contract; a
monitor is a module that speaks of what a monitor does. Names and folders decide only where
that is in doubt: what is called engine and knows one command may earn what it does, if there
is nothing better. With each go the sources that belong to it.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from grading.submissions.making import Making
from grading.submissions.parts import WORKLOADS
from grading.submissions.sources import Language, Source

Half = Literal["engine", "monitor"]

COMMANDS = frozenset(("supervisor", "start", "run", "ps", "logs", "stop"))
"""What an engine is asked on its command line."""

ENOUGH = 3
"""Commands in a program's own texts, or in those of its other files; the workloads have none."""

CALLED = {
    half: re.compile(rf"(?:^|[_.\s-]){half}(?=[_.\s\d-]|$)", re.IGNORECASE) for half in ("engine", "monitor")
}
"""In a file's name without its ending: what it is called."""

_TESTS = re.compile(r"(?:^|[_.\s-])(?:tests?|bench(?:mark)?)(?=[_.\s\d-]|$)", re.IGNORECASE)
_ISOLATES = re.compile(r"\b(?:clone3?|unshare|setns|pivot_root|chroot|CLONE_NEW\w+|AF_UNIX|os\.fork)\b")
_MONITORS = re.compile(r"\bcontainer_monitor\b|\bMONITOR_(?:UN)?REGISTER\b|\bunlocked_ioctl\b")


@dataclass(frozen=True)
class Candidate:
    """A program or a module that a submission holds."""

    half: Half
    entry: Source
    """Where `main` or `module_init` is."""
    others: tuple[Source, ...]
    """Further sources and headers that belong to it."""
    fit: float
    """From 0 to 1: how much of what is asked for it speaks of."""
    doubt: int = 0
    """0 where what it does shows what it is; the more, the less speaks for it. Those come last."""

    @property
    def files(self) -> tuple[Source, ...]:
        """All of it."""
        return (self.entry, *self.others)

    @property
    def language(self) -> Language:
        """That of its entry."""
        return self.entry.language

    @property
    def compiled(self) -> tuple[Source, ...]:
        """What a compiler is given: C files, without those that another one includes."""
        included = {posixpath.basename(name) for file in self.files for name in file.includes}
        return tuple(
            file
            for file in self.files
            if file.path.endswith(".c") and (file is self.entry or file.name not in included)
        )


def engines(
    sources: Sequence[Source], making: Making | None = None, *, believed: frozenset[str] = frozenset()
) -> list[Candidate]:
    """The programs that may be an engine.

    Args:
        sources: of the whole submission.
        making: what its Makefiles say.
        believed: paths in a place that somebody named: each program there is taken, also one that does not seem
            to know the commands, and a single file whatever it is.
    """
    making = making or Making()
    found = []
    for entry in sources:
        is_called = is_called_engine(entry, making)
        alone = believed == {entry.path} and not entry.path.endswith(".h")
        if not entry.is_program and not alone and not (is_called and entry.path in believed):
            continue
        others = _belonging(entry, sources) if entry.language == "c" else _package(entry, sources)
        own = _commands((entry,))
        known = own | _commands(others)
        isolates = any(_ISOLATES.search(file.text) for file in (entry, *others))
        named = entry.name in ("engine", "engine.c", "engine.py") or entry.path.endswith("engine/__main__.py")
        doubt = 0
        if not entry.is_program:
            doubt = 4
        elif len(own) < ENOUGH and not (own and len(known) >= ENOUGH and (isolates or named)):
            doubt = 5 if is_workload(entry) else 3 if not is_called else 2 if not known else 1
        if doubt <= 1 or entry.path in believed:
            fit = len(known) / len(COMMANDS) * (1.0 if isolates else 0.7)
            found.append(Candidate("engine", entry, others, fit, doubt))
    return found


def monitors(
    sources: Sequence[Source], making: Making | None = None, *, believed: frozenset[str] = frozenset()
) -> list[Candidate]:
    """The kernel modules that may be a monitor.

    Args:
        sources: of the whole submission.
        making: what its Makefiles say.
        believed: paths in a place that somebody named: each file for the kernel there is taken, also a module that
            seems to be for something else, and a single file whatever it is.
    """
    making = making or Making()
    found = []
    for entry in sources:
        is_module = is_module_of(entry, making)
        alone = believed == {entry.path}
        if not entry.path.endswith(".c") or not (
            is_module or alone or (entry.is_kernel and entry.path in believed)
        ):
            continue
        others = tuple(file for file in _belonging(entry, sources, kernel=True) if file is not entry)
        signs = len({sign for file in (entry, *others) for sign in _MONITORS.findall(file.text)})
        doubt = 0
        if not is_module:
            doubt = 3
        elif not signs:
            doubt = 1 if is_called("monitor", entry) else 2
        if doubt <= 1 or entry.path in believed:
            found.append(Candidate("monitor", entry, others, min(1.0, 0.4 + 0.2 * signs), doubt))
    return found


def is_called(half: Half, source: Source) -> bool:
    """Whether a file's own name says that it is this half, and no test of it."""
    stem = posixpath.splitext(source.name)[0]
    return bool(CALLED[half].search(stem)) and not _TESTS.search(stem)


def is_called_engine(source: Source, making: Making) -> bool:
    """Whether a file's name or a Makefile says that it is the engine, or a part of it."""
    if source.path.endswith("engine/__main__.py") or source.path in making.engine:
        return True
    return is_called("engine", source) and not source.path.endswith(".h") and not source.is_module


def is_module_of(source: Source, making: Making) -> bool:
    """Whether a file is a module: by what is in it, or because a Makefile hands it to kbuild as one."""
    return source.is_module or (source.is_kernel and source.path in making.module)


def is_workload(source: Source) -> bool:
    """Whether it is called like one of the contract's workloads."""
    return posixpath.splitext(source.name)[0] in WORKLOADS


def commands(*sources: Source) -> tuple[str, ...]:
    """The commands of the contract that stand in the texts of sources, in order of the alphabet."""
    return tuple(sorted(_commands(sources)))


def _commands(sources: Iterable[Source]) -> frozenset[str]:
    """The commands of the contract that stand in texts of these sources."""
    return COMMANDS & frozenset().union(*(source.text_words for source in sources))


def _belonging(entry: Source, sources: Sequence[Source], *, kernel: bool = False) -> tuple[Source, ...]:
    """The C files of the same program or module: those it includes, what stands beside these, and its folder's."""
    by_name: dict[str, list[Source]] = {}
    for source in sources:
        by_name.setdefault(source.name, []).append(source)
    programs = {source.folder for source in sources if source.language == "c" and source.is_program}
    taken: dict[str, Source] = {}
    pending = [entry]
    if not kernel:
        pending += [source for source in sources if _is_beside(source, entry, programs)]
    while pending:
        source = pending.pop()
        if source.path in taken or source.language != "c":
            continue
        if source is not entry and (source.is_program or (not kernel and _is_module_file(source))):
            continue
        taken[source.path] = source
        for name in source.includes:
            included = _nearest(source, name, by_name)
            if included is not None:
                pending.append(included)
                body = by_name.get(posixpath.splitext(included.name)[0] + ".c", [])
                pending += [
                    file for file in body if file.folder == included.folder and file.is_kernel == kernel
                ]
    del taken[entry.path]
    return tuple(taken[path] for path in sorted(taken))


def _is_beside(source: Source, entry: Source, programs: set[str]) -> bool:
    """Whether a file lies with a program: in its folder, or below it in one without a program of its own."""
    if source.folder == entry.folder:
        return True
    below = entry.folder == "." or source.folder.startswith(f"{entry.folder}/")
    return below and entry.folder != "." and source.folder not in programs


def _is_module_file(source: Source) -> bool:
    return source.path.endswith(".c") and source.is_kernel


def _nearest(source: Source, name: str, by_name: dict[str, list[Source]]) -> Source | None:
    """The file that an `#include "name"` means, or else the nearest one of that name."""
    files = by_name.get(posixpath.basename(name), [])
    exact = posixpath.normpath(posixpath.join(source.folder, name))
    for file in files:
        if file.path == exact:
            return file
    return min(
        files,
        key=lambda file: (-len(posixpath.commonprefix([file.folder, source.folder])), file.path),
        default=None,
    )


def _package(entry: Source, sources: Sequence[Source]) -> tuple[Source, ...]:
    """The Python files in the folder of a program and below."""
    return tuple(
        source
        for source in sources
        if source.language == "python"
        and source is not entry
        and (
            source.folder == entry.folder
            or entry.folder == "."
            or source.folder.startswith(f"{entry.folder}/")
        )
    )
