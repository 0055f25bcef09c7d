"""Moodle's grading worksheet, filled in: the file that was downloaded, with two columns changed.

Followed are moodle/moodle, mod/assign/gradingtable.php (what is in the worksheet), and
mod/assign/feedback/offline/importgradeslib.php and locallib.php (what is read of it): the columns
`Identifier`, `Grade` and `Last modified (grade)` must be there, a grade above the maximum is skipped,
and the feedback is HTML. Everything but the two fields of each marked student stays byte for byte.

Moodle reads the file with PHP's `fgetcsv`, for which a backslash before a quotation mark takes away
its meaning (php.net/fgetcsv, `escape`). Feedback holds neither, so that no quoted output of a
submission can end its field and go on in the next.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from decimal import Decimal

from grading.gradebook import roster, tabular
from grading.gradebook.amounts import plain
from grading.gradebook.export.request import Outcome, Request, named, notes
from grading.gradebook.feedback import feedback
from grading.gradebook.files import write
from grading.gradebook.ledger import Row
from grading.gradebook.matching import same
from lab.errors import LabError

FEEDBACK = "Feedback comments"


@dataclass(frozen=True)
class Field:
    """A field of the worksheet and where it stands in the text."""

    begin: int
    end: int
    value: str
    quoted: bool


def export(request: Request) -> Outcome:
    """Fill in the worksheet, and write it to another place.

    Raises:
        LabError: there is no worksheet, or it is none, it would be overwritten, or its maximum grade is
            another than the one that was asked for.
    """
    if request.worksheet is None:
        raise LabError(
            "Moodle's grading worksheet is missing; grade fills it in and never invents one",
            "Download it (the assignment, View all submissions, Grading action: Download grading worksheet) "
            "and give it with --worksheet FILE.",
        )
    if request.output.exists() and request.output.samefile(request.worksheet):
        raise LabError(
            f"The worksheet {request.worksheet} would be overwritten", "Name another file with --output."
        )
    source = tabular.read(request.worksheet, "worksheet")
    table = fields(source.text, tabular.delimiter(source.text))
    columns = _columns(request, [field.value for field in table[0]] if table else [])
    listed = roster.read(request.worksheet)
    rows = {row[0].begin: row for row in table[1:]}
    by_line = dict(zip(_lines(source.text, rows), rows.values(), strict=True))
    marked: dict[int, Row] = {}
    absent = []
    for student, row in request.by_student():
        other = same(student, listed)
        if other is None or other.line not in by_line:
            absent.append(student.name or student.key)
        else:
            marked[other.line] = row
    changes: list[tuple[Field, str]] = []
    without, kept, cut = [], [], []
    for number, cells in by_line.items():
        found = _points(request, marked[number], cells, columns) if number in marked else None
        name = cells[columns.get("name", columns["id"])].value
        if found is None or max(columns.values()) >= len(cells):
            without.append(name)
            continue
        if "may" in columns and cells[columns["may"]].value.strip().casefold() == "no":
            kept.append(name)
            continue
        points, is_cut = found
        cut += [name] if is_cut else []
        changes.append((cells[columns["grade"]], points))
        if "feedback" in columns:
            changes.append((cells[columns["feedback"]], as_html(feedback(marked[number]))))
    write(request.output, source.encoded(_changed(source.text, changes, tabular.delimiter(source.text))))
    lists = {
        "In the roster and not in the worksheet": absent,
        "Left as they are, without a mark": without,
        "Left as they are, since the worksheet says that the grade cannot be changed": kept,
        "Cut to the maximum, above which Moodle takes no grade": cut,
    }
    told = [f"{what}: {named(names)}." for what, names in lists.items() if names]
    if "feedback" not in columns:
        told.append(f"The worksheet has no column {FEEDBACK!r}, so there is no feedback in it.")
    if "max" in columns and request.out_of is None:
        told.append("Marks are out of the worksheet's own maximum grade.")
    return Outcome((request.output,), (*notes(request), *told))


def fields(text: str, delimiter: str) -> list[list[Field]]:
    """The rows of a CSV text that are not empty, each field with its place.

    Raises:
        LabError: a quotation mark is never closed.
    """
    pattern = re.compile(rf'"[^"]*(?:""[^"]*)*"|[^{re.escape(delimiter)}\r\n]*')
    rows: list[list[Field]] = []
    row: list[Field] = []
    at = 0
    while at < len(text):
        match = pattern.match(text, at)
        assert match is not None  # it may match nothing
        raw = match[0]
        quoted = len(raw) > 1 and raw[0] == raw[-1] == '"'
        row.append(Field(at, match.end(), raw[1:-1].replace('""', '"') if quoted else raw, quoted))
        at = match.end()
        if at < len(text) and text[at] == delimiter:
            at += 1
            if at < len(text):
                continue
            row.append(Field(at, at, "", False))
        elif at < len(text) and text[at] not in "\r\n":
            raise LabError(
                "The worksheet is not CSV: text follows a closing quotation mark", "Download it again."
            )
        if any(field.value.strip() for field in row):
            rows.append(row)
        row = []
        at += 2 if text.startswith("\r\n", at) else 1
    return rows


def as_html(text: str) -> str:
    """Plain text as the HTML of a comment, without a character that CSV or PHP gives a meaning to."""
    return html.escape(text).replace("\\", "&#92;").replace("\n", "<br>")


def _columns(request: Request, headings: list[str]) -> dict[str, int]:
    normal = [roster.normal_heading(heading) for heading in headings]
    wanted = {
        "id": "Identifier",
        "name": "Full name",
        "grade": "Grade",
        "feedback": FEEDBACK,
        "max": "Maximum grade",
        "may": "Grade can be changed",
    }
    found = {
        key: normal.index(roster.normal_heading(heading))
        for key, heading in wanted.items()
        if roster.normal_heading(heading) in normal
    }
    missing = [wanted[key] for key in ("id", "grade") if key not in found]
    if missing:
        raise LabError(
            f"{request.worksheet} is no grading worksheet: it has no column {' and no column '.join(missing)}",
            "Set your language in Moodle to English, download it there, and upload it in the same language.",
        )
    return found


def _points(
    request: Request, row: Row, cells: list[Field], columns: dict[str, int]
) -> tuple[str, bool] | None:
    """The grade as text, out of the worksheet's maximum, with its sign for decimals; and whether it was cut to that.

    Raises:
        LabError: the worksheet's maximum is another than the one that was asked for.
    """
    whole, comma = request.whole, False
    if "max" in columns and columns["max"] < len(cells):
        text = cells[columns["max"]].value.strip()
        comma = "," in text
        if re.fullmatch(r"\d+([.,]\d+)?", text, re.ASCII):
            whole = Decimal(text.replace(",", "."))
            if request.out_of not in (None, whole):
                raise LabError(
                    f"The worksheet's maximum grade is {plain(whole)}, and --out-of says {plain(request.whole)}",
                    "Leave --out-of out; or change the maximum in Moodle, and download the worksheet again.",
                )
    points = request.points(row) if row.mark.points is None else row.mark.out_of(whole)
    if points is None:
        return None
    # What is above the maximum, through a bonus, would be skipped without a word.
    text = plain(min(points, whole))
    return text.replace(".", ",") if comma else text, points > whole


def _changed(text: str, changes: list[tuple[Field, str]], delimiter: str) -> str:
    """The text with these fields' values changed, and every other character as it was."""
    parts, at = [], 0
    for field, value in sorted(changes, key=lambda change: change[0].begin):
        # As PHP's fputcsv does, which wrote the file.
        if field.quoted or any(char in value for char in f'{delimiter}"\\ \t\r\n'):
            value = '"' + value.replace('"', '""') + '"'
        parts += [text[at : field.begin], value]
        at = field.end
    return "".join([*parts, text[at:]])


def _lines(text: str, begins: dict[int, list[Field]]) -> list[int]:
    """The number of the line on which each of these places stands."""
    numbers, number, at = [], 1, 0
    for begin in begins:
        number += len(re.findall(r"\r\n|\r|\n", text[at:begin]))
        numbers.append(number)
        at = begin
    return numbers
