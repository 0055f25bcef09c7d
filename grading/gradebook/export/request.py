"""What every export is told, and what it tells in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grading.gradebook.amounts import plain
from grading.gradebook.files import file_names
from grading.gradebook.ledger import Ledger, Row
from grading.gradebook.roster import Student
from grading.gradebook.text import line


@dataclass(frozen=True)
class Request:
    """What is to be written, and how."""

    ledger: Ledger
    output: Path
    out_of: Decimal | None = None
    """The maximum at the other end; where it is not said, that of the class."""
    missing_as_zero: bool = False
    """Whoever handed in nothing, and is not excused, has 0 and not no mark."""
    assignment: str = ""
    """Its name at the other end; for Canvas with the number, as `Project 1 (123)`."""
    worksheet: Path | None = None
    """What was downloaded from the other end: Moodle's grading worksheet, Canvas' gradebook."""

    @property
    def whole(self) -> Decimal:
        """The maximum of every exported mark."""
        return self.ledger.scale.total if self.out_of is None else self.out_of

    def points(self, row: Row) -> Decimal | None:
        """The mark as it is exported; None where there is none."""
        if row.mark.points is None and not row.submission and not row.mark.excused and self.missing_as_zero:
            return Decimal(0)
        return row.mark.out_of(self.whole)

    def folders(self) -> Iterator[tuple[Path, Row]]:
        """A folder in `output` for each row with a submission; one for each member who has a mark of their own."""
        rows = [row for row in self.ledger.rows if row.submission]
        shared = Counter(row.submission for row in rows)
        titles = [
            row.submission
            if shared[row.submission] == 1
            else f"{row.submission} {' '.join(student.key for student in row.students)}"
            for row in rows
        ]
        names = file_names(titles)
        return ((self.output / names[title], row) for title, row in zip(titles, rows, strict=True))

    def by_student(self) -> Iterator[tuple[Student, Row]]:
        """Every student of the roster with their row, in the roster's order."""
        rows = {student.key: row for row in self.ledger.rows for student in row.students}
        return ((student, rows[student.key]) for student in self.ledger.students)


@dataclass(frozen=True)
class Outcome:
    """What was written, and what the instructor should know."""

    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()
    """Sentences: who was not matched, who has no mark, what was scaled."""


def notes(request: Request) -> tuple[str, ...]:
    """What holds for every format: nothing is left out without being named."""
    ledger = request.ledger
    found = [f"{line(left.submission)!r} is nobody's: {line(left.why)}." for left in ledger.submissions_left]
    if ledger.students_left:
        names = [student.name or student.key for student in ledger.students_left]
        found.append(f"Without a submission: {named(names)}.")
    for row in ledger.rows:
        if row.result is not None and row.mark.points is None and not row.mark.excused:
            why = line(row.result.why) or "no check could be decided"
            found.append(f"{line(row.title)!r} has no mark: {why.rstrip('.')}.")
        elif row.result is not None and row.result.refused and not row.mark.excused:
            found.append(f"{line(row.title)!r} has no point by checks: {line(row.result.why).rstrip('.')}.")
    undecided = [row.title for row in ledger.rows if row.mark.provisional]
    if undecided:
        found.append(f"Some checks could not be decided, grade again: {named(undecided)}.")
    for name in sorted({name for row in ledger.rows if row.submission for name in row.mark.waiting}):
        waiting = [row.title for row in ledger.rows if row.submission and name in row.mark.waiting]
        found.append(f"No points for {line(name)!r} yet, which count 0: {named(waiting)}.")
    if request.out_of is not None and request.out_of != ledger.scale.total:
        found.append(f"Marks out of {plain(ledger.scale.total)} became marks out of {plain(request.out_of)}.")
    return tuple(found)


def named(names: Iterable[str]) -> str:
    """Names one after the other; between them no comma, which is in many a name (`Lee, Ann`)."""
    return "; ".join(line(name) for name in names)
