"""Rubrics: what written work of an exercise is marked by, criterion by criterion, by a person.

A criterion is named by exercise and id, as `06.softirq`; how many points there are the exercise says, and
what a course makes of them is in `grading.gradebook.marks`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from grading.gradebook.amounts import Manual, exact, plain
from grading.gradebook.ledger import Row
from lab.errors import LabError
from lab.exercises import catalogue
from lab.exercises.catalogue import Criterion, Exercise

_NAME = re.compile(r"(\d{1,2})\.([\w-]+)", re.ASCII)


@dataclass(frozen=True)
class Named:
    """A criterion, and of which exercise it is."""

    exercise: Exercise
    criterion: Criterion

    @property
    def name(self) -> str:
        """As the gradebook calls it."""
        return f"{self.exercise.number}.{self.criterion.id}"

    def level(self, points: Decimal) -> str:
        """What is expected for so many points: the highest level that they reach, without its number."""
        reached = [
            text.strip()
            for number, _, text in (level.partition(":") for level in self.criterion.levels)
            if Decimal(number.strip()) <= points
        ]
        return reached[-1] if reached else ""


@cache
def criteria() -> Mapping[str, Named]:
    """All that there are, by name.

    Raises:
        LabError: an exercise makes no sense.
    """
    return {
        named.name: named
        for exercise in catalogue.exercises()
        for named in (Named(exercise, criterion) for criterion in exercise.rubric)
    }


def of_exercise(number: str) -> tuple[Named, ...]:
    """The criteria of an exercise, named as on a command line.

    Raises:
        LabError: there is no such exercise, or it has no rubric.
    """
    wanted = catalogue.number_of(number)
    found = tuple(named for named in criteria().values() if named.exercise.number == wanted)
    if not found:
        raise LabError(f"Exercise {wanted} has no rubric", "Nothing in it is marked by hand.")
    return found


def points(name: str, text: str) -> tuple[str, Manual]:
    """Points by hand as they are set: `report` with `8/10`, or a criterion with as many of its points.

    Args:
        name: of a criterion, or any other.
        text: `2`, `2/3`; of a criterion the maximum is known.

    Returns:
        The name as the gradebook has it, and the points.

    Raises:
        LabError: it is no number, more than there is, or names a criterion that there is not.
    """
    match = _NAME.fullmatch(name)
    given = Manual.read(text)
    if match is None:
        return name, given
    number = catalogue.number_of(match[1])
    wanted = f"{number}.{match[2]}"
    if wanted not in criteria():
        there = [each for each in criteria() if each.startswith(f"{number}.")]
        near = difflib.get_close_matches(wanted, there, n=1) or there
        raise LabError(
            f"The rubric of exercise {number} has no criterion {match[2]!r}",
            f"It has {', '.join(near)}." if near else "It has none at all.",
        )
    most = exact(criteria()[wanted].criterion.points)
    if given.max_points and given.max_points != most:
        raise LabError(f"{wanted} is out of {plain(most)}, not of {plain(given.max_points)}", "Leave it out.")
    if not 0 <= given.points <= most:
        raise LabError(
            f"{wanted} cannot have {plain(given.points)} points",
            f"There are 0 to {plain(most)}; `grade rubric {number}` says what for.",
        )
    return wanted, Manual(given.points, most)


def lacking(rows: Iterable[Row], name: str) -> list[str]:
    """Who handed something in and has no points of a criterion yet; the titles of their rows."""
    return [
        row.title
        for row in rows
        if row.submission and name not in row.adjustments.points and not row.mark.excused
    ]


def told(given: Mapping[str, Manual]) -> list[tuple[Named, Manual]]:
    """Of points by hand those for criteria, in the order of the exercises."""
    return [(named, given[name]) for name, named in criteria().items() if name in given]
