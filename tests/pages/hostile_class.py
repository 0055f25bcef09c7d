"""Submissions that attack whoever reads their report: in every text that they have a hand in."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from grading.gradebook.amounts import Manual
from grading.gradebook.ledger import Ledger, Row
from grading.gradebook.marks import Adjustments, Scale, mark
from grading.gradebook.matching import Unmatched
from grading.gradebook.roster import Student
from grading.pages.model import Passage, Similar
from grading.verdicts import CheckResult, Part, SubmissionResult, Verdict

EVIL = (
    '"><script>window.owned = 1</script></style></title></pre>'
    '<img src=x onerror="window.owned = 2"><svg onload="window.owned = 3">'
    '<a href="javascript:window.owned=4">x</a>\'`{{ 7*7 }}{% raw %}'
)
LONG = "w" * 5_000
TURNED = "safe\u202egnp.exe\u2066\u200b \x1b[2J\x07\r\udc80"
STACKED = "Z" + "\u0301" * 500
NAMES = (
    EVIL,
    LONG,
    TURNED,
    STACKED,
    "../../etc/passwd",
    "CON",
    "index",
    "\u05e2\u05d1\u05e8\u05d9\u05ea",
    "",
)


def _check(number: int, verdict: Verdict) -> CheckResult:
    return CheckResult(
        id=f"logs.check_{number}",
        group="logs",
        level=1,
        verdict=verdict,
        points=0.0,
        max_points=1.0,
        title=f"A title, {EVIL}",
        kernel=(EVIL, LONG, TURNED),
    )


def results() -> list[SubmissionResult]:
    """One for each name, with the attacks in every field."""
    flood = "\n".join([EVIL, TURNED, LONG] * 3_000)
    checks = (
        replace(_check(1, "failed"), rationale=EVIL + flood, expected=EVIL, actual=LONG, hint=EVIL),
        replace(
            _check(2, "failed"),
            rationale=STACKED,
            expected=f"{EVIL}\n{LONG}\n",
            actual=f"{TURNED}\n{LONG}a\n",
        ),
        replace(_check(3, "failed"), expected="a", actual=flood),
        replace(_check(4, "skipped"), parent=EVIL),
        replace(_check(5, "error"), rationale=EVIL),
        _check(6, "passed"),
    )
    part = Part(True, EVIL, LONG, (EVIL, LONG, TURNED))
    broken = SubmissionResult("broken", (), problem=EVIL + LONG)
    return [
        broken,
        *(
            SubmissionResult(
                name,
                checks,
                part,
                part,
                kernel=LONG,
                image=EVIL,
                checks_hash=LONG,
                seed=EVIL,
                started=EVIL,
                notes=(EVIL, LONG, TURNED),
            )
            for name in NAMES
        ),
    ]


def ledger() -> Ledger:
    """Remarks and people of the same kind."""
    given = {EVIL: Manual(Decimal(1), Decimal(2)), "06.softirq": Manual(Decimal(2), Decimal(3))}
    set_ = Adjustments(late_days=3, points=given, remark=EVIL + LONG)
    student = Student(name=EVIL + LONG, mail=EVIL)
    scale = Scale.of(results(), [set_])
    rows = tuple(
        Row(result.submission, (student,), None, set_, mark(result, set_, None, scale))
        for result in results()
    )
    return Ledger(rows, (student,), (Unmatched(EVIL, EVIL), Unmatched(LONG, LONG)), (student,), None, scale)


def similar() -> list[Similar]:
    """Sources of the same kind."""
    passage = Passage(EVIL + LONG, 1, 9, f"{EVIL}\n{LONG}\n{TURNED}\n" * 50)
    return [Similar(EVIL, LONG, 1.0, ((passage, passage),) * 9), Similar("gone", TURNED, 0.5)]
