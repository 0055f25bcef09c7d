"""Individual parameters: numbers, words and orders that differ from student to student.

What somebody has follows from the course's seed, the student's id and a name, and from
nothing else: student and grader compute it apart and get the same. So SHA-256 decides, on every
machine and for every version of Python, and neither `random` nor `hash`, which promise no such thing.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lab.errors import LabError


@dataclass(frozen=True)
class Words:
    """One of these words."""

    words: tuple[str, ...]

    @property
    def choices(self) -> tuple[str, ...]:
        """All values that it can have."""
        return self.words


@dataclass(frozen=True)
class Numbers:
    """A whole number of a range, both ends included."""

    least: int
    most: int
    step: int = 1

    @property
    def choices(self) -> tuple[int, ...]:
        """All values that it can have."""
        return tuple(range(self.least, self.most + 1, self.step))


Parameter = Words | Numbers


def parse(name: str, table: Any, where: str) -> Parameter:
    """A parameter as `exercise.toml` declares it.

    Args:
        name: its key.
        table: `{ words = […] }` or `{ least = 1, most = 9, step = 2 }`.
        where: the file, for messages.

    Raises:
        LabError: it is neither.
    """
    place = f"{where}: parameter {name}"
    if not name.isidentifier():
        raise LabError(f"{place}: that is no name for a template", "Use letters, digits and `_`.")
    if isinstance(table, dict) and set(table) == {"words"}:
        words = table["words"]
        fits = isinstance(words, list) and all(isinstance(word, str) and word for word in words)
        if fits and len(set(words)) == len(words) > 1:
            return Words(tuple(words))
        raise LabError(f"{place}: words must be a list of at least two different words")
    if isinstance(table, dict) and {"least", "most"} <= set(table) <= {"least", "most", "step"}:
        values = [table["least"], table["most"], table.get("step", 1)]
        if all(type(value) is int for value in values) and values[0] < values[1] and values[2] > 0:
            return Numbers(*values)
        raise LabError(f"{place}: least, most and step must be whole numbers, least < most, step > 0")
    raise LabError(
        f"{place} is not declared as one",
        f"Write {name} = {{ words = [...] }} or {name} = {{ least = 1, most = 9, step = 2 }}.",
    )


def values(declared: Mapping[str, Parameter], student: str, seed: str) -> dict[str, str | int]:
    """What each parameter is for one student.

    Args:
        declared: the parameters of an exercise, by name.
        student: the student's id; spaces around it and the case of letters do not matter.
            Empty for nobody's: what the site shows and the tests use.
        seed: the course's.
    """
    return {name: _choose(name, parameter, student, seed) for name, parameter in declared.items()}


def order(name: str, count: int, student: str, seed: str) -> tuple[int, ...]:
    """In which order one student sees so many things; nobody sees them as they are written.

    Args:
        name: of what is ordered, as `05.when_complete`; each name has an order of its own.
        count: how many there are.
        student: the student's id, as for `values`.
        seed: the course's.

    Returns:
        their numbers, counted from 0 as they are written, in that order.
    """
    if not student.strip():
        return tuple(range(count))
    return tuple(
        sorted(range(count), key=lambda at: _digest("boxwright order 1", seed, student, f"{name} {at}"))
    )


def _choose(name: str, parameter: Parameter, student: str, seed: str) -> str | int:
    number = int.from_bytes(_digest("boxwright parameter 1", seed, student, name), "big")
    choices = parameter.choices
    return choices[number % len(choices)]


def plain(student: str) -> str:
    """An id as it counts: of those that become the same here, all have the same numbers."""
    return unicodedata.normalize("NFC", student.strip().casefold())


def _digest(purpose: str, seed: str, student: str, name: str) -> bytes:
    digest = hashlib.sha256()
    for part in (purpose, seed, plain(student), name):
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big") + data)  # so that no two of them look alike
    return digest.digest()
