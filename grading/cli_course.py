"""What `grade run --course` adds to a run, and what of it the gradebook keeps."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from grading.gradebook.roster import Student
    from grading.run.coursework import Coursework
    from grading.run.single import Ground
    from lab.course.course import Course


def chosen(path: Path | None, exercises: str | None, *, as_student: bool) -> Course | None:
    """The course that the options name, with only these of its exercises; None where they name none.

    Raises:
        LabError: there is no such course or exercise, or an option is given that needs one.
    """
    from lab.course.course import load, numbers_of

    if path is None:
        if exercises is not None or as_student:
            name = "--exercises" if exercises is not None else "--as-student"
            raise LabError(f"{name} is about a course, and none is named", "Give --course COURSE.toml, too.")
        return None
    course = load(path)
    if exercises is None:
        return course
    numbers = numbers_of(exercises)
    for number in numbers:
        if course.chosen(number) is None:
            raise LabError(
                f"The course {course.name!r} does without exercise {number}",
                f"It has {', '.join(course.numbers)}.",
            )
    return dataclasses.replace(
        course, exercises=tuple(each for each in course.exercises if each.exercise.number in numbers)
    )


def keep(results: Path, course: Course | None, roster: Path | None) -> tuple[Student, ...]:
    """Keep the roster and what the course says of lateness; who is in the class.

    Raises:
        LabError: the roster or the gradebook cannot be read.
    """
    if course is None and roster is None:
        return ()
    from grading.gradebook import roster as rosters
    from grading.gradebook.amounts import Amount
    from grading.gradebook.marks import LateRule
    from grading.gradebook.store import Gradebook

    with Gradebook.open(results, create=True) as gradebook:
        if roster is not None:
            gradebook.set_roster(rosters.read(roster))
        if course is not None and course.late is not None:
            cap = Amount.read(course.late.cap) if course.late.cap else None
            gradebook.set_late_rule(LateRule(Amount.read(course.late.per_day), cap))
        return gradebook.roster()


def applied(
    results: Path,
    course: Course | None,
    ground: Ground,
    level: int,
    students: tuple[Student, ...],
    *,
    as_student: bool,
) -> Coursework | None:
    """The course for a run on this ground; the gradebook is told of its rubrics.

    Raises:
        LabError: the course hides a check that there is not, or the gradebook refuses.
    """
    if course is None:
        return None
    from grading.gradebook.store import Gradebook
    from grading.run.coursework import coursework

    made = coursework(course, ground.checks, level, students, as_student=as_student)
    if not as_student:
        with Gradebook.open(results, create=True) as gradebook:
            gradebook.set_written(made.written)
    return made
