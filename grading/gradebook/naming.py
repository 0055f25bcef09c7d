"""Whom an instructor means: a submission, or a student by anything that the roster says of them."""

from __future__ import annotations

import difflib

from grading.gradebook.ledger import Ledger
from grading.gradebook.marks import Whose
from grading.gradebook.matching import normal
from lab.errors import LabError


def resolve(ledger: Ledger, name: str) -> tuple[Whose, str]:
    """A submission by its name, or a student by id, mail, login or name: which it is, and its key.

    What is set for a submission holds for its whole team; for a student, for that one alone.

    Raises:
        LabError: nobody is called so, or several are.
    """
    submissions = {row.submission for row in ledger.rows if row.submission}
    if name in submissions:
        return "submission", name
    students = [
        student
        for student in ledger.students
        if name in (student.key, student.id, student.login, student.platform_id)
        or name.casefold() == student.mail.casefold()
    ] or [student for student in ledger.students if normal(name) and normal(name) == normal(student.name)]
    if len(students) == 1:
        return "student", students[0].key
    if students:
        ids = ", ".join(student.key for student in students)
        raise LabError(f"Several students are called {name!r}: {ids}", "Name one by the id.")
    known = [*submissions, *(student.key for student in ledger.students), *(s.name for s in ledger.students)]
    near = difflib.get_close_matches(name, known, n=3)
    raise LabError(
        f"Nobody is called {name!r} in this gradebook",
        f"Is it {' or '.join(near)}?"
        if near
        else "`grade show` lists all; --roster FILE names the students.",
    )
