"""Canvas' gradebook, as its page Grades imports it (Actions, Import).

Followed is the importer itself, instructure/canvas-lms, lib/gradebook_importer.rb: the headings
`Student`, `ID`, `SIS User ID`, `SIS Login ID`, `Section`, then the assignment as `Title (id)`; a row that
begins with `Points Possible`; students by ID, then SIS User ID, then SIS Login ID; `EX` for excused. A cell
that is empty would clear a score that is there, so whoever has no mark has no row.
"""

from __future__ import annotations

import re
from decimal import Decimal

from grading.gradebook import tabular
from grading.gradebook.amounts import plain
from grading.gradebook.export.request import Outcome, Request, notes
from grading.gradebook.files import write
from grading.gradebook.text import cell, line
from lab.errors import LabError

HEADINGS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def export(request: Request) -> Outcome:
    """Write the gradebook of those who have a mark.

    Raises:
        LabError: there is no roster, or the assignment is not named.
    """
    if not request.ledger.students:
        raise LabError(
            "Canvas takes marks for students, and there is no roster",
            "Export the gradebook in Canvas (Grades, Export) and give it with --roster FILE.",
        )
    possible = request.whole
    table = [
        [*HEADINGS, _assignment(request)],
        ["    Points Possible", "", "", "", "", plain(possible)],
    ]
    without = []
    for student, row in request.by_student():
        mark = _mark(request.points(row), excused=row.mark.excused)
        if not mark:
            without.append(student.name or student.key)
            continue
        login = student.login or student.mail
        table.append(
            [cell(student.name), student.platform_id, student.id, login, cell(student.section), mark]
        )
    write(request.output, tabular.written(table, end="\n").encode("utf-8", "replace"))
    left_out = (
        [f"No row, so that Canvas keeps what it has: {', '.join(map(line, without))}."] if without else []
    )
    return Outcome((request.output,), (*notes(request), *left_out))


def _assignment(request: Request) -> str:
    """The heading of the assignment's column: to the letter as Canvas exported it, where that is known."""
    if not request.assignment:
        raise LabError(
            "The assignment in Canvas is not named",
            "Give its column's heading with --assignment, such as 'Project 1 (12345)'; without the number "
            "Canvas looks for the title, and makes a new assignment where it finds none.",
        )
    if request.worksheet is None:
        return request.assignment
    where = f"The gradebook {request.worksheet}"
    headings = next(tabular.rows(tabular.read(request.worksheet, "gradebook").text, where), (0, []))[1]
    wanted = request.assignment
    found = [
        heading
        for heading in headings
        if heading == wanted
        or re.fullmatch(rf"{re.escape(wanted)} \(\d+\)|.* \({re.escape(wanted)}\)", heading)
    ]
    if len(found) != 1:
        raise LabError(f"{where} has {len(found)} columns for {wanted!r}", "Name it as its heading does.")
    return found[0]


def _mark(points: Decimal | None, *, excused: bool) -> str:
    if excused:
        return "EX"
    return "" if points is None else plain(points)
