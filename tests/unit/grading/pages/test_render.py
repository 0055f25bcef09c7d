"""Pages as HTML: what they say, and to whom."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import fields, replace
from decimal import Decimal

import pytest

from grading.gradebook.amounts import Manual
from grading.gradebook.ledger import Ledger, Row
from grading.gradebook.marks import Adjustments, Mark, Scale
from grading.gradebook.roster import Student
from grading.pages.model import for_student
from grading.pages.render import class_page, duration, moment, percent, points, student_page
from grading.verdicts import CheckResult, Part, SubmissionResult

SECRET = "beacon-of-the-hidden"
HIDDEN = CheckResult(
    id=f"logs.{SECRET}_id",
    group="logs",
    level=1,
    verdict="failed",
    points=0.0,
    max_points=2.0,
    title="A title that is told",
    rationale=f"{SECRET} rationale",
    expected=f"{SECRET} expected",
    actual=f"{SECRET} actual",
    hint=f"{SECRET} hint",
    parent=f"logs.{SECRET}_parent",
    kernel=(f"{SECRET} kernel",),
    hidden=True,
)
OPEN = CheckResult(
    id="logs.open", group="logs", level=1, verdict="skipped", points=0.0, max_points=1.0,
    title="An open one", parent=HIDDEN.id,
)  # fmt: skip
RESULT = SubmissionResult(
    "ada", (HIDDEN, OPEN), engine=Part(True, "src", "make", ("Because.",)), seed="the-seed"
)


def row(*students: Student, points_: float | None = 3.0, **set_: object) -> Row:
    adjustments = replace(Adjustments(remark="For you."), **set_)  # type: ignore[arg-type]
    mark = Mark(None if points_ is None else Decimal(points_), Decimal(3), steps=("checks: 3 of 3 points",))
    return Row("ada", students, None, adjustments, mark)


def test_the_student_is_told_title_and_verdict_of_a_hidden_check_and_no_more() -> None:
    page = student_page(RESULT)
    assert SECRET not in page
    assert "A title that is told" in page and "0 of 2 points" in page
    assert "the-seed" not in page


def test_the_instructor_is_told_all_of_it() -> None:
    page = student_page(RESULT, to_hand_out=False)
    for secret in ("rationale", "expected", "actual", "hint", "kernel", "id"):
        assert re.search(f"{SECRET}[ _]{secret}", page), secret
    assert "the-seed" in page


def test_every_field_of_a_hidden_check_is_told_or_taken_out_on_purpose() -> None:
    told = {"group", "level", "verdict", "points", "max_points", "title", "hidden"}
    [hidden, _] = for_student(RESULT).checks
    for field in fields(CheckResult):
        before, after = getattr(HIDDEN, field.name), getattr(hidden, field.name)
        assert (before == after) == (field.name in told) or not before, field.name
        assert field.name in told or SECRET not in str(after)


def test_what_builds_on_a_hidden_check_still_says_which() -> None:
    page = student_page(RESULT)
    assert re.search(r"Because this did not pass:.*A title that is told", page)


def test_an_open_check_loses_nothing() -> None:
    failed = replace(HIDDEN, hidden=False)
    assert for_student(replace(RESULT, checks=(failed,))).checks == (failed,)


def test_the_policy_allows_just_the_style_and_script_that_are_there() -> None:
    for page in (student_page(RESULT), class_page([RESULT], title="c", links={"ada": "a.html"})):
        policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
        assert policy is not None
        assert "default-src 'none'" in policy[1] and "unsafe" not in policy[1]
        for tag in ("style", "script"):
            for inline in re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL):
                digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
                assert f"{tag}-src 'sha256-{digest}'" in policy[1]
        assert not re.search(r"\sstyle=|\son\w+=|<style[^>]+>|<script[^>]+>", page)
        assert not re.search(r"(?:src|href)=\"(?:\w+:)?//", page)


def test_what_a_submission_says_of_itself_and_the_roster_does_not() -> None:
    result = replace(RESULT, notes=("boxwright.toml says that the student is '<b>eve'.",))
    for page in (student_page(result), student_page(result, to_hand_out=False)):
        assert "Whose work it is" in page and "&lt;b&gt;eve" in page and "<b>" not in page
    assert "whose?" in class_page([result], title="c", links={"ada": "a.html"})
    assert "Whose work" not in student_page(RESULT)
    assert "whose?" not in class_page([RESULT], title="c", links={"ada": "a.html"})


def test_points_of_a_rubric_are_told_with_what_they_are_for() -> None:
    given = {"06.softirq": Manual(Decimal(2), Decimal(3)), "report": Manual(Decimal(8), Decimal(10))}
    page = student_page(RESULT, rows=[row(Student(name="Ann"), points=given)])
    assert re.search(r"A monitor in the kernel, <code>06.softirq</code>: 2 of 3", page)
    assert "explains by current and its PID namespace" in page
    assert "says that the callback runs" not in page and page.count('<dl class="rubric">') == 1
    assert "rubric" not in student_page(RESULT, rows=[row(Student(name="Ann"))]).split("</style>")[1]


def test_a_student_page_runs_nothing() -> None:
    page = student_page(RESULT)
    assert "<script" not in page and "script-src 'none'" in page


def test_on_the_class_page_names_with_commas_are_told_apart() -> None:
    lee, ray, poe = Student(name="Lee, Ann"), Student(name="Ray, Bob"), Student(name="Poe, Cy")
    none = Row("", (poe,), None, Adjustments(), Mark(None, Decimal(3)))
    other = Row("", (lee,), None, Adjustments(), Mark(None, Decimal(3)))
    whole = Ledger((row(lee, ray), none, other), (lee, ray, poe), (), (poe, lee), None, Scale())
    page = class_page([RESULT], title="c", links={"ada": "a.html"}, ledger=whole)
    page = re.sub("</?bdi>", "", page)
    assert "Lee, Ann; Ray, Bob" in page
    assert "Nothing handed in:</strong> Poe, Cy; Lee, Ann." in page
    page = student_page(RESULT, rows=[row(lee, ray)])
    assert "Lee, Ann; Ray, Bob" in re.sub("</?bdi>", "", page)


def test_a_plain_assert_expects_nothing_that_could_be_shown() -> None:
    failed = replace(OPEN, verdict="failed", parent="", actual="assert 1 == 2")
    page = student_page(replace(RESULT, checks=(failed,)))
    assert "assert 1 == 2" in page and "<figcaption>Expected" not in page
    page = student_page(replace(RESULT, checks=(replace(failed, expected="a line", actual=""),)))
    assert '<p class="nothing">nothing</p>' in page and "<figcaption>Actual" in page


def test_members_of_a_team_are_not_told_each_others_marks() -> None:
    ann, bob = Student(name="Ann"), Student(name="Bob")
    rows = [row(ann, points_=3.0), row(bob, points_=None, excused=True, remark="Bob was ill.")]
    assert "Bob" not in student_page(RESULT, rows=rows) and "Ann" not in student_page(RESULT, rows=rows)
    whole = student_page(RESULT, rows=rows, to_hand_out=False)
    assert "Bob was ill." in whole and "Ann" in whole
    assert "For you." in student_page(RESULT, rows=rows[:1])


def test_a_problem_is_told_instead_of_a_score() -> None:
    page = student_page(SubmissionResult("x", (), problem="The folder `x` is empty"))
    assert "No verdict" in page and "The folder <code>x</code> is empty" in page
    assert "of 0 points" not in page and "Nothing failed" not in page


def test_a_class_without_a_verdict_has_a_page() -> None:
    for results, title in (
        ([], "c: 0 submissions"),
        ([SubmissionResult("x", (), problem="empty")], "c: 1 submission"),
    ):
        page = class_page(results, title="c", links={"x": "x.html"})
        assert f"<title>{title}</title>" in page


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (-0.0, "0"),
        (7.0, "7"),
        (7.5, "7.5"),
        (1 / 3, "0.33"),
        (100, "100"),
        (Decimal("8.10"), "8.1"),
    ],
)
def test_points(value: float, shown: str) -> None:
    assert points(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 %"), (0.001, "1 %"), (0.5, "50 %"), (0.9999, "99 %"), (1, "100 %"), (None, "\N{EN DASH}")],
)
def test_only_the_whole_is_a_hundred_percent(value: float | None, shown: str) -> None:
    assert percent(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.04, "0.0 s"),
        (9.96, "10 s"),
        (41.2, "41 s"),
        (59.7, "1 min"),
        (61, "1 min 1 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations(value: float, shown: str) -> None:
    assert duration(value) == shown


def test_moments() -> None:
    assert moment("2026-11-04T08:05:09+00:00") == "4 November 2026 at 08:05 UTC"
    assert moment("yesterday") == "yesterday"
