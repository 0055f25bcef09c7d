"""The class on one page: a row for each submission and for each student without one, with the mark.

What pages, exports and `grade show` read. A row is of one student, or of a team whose members all
have the same mark; where something was set for one of them alone, that one has a row of their own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from grading.gradebook.marks import Adjustments, LateRule, Mark, Scale, Whose, mark
from grading.gradebook.matching import Unmatched, match, same
from grading.gradebook.roster import Student
from grading.gradebook.store import Entry, Gradebook
from grading.verdicts import SubmissionResult


@dataclass(frozen=True)
class Row:
    """A submission, whose it is, and its mark."""

    submission: str
    """Empty: these students handed nothing in."""
    students: tuple[Student, ...]
    """Empty: the roster does not say whose it is, or there is no roster."""
    entry: Entry | None
    adjustments: Adjustments
    mark: Mark

    @property
    def result(self) -> SubmissionResult | None:
        """The result that counts."""
        return self.entry.result if self.entry else None

    @property
    def title(self) -> str:
        """How the row is called where there is room for one name."""
        return self.submission or "; ".join(student.name or student.key for student in self.students)


@dataclass(frozen=True)
class Ledger:
    """All rows, and what could not be matched."""

    rows: tuple[Row, ...]
    students: tuple[Student, ...]
    """The roster; empty where there is none."""
    submissions_left: tuple[Unmatched, ...]
    students_left: tuple[Student, ...]
    rule: LateRule | None
    scale: Scale
    """What there is to earn; every mark is out of its total."""

    def rows_of(self, kind: Whose, key: str) -> list[Row]:
        """The rows of a submission, or of a student."""
        if kind == "submission":
            return [row for row in self.rows if row.submission == key]
        return [row for row in self.rows if key in {student.key for student in row.students}]


def of(gradebook: Gradebook, others: Sequence[Student] = ()) -> Ledger:
    """The class as the gradebook has it now.

    `others` are students of another list of the same class, such as Moodle's worksheet: they stand in
    for the roster where there is none, and their numbers help to match where there is one.
    """
    students = tuple(_joined(student, others) for student in gradebook.roster()) or tuple(others)
    return assemble(
        gradebook.all_latest(),
        gradebook.adjustments(),
        students,
        gradebook.late_rule(),
        gradebook.written().criteria,
    )


def assemble(
    latest: Sequence[Entry],
    set_: Mapping[tuple[Whose, str], Adjustments],
    students: tuple[Student, ...],
    rule: LateRule | None,
    criteria: Mapping[str, Decimal] | None = None,
) -> Ledger:
    """The class from its parts: the results that count, what was set, the roster, the late rule, the rubrics."""
    entries = {entry.result.submission: entry for entry in latest}
    names = [*entries, *(name for kind, name in set_ if kind == "submission" and name not in entries)]
    found = match(names, students)
    scale = Scale.of((entry.result for entry in entries.values()), set_.values(), criteria)
    rows = []
    for name in sorted(names):
        team = set_.get(("submission", name), Adjustments())
        for members, adjustments in _by_adjustments(found.students.get(name, ()), team, set_):
            entry = entries.get(name)
            result = entry.result if entry else None
            rows.append(Row(name, members, entry, adjustments, mark(result, adjustments, rule, scale)))
    for student in found.students_left:
        adjustments = set_.get(("student", student.key), Adjustments())
        rows.append(Row("", (student,), None, adjustments, mark(None, adjustments, rule, scale)))
    left = found.submissions_left if students else ()
    return Ledger(tuple(rows), students, left, found.students_left, rule, scale)


def _joined(student: Student, others: Sequence[Student]) -> Student:
    """The student with what the other list knows beyond the roster."""
    other = same(student, others) if others else None
    if other is None:
        return student
    known = {
        field.name: getattr(other, field.name)
        for field in dataclasses.fields(Student)
        if field.name not in ("line", "named") and not getattr(student, field.name)
    }
    return dataclasses.replace(student, **known, named=student.key)


def _by_adjustments(
    members: Sequence[Student], team: Adjustments, set_: Mapping[tuple[Whose, str], Adjustments]
) -> list[tuple[tuple[Student, ...], Adjustments]]:
    """The members of a team, together as long as nothing was set for one of them alone."""
    alone = [student for student in members if ("student", student.key) in set_]
    together = tuple(student for student in members if student not in alone)
    rows: list[tuple[tuple[Student, ...], Adjustments]] = [
        ((student,), set_["student", student.key].over(team)) for student in alone
    ]
    return [(together, team), *rows] if together or not members else rows
