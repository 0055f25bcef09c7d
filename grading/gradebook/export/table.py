"""One CSV file for spreadsheets and pandas: a row a submission, and one for each student without any.

It is RFC 4180 in UTF-8 with a byte order mark, without which Excel takes it for Latin-1. What would be
a formula has a leading apostrophe. The columns are those of `COLUMNS`, then `check:ID` for each check
with the points earned, empty where it was not run or could not be decided.
"""

from __future__ import annotations

import codecs
from collections import Counter
from decimal import Decimal

from grading.gradebook import tabular
from grading.gradebook.amounts import plain
from grading.gradebook.export.request import Outcome, Request, notes
from grading.gradebook.files import write
from grading.gradebook.ledger import Row
from grading.gradebook.marks import percentage
from grading.gradebook.text import cell

COLUMNS = {
    "submission": "Its name; empty where a student handed in nothing.",
    "ids": "Of its students, by the roster; several are separated by '; ', here and in the next two.",
    "names": "",
    "mails": "",
    "group": "The team, by the roster.",
    "score": "Points of the checks.",
    "max_score": "Points that could be earned by them; without those that could not be decided.",
    "late_days": "As set with `grade set`.",
    "deduction": "Points for lateness and as a penalty.",
    "points_by_hand": "As `report=8/10; demo=2`.",
    "score_by_hand": "Where it stands for the checks' points.",
    "mark": "What the student gets, rounded to 2 decimals; empty where there is no mark.",
    "max_mark": "The same for all rows: that of the class, or --out-of.",
    "percentage": "",
    "excused": "yes or empty.",
    "passed": "Numbers of checks by verdict.",
    "failed": "",
    "skipped": "",
    "error": "Not decided through a failure of ours: grade again.",
    "engine": "The folder that was taken as the engine, and as the monitor.",
    "monitor": "",
    "level": "",
    "problem": "Why nothing could be run, or not all.",
    "remark": "The instructor's.",
    "started": "When it was graded; ISO 8601.",
    "seconds": "",
    "image": "",
    "kernel": "",
    "checks_hash": "",
    "seed": "",
}
"""The columns, in this order, and what is in them."""


def export(request: Request) -> Outcome:
    """Write the table."""
    rows = request.ledger.rows
    checks = list(dict.fromkeys(check.id for row in rows if row.result for check in row.result.checks))
    table = [[*COLUMNS, *(cell(f"check:{check}") for check in checks)]]
    for row in rows:
        values = _values(request, row)
        points = (
            {check.id: f"{check.points:g}" for check in row.result.checks if check.verdict != "error"}
            if row.result
            else {}
        )
        table.append(
            [*(cell(values[name]) for name in COLUMNS), *(points.get(check, "") for check in checks)]
        )
    text = tabular.written(table)
    write(request.output, codecs.BOM_UTF8 + text.encode("utf-8", "backslashreplace"))
    return Outcome((request.output,), notes(request))


def _values(request: Request, row: Row) -> dict[str, str]:
    result, set_ = row.result, row.adjustments
    points = request.points(row)
    share = percentage(row.mark)
    verdicts = Counter(check.verdict for check in result.checks) if result else Counter[str]()
    values = {
        "submission": row.submission,
        "ids": "; ".join(student.key for student in row.students),
        "names": "; ".join(student.name for student in row.students),
        "mails": "; ".join(student.mail for student in row.students),
        "group": next((student.group for student in row.students), ""),
        "late_days": "" if set_.late_days is None else str(set_.late_days),
        "deduction": plain(row.mark.deduction),
        "points_by_hand": "; ".join(f"{name}={given}" for name, given in sorted(set_.points.items())),
        "score_by_hand": _or_empty(set_.score),
        "mark": _or_empty(points),
        "max_mark": plain(request.whole),
        "percentage": _or_empty(share),
        "excused": "yes" if row.mark.excused else "",
        "remark": set_.remark,
    }
    if result is None:
        return {name: values.get(name, "") for name in COLUMNS}
    return values | {
        "score": f"{result.score:g}",
        "max_score": f"{result.max_score:g}",
        "passed": str(verdicts["passed"]),
        "failed": str(verdicts["failed"]),
        "skipped": str(verdicts["skipped"]),
        "error": str(verdicts["error"]),
        "engine": result.engine.path or result.engine.built_by,
        "monitor": result.monitor.path or result.monitor.built_by,
        "level": str(result.level),
        "problem": result.why,
        "started": result.started,
        "seconds": f"{result.seconds:.1f}",
        "image": result.image,
        "kernel": result.kernel,
        "checks_hash": result.checks_hash,
        "seed": result.seed,
    }


def _or_empty(value: Decimal | None) -> str:
    return "" if value is None else plain(value)
