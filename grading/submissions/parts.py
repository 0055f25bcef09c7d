"""Which part of a Makefile's default goal is the engine, which the module, and whether both can be built at once.

Building under emulation is slow, and workloads are not graded. So where a Makefile lets them be told apart
for certain, the engine's targets are made beside the module's, and workloads are left out. Where anything is
not understood, there are no parts, and `make` of everything is what counts, as a student types it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from grading.submissions import makefiles
from grading.submissions.makefiles import Rule

WORKLOADS = frozenset(("cpu_hog", "memory_hog", "io_pulse", "workloads"))
"""Programs of the contract's section 3, whose own code no check looks at."""

MAINTENANCE = frozenset(("clean", "distclean", "install", "uninstall", "load", "unload", "insmod", "rmmod"))
"""Goals whose order among others matters, and which no rule says."""

MOST_STEPS = 1_000_000
"""From goals to what they need; a Makefile that takes more is not understood."""

_MAKES = re.compile(r"\bmake\b|\bMAKE\b")
_KBUILD = re.compile(r"\b(?:M|SUBDIRS)=")
_HARMLESS = re.compile(r"[@+-]*\s*(?:#|echo\b|printf\b|:|true\b)")


@dataclass(frozen=True)
class Parts:
    """Goals to give to `make`."""

    engine: tuple[str, ...] = ()
    """They make nothing of the module's. Empty where there are none, or the Makefile is not understood."""
    module: tuple[str, ...] = ()
    """Likewise."""
    module_apart: bool = False
    """Whether kbuild alone does the module's work, and nothing is compiled for the engine beside it."""


def parts(folder: Path) -> Parts:
    """The parts of what `make` without a goal makes in a folder.

    Raises:
        OSError: the Makefile cannot be read.
    """
    text = makefiles.text_of(folder)
    read = makefiles.rules(text)
    goal = makefiles.default_goal(text) or next(iter(read), "")
    if goal not in read or makefiles.includes_others(text):
        return Parts()
    # A goal with commands of its own may need all that it names, as one that links does.
    goals = [goal] if read[goal].commands else list(read[goal].needs)
    whole = _closure([goal], read)
    size = sum(1 + len(rule.needs) for rule in read.values())
    if (
        len(goals) * size > MOST_STEPS
        or any("$" in each for each in goals)
        or (whole | set(goals)) & MAINTENANCE
    ):
        return Parts()
    if any(_MAKES.search(each) and not _is_kbuild(each) for each in _commands(whole, read)):
        return Parts()  # it descends into folders whose Makefiles may make anything
    module = [
        each for each in goals if any(_is_kbuild(line) for line in _commands(_closure([each], read), read))
    ]
    engine = [each for each in goals if each not in module and each not in WORKLOADS]
    for_engine, for_module = _closure(engine, read), _closure(module, read)
    if for_engine & for_module:
        return Parts()
    apart = all(_is_kbuild(each) or _HARMLESS.match(each) for each in _commands(for_module, read))
    if not engine and not apart:
        return Parts()
    return Parts(tuple(engine), tuple(module), bool(module) and apart)


def _commands(names: Iterable[str], read: Mapping[str, Rule]) -> list[str]:
    return [command for name in names for command in read[name].commands]


def _is_kbuild(command: str) -> bool:
    return bool(_MAKES.search(command) and _KBUILD.search(command))


def _closure(goals: Iterable[str], read: Mapping[str, Rule]) -> frozenset[str]:
    """All targets with rules that making some goals may make."""
    found: set[str] = set()
    pending = list(goals)
    while pending:
        name = pending.pop()
        rule = read.get(name)
        if rule is not None and name not in found:
            found.add(name)
            pending += rule.needs
    return frozenset(found)
