"""An exercise with all that its rules look at: checks, mutants, the table of the contract's sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from grading.api.checks import Check
from grading.run.catalogue import all_checks
from grading.verdicts import GROUPS
from lab import paths
from lab.exercises import catalogue, guides, parameters
from lab.exercises.catalogue import EXERCISES, Exercise
from lab.exercises.guides import Guide

MUTANTS = paths.CHECKOUT / "tests" / "mutants"
TABLE = "README.md"
"""In the folder of the kit's exercises: which check looks at which sentence of the contract."""

_ROW = re.compile(r"^\| (\d\.\d+) \| (.+?) \| ([\d, ]+) \| (.+) \|$", re.MULTILINE)
_ID = re.compile(rf"`((?:{'|'.join(GROUPS)})\.[a-z0-9_]+)`")


@dataclass(frozen=True)
class Row:
    """A sentence of the contract, or of what an exercise asks beyond it."""

    number: str
    sentence: str
    exercises: tuple[str, ...]
    """Numbers of those that teach it."""
    checks: tuple[str, ...]
    """Ids of those that look at it."""


@dataclass(frozen=True)
class Subject:
    """An exercise to be looked at."""

    exercise: Exercise
    checks: tuple[Check, ...]
    """Those in its folder."""
    homes: Mapping[str, str]
    """The number of the exercise in which each check there is stands, by its id."""
    rows: tuple[Row, ...]
    losing: Mapping[str, tuple[str, ...]]
    """The mutants that lose a check, by the check's id."""

    @property
    def folder(self) -> Path:
        """Its folder."""
        return self.exercise.folder

    @cached_property
    def text(self) -> str:
        """Its guide, as it is written."""
        return (self.folder / guides.NAME).read_text(encoding="utf-8")

    @cached_property
    def guide(self) -> Guide:
        """Its guide, with nobody's parameters.

        Raises:
            LabError: it is none.
        """
        return guides.read(self.folder, parameters.values(self.exercise.parameters, "", ""))

    @property
    def all_values(self) -> Iterator[dict[str, str | int]]:
        """As many sets of parameters as are needed for each value to come once."""
        choices = {name: each.choices for name, each in self.exercise.parameters.items()}
        for at in range(max((len(each) for each in choices.values()), default=1)):
            yield {name: each[at % len(each)] for name, each in choices.items()}

    @property
    def is_kits(self) -> bool:
        """Whether it lies among the kit's own, and so belongs into their table."""
        return self.folder.parent == EXERCISES


def subjects(*numbers: str) -> tuple[Subject, ...]:
    """Exercises to be looked at; all where none is named.

    Raises:
        LabError: there is no such exercise, or something of one cannot be read at all.
    """
    folders = catalogue.folders()
    checks = {number: all_checks(folder) for number, folder in folders.items()}
    all_checks()  # two that have one id, or scenarios of one name, are an error there
    homes = {check.id: number for number, found in checks.items() for check in found}
    rows, losing = table(), mutants()
    wanted = [catalogue.number_of(each) for each in numbers] or list(folders)
    return tuple(
        Subject(catalogue.exercise(number), checks[number], homes, rows, losing) for number in wanted
    )


def table(top: Path = EXERCISES) -> tuple[Row, ...]:
    """The rows of the table of sentences."""
    text = (top / TABLE).read_text(encoding="utf-8")
    return tuple(
        Row(number, said, tuple(where.split(", ")), tuple(_ID.findall(ids)))
        for number, said, where, ids in _ROW.findall(text)
    )


def mutants(top: Path = MUTANTS) -> Mapping[str, tuple[str, ...]]:
    """The mutants of the release gate, by the ids of the checks that each loses; none where there is no gate."""
    found: dict[str, tuple[str, ...]] = {}
    for path in sorted(top.glob("*/*.patch")):
        head = path.read_text(encoding="utf-8").partition("\ndiff --git ")[0]
        for id_ in re.findall(r"[a-z]+\.[a-z0-9_]+", head.partition("Loses:")[2]):
            found[id_] = (*found.get(id_, ()), path.stem)
    return found
