"""Gradescope's `results.json`, one a submission, as its autograder leaves it in /autograder/results.

Followed is gradescope-autograders.readthedocs.io/en/latest/specs/ ("Output format", "Test case status",
"Controlling Test Case Visibility"). A hidden check is `after_published`: the
student sees its title and verdict when the instructor publishes the grades; `hidden` would mean never.
"""

from __future__ import annotations

import json
from typing import Any

from grading.gradebook.export.request import Outcome, Request, notes
from grading.gradebook.feedback import failure, plain_verdict, told
from grading.gradebook.files import write_all
from grading.gradebook.ledger import Row
from grading.gradebook.text import line
from grading.verdicts import CheckResult
from lab.unseen import clean


def export(request: Request) -> Outcome:
    """Write `FOLDER/SUBMISSION/results.json` for each submission."""
    files = {
        folder / "results.json": json.dumps(results(request, row), ensure_ascii=False, indent=1).encode(
            "utf-8", "backslashreplace"
        )
        for folder, row in request.folders()
    }
    write_all(files)
    return Outcome(tuple(files), notes(request))


def results(request: Request, row: Row) -> dict[str, Any]:
    """One submission's results."""
    result, points = told(row), request.points(row)
    said = [clean(step) for step in row.mark.steps]
    said += [clean(text) for text in (row.adjustments.remark, result.why if result else "") if text]
    found: dict[str, Any] = {
        "output": "\n".join(said),
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "tests": [_test(number, check) for number, check in enumerate(result.checks if result else (), 1)],
        "extra_data": {"submission": row.submission, "max_score": float(request.whole)},
    }
    for name, given in sorted(row.adjustments.points.items()):
        found["tests"].append(
            {
                "name": line(name),
                "score": float(given.points),
                "max_score": float(given.max_points),
                "output": "Given by hand.",
                "visibility": "visible",
            }
        )
    # It overrides the sum of the tests: what lateness takes off is in no test.
    if points is not None:
        found["score"] = float(points)
    elif not found["tests"]:
        found["score"] = 0.0  # one of the two must be there
    if result is not None:
        found["execution_time"] = result.seconds
        found["extra_data"] |= {
            key: getattr(result, key) for key in ("level", "image", "kernel", "checks_hash", "started")
        }
    return found


def _test(number: int, check: CheckResult) -> dict[str, Any]:
    test = {
        "number": str(number),
        "name": line(check.title or check.id),
        "score": check.points,
        "max_score": check.max_points if check.verdict != "error" else 0.0,
        "output": failure(check) if check.verdict != "passed" else plain_verdict(check),
        "tags": [check.group],
        "visibility": "after_published" if check.hidden else "visible",
        "extra_data": {"id": check.id, "verdict": check.verdict},
    }
    if check.verdict != "error":  # which is neither of the two statuses that there are
        test["status"] = "passed" if check.verdict == "passed" else "failed"
    return test
