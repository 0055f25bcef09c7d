"""Whom an instructor means: a submission, or a student by anything that the roster says of them."""

from __future__ import annotations

import difflib

from grading.gradebook.ledger import Ledger
from grading.gradebook.marks import Whose
from grading.gradebook.matching import normal, turned
from lab.errors import LabError


def resolve(ledger: Ledger, name: str) -> tuple[Whose, str]:
    """A submission by its name, or a student by id, mail, login or name, the last name first or last.

    What is set for a submission holds for its whole team; for a student, for that one alone.

    Returns:
        Which it is, and its key.

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
    ] or [
        student
        for student in ledger.students
        if normal(name) and normal(name) in map(normal, turned(student.name))
    ]
    if len(students) == 1:
        return "student", students[0].key
    if students:
        ids = "; ".join(student.key for student in students)
        raise LabError(f"Several students are called {name!r}: {ids}", "Name one by the id.")
    # By what could have been typed, what is said of it.
    known = {each.casefold(): each for each in sorted(submissions)}
    for student in ledger.students:
        shown = student.name or student.key
        for each in (student.key, student.login, student.mail, *turned(student.name)):
            known.setdefault(each.casefold(), shown)
    close = difflib.get_close_matches(name.replace(",", " ").casefold(), filter(None, known), n=3)
    near = list(dict.fromkeys(known[each] for each in close))
    raise LabError(
        f"Nobody is called {name!r} in this gradebook",
        f"Is it {' or '.join(near)}?"
        if near
        else "`grade show` lists all; --roster FILE names the students.",
    )
