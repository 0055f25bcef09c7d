"""Results as GitHub Classroom's autograding takes them, for each submission.

Followed are classroom-resources/autograding-grading-reporter (README.md, src/main.js,
src/notify-classroom.js) and autograding-command-grader (src/main.js): a runner's result is the Base64 of
`{version, status, max_score, tests: [{name, status, score, message, test_code, filename, line_no, duration}]}`
with the statuses `pass`, `fail` and `error`. The reporter adds up the tests' scores, so what lateness takes
off, or a hand gave, is a test of its own. A workflow hands it over as the environment variable
`GRADE_RESULTS` of a runner `grade`. GitHub has announced the end of Classroom; the reporter still works.
"""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

from grading.gradebook.amounts import exact
from grading.gradebook.export.request import Outcome, Request, notes
from grading.gradebook.feedback import failure, told
from grading.gradebook.files import write_all
from grading.gradebook.ledger import Row
from grading.gradebook.text import line
from grading.verdicts import CheckResult
from lab.unseen import clean

VERSION = 1
STATUSES = {"passed": "pass", "failed": "fail", "skipped": "fail", "error": "error"}


def export(request: Request) -> Outcome:
    """Write `FOLDER/SUBMISSION/result.json`, and the same in Base64 as `result.base64`."""
    files = {}
    for folder, row in request.folders():
        # ASCII only: a surrogate that is alone is no UTF-8, which the reporter decodes.
        data = json.dumps(results(request, row), ensure_ascii=True).encode()
        files[folder / "result.json"] = data + b"\n"
        files[folder / "result.base64"] = base64.b64encode(data)
    write_all(files)
    return Outcome(tuple(files), notes(request))


def results(request: Request, row: Row) -> dict[str, Any]:
    """One submission's results; its tests' scores add up to the mark."""
    result = told(row)
    checks = result.checks if result else ()
    tests = [_test(check) for check in checks]
    points = request.points(row)
    earned = sum((exact(test["score"]) for test in tests), Decimal(0))
    difference = Decimal(0) if points is None else points - earned
    problem = result.why if result else ""
    if difference or not tests or row.adjustments.remark or problem:
        text = [*row.mark.steps, row.adjustments.remark, problem]
        tests.append(
            {
                "name": "Adjustments by the instructor",
                "status": "error" if problem else "pass",
                "score": float(difference),
                "message": clean("\n".join(filter(None, text))),
                "test_code": "",
                "filename": "",
                "line_no": 0,
                "duration": 0,
            }
        )
    verdicts = {check.verdict for check in checks}
    status = (
        "fail"
        if verdicts & {"failed", "skipped"}
        else "error"
        if "error" in verdicts or not checks
        else "pass"
    )
    return {"version": VERSION, "status": status, "max_score": float(request.whole), "tests": tests}


def _test(check: CheckResult) -> dict[str, Any]:
    return {
        "name": line(check.title or check.id),
        "status": STATUSES[check.verdict],
        "score": check.points,
        "message": "" if check.verdict == "passed" else failure(check),
        "test_code": line(check.id),
        "filename": "",
        "line_no": 0,
        "duration": round(check.seconds * 1000),
    }
