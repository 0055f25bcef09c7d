"""A course's choices, as `course.toml` has them: exercises, points, deadlines, the seed.

    name = "Operating systems"
    seed = "autumn"
    tracks = ["python"]

    [[exercises]]
    number = "01"
    points = 20
    deadline = 2026-11-02T23:59:00+01:00

The instructor's file decides when a class is graded; a copy lies at the top of each workspace, for what
the student is shown and what is checked on a push. Names of checks are known to the grader alone, so it
is the grader that looks whether what `hidden` names is there.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import get_args

from lab.errors import LabError
from lab.exercises import answers, catalogue
from lab.exercises.catalogue import TRACKS, Exercise, QuestionKind, Track
from lab.exercises.tables import Table, read

FILE = "course.toml"

LONGEST = 64
"""Characters of a seed; a student's id may have as many."""

_AMOUNT = re.compile(r"\d{1,9}(\.\d{1,6})?%?")


@dataclass(frozen=True)
class Chosen:
    """An exercise that the course asks for."""

    exercise: Exercise
    points: float | None = None
    """What all of it counts; None for the points that it has itself, `Course.own_points`."""
    deadline: datetime | None = None
    """With its time zone."""


@dataclass(frozen=True)
class Late:
    """What lateness costs, in the form of `grade set --per-day --cap`."""

    per_day: str
    """`10%` of the maximum, or points."""
    cap: str = ""
    """The most that it costs; empty for no limit."""


@dataclass(frozen=True)
class Course:
    """What an instructor chose."""

    path: Path
    """The file that says so."""
    name: str
    seed: str
    """With a student's id it gives that student's own numbers. No secret: students need it."""
    tracks: tuple[Track, ...]
    exercises: tuple[Chosen, ...]
    """In the order of their numbers."""
    level: int = 2
    """1: what a course in C usually asks; 2: the whole contract."""
    late: Late | None = None
    hidden: tuple[str, ...] = ()
    """Checks, groups of checks and answers (`answers.08.half`) of which students see only title, verdict, points."""
    rubric: bool = True
    """Whether written work is marked, by hand; then its points are among those that can be earned."""
    answers_shown: tuple[QuestionKind, ...] = answers.SHOWN
    """Kinds of questions of which students are told at once whether their answer is right."""
    kit: str = ""
    """Where a push finds the kit: an address that `git clone` takes. Empty: nothing is checked on a push."""
    kit_version: str = ""
    """A tag or branch of it; empty for the newest."""

    def chosen(self, number: str) -> Chosen | None:
        """An exercise of the course by its two digits; None where the course does without it."""
        return next((each for each in self.exercises if each.exercise.number == number), None)

    def own_points(self, exercise: Exercise) -> float:
        """What its checks of the course's level, its questions and, where it is marked, its rubric have together."""
        points = exercise.points_at_1 if self.level == 1 else None
        rubric = 0 if self.rubric else sum(criterion.points for criterion in exercise.rubric)
        return (exercise.points if points is None else points) - rubric

    def counts(self, chosen: Chosen) -> float:
        """What can be earned in an exercise of the course."""
        own = self.own_points(chosen.exercise)
        return own if chosen.points is None or not own else chosen.points

    @property
    def numbers(self) -> tuple[str, ...]:
        """The numbers of its exercises."""
        return tuple(each.exercise.number for each in self.exercises)


def load(path: Path, top: Path = catalogue.EXERCISES) -> Course:
    """The course that a file describes.

    Args:
        path: `course.toml`, or the folder in which it is.
        top: the folder of the exercises.

    Raises:
        LabError: it cannot be read, or a key is missing, unknown or makes no sense; file and key are named.
    """
    file = read(path / FILE if path.is_dir() else path)
    made = Course(
        path=path / FILE if path.is_dir() else path,
        name=file.text("name"),
        seed=_seed(file),
        tracks=_tracks(file),
        exercises=_exercises(file, top),
        level=_level(file),
        late=_late(file),
        hidden=file.texts("hidden", ()),
        rubric=file.flag("rubric", True),
        answers_shown=_shown(file),
        kit=file.text("kit", ""),
        kit_version=file.text("kit_version", ""),
    )
    file.close()
    for key, text in (("kit", made.kit), ("kit_version", made.kit_version)):
        # They end up in the command lines of a CI system.
        if text.startswith("-") or not re.fullmatch(r"[\w@%+=:,./~-]*", text):
            raise file.error(key, f"{text!r} has signs that no address of a repository needs")
    return made


def of_workspace(folder: Path) -> Course | None:
    """The course whose copy lies in a workspace; None where there is none.

    Raises:
        LabError: there is one, and it makes no sense or is no file.
    """
    path = folder / FILE
    if path.is_file():
        return load(path)
    if os.path.lexists(path):
        raise LabError(f"{path} is no file that can be read", "Bring the course's back, or move this away.")
    return None


def numbers_of(text: str, top: Path = catalogue.EXERCISES) -> tuple[str, ...]:
    """The exercises that a command line means by `01-07`, `01,03` or `all`, in order.

    Raises:
        LabError: there is no such exercise, or a range runs backwards.
    """
    there = tuple(catalogue.folders(top))
    found: set[str] = set()
    for part in (each.strip() for each in text.split(",")):
        if part == "all":
            found.update(there)
            continue
        first, dash, last = part.partition("-")
        begin = catalogue.number_of(first.strip(), top)
        end = catalogue.number_of(last.strip(), top) if dash else begin
        if end < begin:
            raise LabError(f"The exercises {part!r} run backwards", f"Write {end}-{begin}.")
        found.update(number for number in there if begin <= number <= end)
    return tuple(sorted(found))


def _seed(file: Table) -> str:
    seed = file.text("seed")
    if len(seed) > LONGEST or not seed.isprintable():
        raise file.error("seed", f"it has at most {LONGEST} visible characters")
    return seed


def _tracks(file: Table) -> tuple[Track, ...]:
    named = file.texts("tracks", ("python",))
    if not named or set(named) - set(TRACKS) or len(set(named)) < len(named):
        raise file.error("tracks", f"it lists one or several of {', '.join(TRACKS)}, not {list(named)}")
    return tuple(track for track in TRACKS if track in named)


def _level(file: Table) -> int:
    level = file.whole("level") if file.has("level") else 2
    if level not in (1, 2):
        raise file.error("level", f"there is 1 and 2, and no {level}")
    return level


def _late(file: Table) -> Late | None:
    if not file.has("late"):
        return None
    table = Table(file.table("late"), f"{file.where}: [late]")
    found = Late(table.scalar("per_day", ""), table.scalar("cap", ""))
    for key, text in (("per_day", found.per_day), ("cap", found.cap)):
        needed = key == "per_day" or text
        percentage = float(text[:-1]) if re.fullmatch(r"[\d.]+%", text) and _AMOUNT.fullmatch(text) else 0
        if needed and (not _AMOUNT.fullmatch(text) or percentage > 100):
            raise table.error(
                key, f'{text!r} is no amount; write "10%" of the maximum, or a number of points'
            )
    table.close()
    return found


def _shown(file: Table) -> tuple[QuestionKind, ...]:
    kinds = get_args(QuestionKind)
    named = file.texts("answers_shown", answers.SHOWN)
    for each in named:
        if each not in kinds:
            raise file.error("answers_shown", f"{each!r} is no kind of question; there is {', '.join(kinds)}")
    return tuple(kind for kind in kinds if kind in named)


def _exercises(file: Table, top: Path) -> tuple[Chosen, ...]:
    known = {each.number: each for each in catalogue.exercises(top)}
    found: dict[str, Chosen] = {}
    for table in file.tables("exercises", optional=False):
        number = table.text("number")
        if number not in known:
            raise table.error(
                "number", f"there is no exercise {number!r}; there are {min(known)} to {max(known)}"
            )
        if number in found:
            raise table.error("number", f"{number} stands there twice")
        points = table.number("points") if table.has("points") else None
        deadline = table.moment("deadline") if table.has("deadline") else None
        found[number] = Chosen(known[number], points, deadline)
        table.close()
    if not found:
        raise file.error("exercises", "a course has at least one exercise")
    return tuple(found[number] for number in sorted(found))
