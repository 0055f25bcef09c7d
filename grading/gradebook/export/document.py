"""All of the gradebook as JSON, for programs; `grading/schema.json` is its schema, with the version.

It is for the instructor: of a hidden check everything is told. Text is as it came, only escaped as JSON
has it (RFC 8259): who shows it has to make it harmless.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from decimal import Decimal
from typing import Any

from grading.gradebook.export.request import Outcome, Request, notes
from grading.gradebook.files import write
from grading.gradebook.ledger import Row
from grading.gradebook.marks import percentage
from grading.verdicts import SCHEMA


def export(request: Request) -> Outcome:
    """Write the class."""
    # ASCII, so that a name that is not valid Unicode comes through as a lone surrogate's escape.
    text = json.dumps(document(request), indent=1, ensure_ascii=True, allow_nan=False)
    write(request.output, text.encode() + b"\n")
    return Outcome((request.output,), notes(request))


def document(request: Request) -> dict[str, Any]:
    """The class, as `grading/schema.json` describes it."""
    ledger = request.ledger
    return {
        "schema": SCHEMA,
        "max_mark": float(request.whole),
        "late_rule": ledger.rule.to_json() if ledger.rule else None,
        "submissions": [one(request, row) for row in ledger.rows],
        "unmatched_submissions": [asdict(left) for left in ledger.submissions_left],
        "students_without_submission": [student.key for student in ledger.students_left],
    }


def one(request: Request, row: Row) -> dict[str, Any]:
    """A row: whose it is, the mark, what was set, and the result that counts."""
    students = [asdict(student) for student in row.students]
    for student in students:
        del student["line"], student["named"]
    return {
        "submission": row.submission,
        "students": students,
        "mark": {
            "points": _number(request.points(row)),
            "max_points": float(request.whole),
            "percentage": _number(percentage(row.mark)),
            "excused": row.mark.excused,
            "provisional": row.mark.provisional,
            "waiting": list(row.mark.waiting),
            "deduction": float(row.mark.deduction),
            "steps": list(row.mark.steps),
        },
        "adjustments": row.adjustments.to_json(),
        "recorded": row.entry.recorded if row.entry else None,
        "result": row.result.to_json() if row.result else None,
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
