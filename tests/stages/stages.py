"""The two workspaces of an exercise, before and after it, and what its checks must say of each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, get_args

from implementations import Implementation
from kept import KeptGuest, MutantSession

from grading.guest.tools import Tools
from grading.run.inside import Choose
from grading.session import Session
from grading.verdicts import CheckResult
from lab.exercises import catalogue, starter
from lab.exercises.catalogue import Region, Track

When = Literal["before", "after"]
"""Solved is what comes before the exercise; or that, and the exercise."""
WHEN: tuple[When, ...] = get_args(When)


@dataclass(frozen=True)
class Outcome:
    """What the checks of an exercise said of one workspace."""

    number: str
    when: When
    checks: tuple[CheckResult, ...]
    warnings: tuple[str, ...]
    """Of the compiler."""
    seconds: float

    @property
    def wrong(self) -> tuple[CheckResult, ...]:
        """Before: checks that give points all the same. After: checks that do not pass."""
        if self.when == "before":
            return tuple(each for each in self.checks if each.points or each.verdict == "error")
        return tuple(each for each in self.checks if each.verdict != "passed")

    @property
    def is_right(self) -> bool:
        """Whether it has no point before, and all points afterwards."""
        return not (self.wrong or self.warnings)

    @property
    def shown(self) -> str:
        """For people."""
        points, most = (sum(getattr(each, name) for each in self.checks) for name in ("points", "max_points"))
        verdict = "right" if self.is_right else "WRONG"
        head = f"{self.number} {self.when}: {verdict}, {points:g} of {most:g} points, {self.seconds:.0f} s"
        lines = [f"    {each.id}: {each.verdict} {_why(each)}".rstrip() for each in self.wrong]
        return "\n".join([head, *lines, *(f"    {line}" for line in self.warnings)])


def _why(check: CheckResult) -> str:
    if check.verdict == "skipped":
        return f"(needs {check.parent})"
    return f"(expected {check.expected}, actually {check.actual[:300]})" if check.actual else ""


def session(
    kept: KeptGuest, tools: Tools, implementation: Implementation, track: Track, number: str, when: When
) -> MutantSession:
    """The session of one workspace in the kept guest.

    Args:
        kept: the guest.
        tools: what graded guests have.
        implementation: what is built in it.
        track: of the student.
        number: of the exercise.
        when: before or after it.
    """

    def is_solved(region: Region) -> bool:
        return region.exercise < number or (when == "after" and region.exercise == number)

    files = starter.starter(track, is_solved)
    changed = {name: content for name, content in files.items() if content != implementation.content(name)}
    return MutantSession.of(kept, tools, implementation, changed, f"{when} {number}")


def checks_of(number: str) -> Choose:
    """Chooses the checks of an exercise."""
    folder = catalogue.folders()[number]
    return lambda items: frozenset(id_ for id_, item in items.items() if folder in item.path.parents)


def warnings(session: Session) -> tuple[str, ...]:
    """What the compiler had to say, where something was compiled."""
    assert session.built is not None
    words = session.built.engine.words + "\n" + session.built.module.words
    return tuple(line for line in words.splitlines() if re.search(r"\bwarning:", line, re.IGNORECASE))
