"""What a student is told where there is room for a text only: the mark, how it came about, what failed.

Of a hidden check it is the title, the verdict and the points, as on the student's page.
"""

from __future__ import annotations

from grading.gradebook.amounts import plain
from grading.gradebook.ledger import Row
from grading.gradebook.text import line
from grading.pages.model import for_student
from grading.verdicts import CheckResult, SubmissionResult
from lab.unseen import clean

MOST = 20_000
"""Characters of a feedback; what is beyond is in the student's page."""


def told(row: Row) -> SubmissionResult | None:
    """The row's result as its student may see it; every format that goes to students starts from it."""
    return for_student(row.result) if row.result else None


def feedback(row: Row) -> str:
    """The feedback of a row as plain text: everything that counts, then each check that did not pass."""
    lines = []
    if row.mark.points is not None:
        lines.append(f"Mark: {plain(row.mark.points)} of {plain(row.mark.max_points)}")
    lines += [f"- {clean(step)}" for step in row.mark.steps]
    if row.adjustments.remark:
        lines += ["", clean(row.adjustments.remark)]
    result = told(row)
    if result is not None:
        if result.problem:
            lines += ["", clean(result.why)]
        if result.notes:
            lines += ["", *map(clean, result.notes)]
        for check in () if result.unopened else result.checks:
            if check.verdict != "passed":
                lines += ["", failure(check)]
    text = "\n".join(lines)
    return text if len(text) <= MOST else text[:MOST] + "\n…"


def failure(check: CheckResult) -> str:
    """What is known of a check that did not pass, for whoever has to repair it."""
    title = f"{line(check.title or check.id)} ({line(check.id)}): {plain_verdict(check)}"
    lines = [title]
    expected, actual = sides(check)
    for name, text in (
        ("", check.rationale),
        ("Expected: ", expected),
        ("Actual: ", actual),
        ("Hint: ", check.hint),
        ("Kernel log: ", "\n".join(check.kernel)),
    ):
        if text:
            lines.append(f"{name}{clean(text)}")
    return "\n".join(lines)


def sides(check: CheckResult) -> tuple[str, str]:
    """What was expected and what was seen; where something was expected and nothing seen, that is said.

    Of a plain assert only the second is known.
    """
    return check.expected, check.actual or ("nothing" if check.expected else "")


def plain_verdict(check: CheckResult) -> str:
    """The verdict in words, with the points."""
    if check.verdict == "skipped":
        parent = line(check.parent) or "what it builds on"
        return f"skipped, since {parent} did not pass; {check.points:g} of {check.max_points:g} points"
    if check.verdict == "error":
        return "could not be decided through a failure of ours; no point is lost by it"
    return f"{check.verdict}; {check.points:g} of {check.max_points:g} points"
