"""What `grade run --course` adds to a run, and what of it the gradebook keeps."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from grading.api.checks import Check
    from grading.run.batch import Settings
    from grading.run.coursework import Coursework
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


def kept(
    results: Path,
    course: Course | None,
    roster: Path | None,
    checks: tuple[Check, ...],
    wanted: Settings,
    *,
    as_student: bool,
) -> Coursework | None:
    """The course for a run; the gradebook is told of the roster, the rubrics and what lateness costs.

    Raises:
        LabError: the roster cannot be read, the course hides a check that there is not or asks for none of
            those wanted, or the gradebook refuses; nothing is kept then.
    """
    if course is None and roster is None:
        return None
    from grading.gradebook import roster as rosters
    from grading.gradebook.amounts import Amount
    from grading.gradebook.marks import LateRule
    from grading.gradebook.store import Gradebook
    from grading.run.coursework import coursework

    students = None if roster is None else rosters.read(roster)
    made = rule = None
    if course is not None:
        made = coursework(course, checks, wanted.level, students or (), as_student=as_student)
        made.asked(wanted.only)
        if course.late is not None:
            cap = Amount.read(course.late.cap) if course.late.cap else None
            rule = LateRule(Amount.read(course.late.per_day), cap)
    with Gradebook.open(results, create=True) as gradebook, gradebook.together():
        if students is not None:
            gradebook.set_roster(students)
        if rule is not None:
            gradebook.set_late_rule(rule)
        if made is None:
            return None
        if not as_student:
            gradebook.set_written(made.written)
        return dataclasses.replace(made, roster=gradebook.roster())
