"""Canvas' gradebook, as its page Grades imports it (Actions, Import).

Followed is the importer itself, instructure/canvas-lms, lib/gradebook_importer.rb: the headings
`Student`, `ID`, `SIS User ID`, `SIS Login ID`, `Section`, then the assignment as `Title (id)`; a row that
begins with `Points Possible`; students by ID, then SIS User ID, then SIS Login ID; `EX` for excused. A cell
that is empty would clear a score that is there, so whoever has no mark has no row.

Of an assignment that is there already the importer keeps the points possible, whatever the file says, so
marks are out of what Canvas' own export says.
"""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal

from grading.gradebook import tabular
from grading.gradebook.amounts import plain
from grading.gradebook.export.request import Outcome, Request, named, notes
from grading.gradebook.files import write
from grading.gradebook.text import cell
from lab.errors import LabError

HEADINGS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")


def export(request: Request) -> Outcome:
    """Write the gradebook of those who have a mark.

    Raises:
        LabError: there is no roster, the assignment is not named, or Canvas has it with other points than
            those that were asked for.
    """
    if not request.ledger.students:
        raise LabError(
            "Canvas takes marks for students, and there is no roster",
            "Export the gradebook in Canvas (Grades, Export) and give it with --roster FILE.",
        )
    heading, possible = _assignment(request)
    if possible is not None:
        request = dataclasses.replace(request, out_of=possible)
    table = [
        [*HEADINGS, heading],
        ["    Points Possible", "", "", "", "", plain(request.whole)],
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
    told = [f"No row, so that Canvas keeps what it has: {named(without)}."] if without else []
    if possible is not None:
        told.append(f"Marks are out of the {plain(possible)} points that Canvas has for {heading!r}.")
    elif request.out_of is None:
        told.append(
            f"If the assignment is in Canvas already with other points than {plain(request.whole)}, say so with "
            "--out-of, or give Canvas' own gradebook with --worksheet: the import does not change them."
        )
    return Outcome((request.output,), (*notes(request), *told))


def _assignment(request: Request) -> tuple[str, Decimal | None]:
    """The heading of the assignment's column, and the points that Canvas has for it; None where that is not known.

    The heading is to the letter as Canvas exported it, where that is known.
    """
    if not request.assignment:
        raise LabError(
            "The assignment in Canvas is not named",
            "Give its column's heading with --assignment, such as 'Project 1 (12345)'; without the number "
            "Canvas looks for the title, and makes a new assignment where it finds none.",
        )
    if request.worksheet is None:
        return request.assignment, None
    where = f"The gradebook {request.worksheet}"
    rows = [row for _, row in tabular.rows(tabular.read(request.worksheet, "gradebook").text, where)]
    headings = rows[0] if rows else []
    wanted = request.assignment
    found = [
        heading
        for heading in headings
        if heading == wanted
        or re.fullmatch(rf"{re.escape(wanted)} \(\d+\)|.* \({re.escape(wanted)}\)", heading)
    ]
    if len(found) != 1:
        raise LabError(f"{where} has {len(found)} columns for {wanted!r}", "Name it as its heading does.")
    possible = _possible(rows[1:], headings.index(found[0]))
    if possible is not None and request.out_of not in (None, possible):
        raise LabError(
            f"Canvas has {found[0]!r} with {plain(possible)} points, and --out-of says {plain(request.whole)}",
            "Leave --out-of out; or change the points in Canvas, and export the gradebook again.",
        )
    return found[0], possible


def _possible(rows: list[list[str]], column: int) -> Decimal | None:
    """The points of an assignment in Canvas' own export; None where it says none."""
    for row in rows:
        if row[0].strip() == "Points Possible" and column < len(row):
            text = row[column].strip().replace(",", ".")
            if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", text, re.ASCII) and Decimal(text):
                return Decimal(text)
    return None


def _mark(points: Decimal | None, *, excused: bool) -> str:
    if excused:
        return "EX"
    return "" if points is None else plain(points)
