"""What was set for a student stays theirs, whatever other lists call them."""

from __future__ import annotations

from pathlib import Path

from grading.gradebook import ledger
from grading.gradebook.marks import Adjustments
from grading.gradebook.roster import Student
from grading.gradebook.store import Gradebook

BY_MAIL = Student(name="Ann Lee", mail="ann@x.edu", folder="ann")
BY_ID = Student(id="s1", name="Ann Lee", mail="ann@x.edu")


def excused(book: Gradebook, others: tuple[Student, ...] = ()) -> list[bool | None]:
    return [row.adjustments.excused for row in ledger.of(book, others).rows]


def test_a_worksheet_that_knows_more_does_not_rename_a_student(tmp_path: Path) -> None:
    with Gradebook.open(tmp_path, create=True) as book:
        book.set_roster((BY_MAIL,))
        book.adjust("student", BY_MAIL.key, lambda _: Adjustments(excused=True))
        assert excused(book) == [True]
        assert excused(book, (BY_ID,)) == [True]
        [joined] = ledger.of(book, (BY_ID,)).students
        assert (joined.id, joined.key) == ("s1", "ann@x.edu")


def test_a_roster_that_knows_more_takes_over_what_was_set(tmp_path: Path) -> None:
    with Gradebook.open(tmp_path, create=True) as book:
        book.set_roster((BY_MAIL,))
        book.adjust("student", BY_MAIL.key, lambda _: Adjustments(excused=True))
        book.set_roster((BY_ID,))
        assert excused(book) == [True]
        book.adjust("student", "s1", lambda old: Adjustments())
        book.set_roster((BY_ID,))
        assert excused(book) == [None]
