"""One run of an exercise's checks in the kept guest, and what is told of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from grading.api.checks import Check
from grading.plugin import Outcome
from grading.run.inside import InsideGrading, judge
from grading.session import Session
from grading.student.bench import WorkspaceSession
from grading.student.evidence import printed
from grading.student.stalls import take_from_console
from grading.verdicts import CheckResult
from lab.errors import LabError, MachineError

MOST_LOSSES = 2
"""Machines that one run may lose; the checks that are left are not tried then, since each may take a minute."""

_ONE = r"Traceback \(most recent call last\):\n(?:[ \t].*\n|\n)*.+"
_CHAINED = (
    r"\n\n(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):\n\n"
)
TRACEBACK = re.compile(f"{_ONE}(?:{_CHAINED}{_ONE})*")
"""As Python's `traceback` prints them: those of one chain are one."""

MOST_TRACEBACKS = 2

Tell = Callable[[CheckResult], None]


@dataclass(frozen=True)
class Place:
    """Where a check is written."""

    check: Check
    exercise: str
    """The number of the exercise."""
    folder: Path


class Telling(InsideGrading):
    """A grading that tells each verdict at once, and does not try a second time what broke a machine."""

    def __init__(self, config: pytest.Config, session: Session, tell: Tell) -> None:
        super().__init__(config, session)
        self._tell_verdict = tell
        self._losses = 0
        self._breaker = ""

    def _tell(self, value: object) -> None:
        if isinstance(value, dict) and "verdict" in value:
            self._tell_verdict(self.verdicts[value["id"]])

    def _broken_by(self, item: pytest.Item) -> str:
        return self._breaker if self._losses >= MOST_LOSSES else super()._broken_by(item)

    def _again(self, item: pytest.Item, check: Check, outcome: Outcome, attempt: int) -> bool:
        session = self.session
        lost = isinstance(outcome.error, MachineError)
        if lost:
            take_from_console(session.guest)
        again = super()._again(item, check, outcome, attempt)
        if (lost or outcome.lost) and not outcome.was_beside:
            self._losses += 1
            self._breaker = check.id
            return False
        return again


def chosen(places: Mapping[str, Place], exercise: str, only: Sequence[str]) -> tuple[str, ...]:
    """The ids of an exercise's checks that are asked for.

    Args:
        places: all checks.
        exercise: its number.
        only: ids, groups, or names of checks without their groups; empty for all.

    Raises:
        LabError: it has no such check, or none at all.
    """
    mine = [id_ for id_, place in places.items() if place.exercise == exercise]
    found: list[str] = []
    for name in only:
        meant = [id_ for id_ in mine if name in (id_, places[id_].check.group, id_.partition(".")[2])]
        if not meant:
            elsewhere = places.get(name)
            where = (
                f"It is one of exercise {elsewhere.exercise}."
                if elsewhere
                else f"There is {', '.join(mine)}."
            )
            raise LabError(f"Exercise {exercise} has no check {name!r}", where)
        found += meant
    if not mine:
        raise LabError(
            f"Exercise {exercise} has no checks", f"`lab guide {exercise}` shows what there is to do."
        )
    return tuple(id_ for id_ in mine if not only or id_ in found)


def with_parents(places: Mapping[str, Place], ids: Iterable[str]) -> frozenset[str]:
    """These checks, and all that they build on."""
    found: set[str] = set()
    left = list(ids)
    while left:
        each = left.pop()
        if each in places and each not in found:
            found.add(each)
            left.extend(places[each].check.needs)
    return frozenset(found)


def run(
    session: WorkspaceSession, places: Mapping[str, Place], ids: Sequence[str], tell: Tell
) -> dict[str, CheckResult]:
    """Run checks and what they build on.

    Args:
        session: of the workspace.
        places: all checks there are.
        ids: those that are asked for.
        tell: told each verdict as it comes.

    Raises:
        LabError: they could not be run.
    """
    every = with_parents(places, ids)
    folders = sorted({places[id_].folder for id_ in every})

    def make(config: pytest.Config, shared: Session) -> InsideGrading:
        return Telling(config, shared, tell)

    def choose(items: Mapping[str, pytest.Item]) -> frozenset[str]:
        return every & frozenset(items)

    return judge(session, "the workspace", choose, places=folders, make=make)


def tracebacks(session: WorkspaceSession, folder: str) -> tuple[str, ...]:
    """Python tracebacks that the student's engine printed, each once, with paths as they are in the workspace.

    Args:
        session: after its checks.
        folder: the workspace's in the guest.
    """
    found: dict[str, None] = {}
    for job in [job for seen in session.seen() for job in seen.programs]:
        text = printed(job).decode("utf-8", "backslashreplace")
        for match in TRACEBACK.finditer(text):
            if folder in match[0]:
                found[match[0].replace(f"{folder}/", "")] = None
    return tuple(found)[:MOST_TRACEBACKS]
