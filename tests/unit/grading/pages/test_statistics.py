"""A class in figures."""

from __future__ import annotations

from grading.pages.statistics import ClassFigures, Tally, groups_of, share
from grading.verdicts import CheckResult, SubmissionResult, Verdict


def check(name: str, verdict: Verdict, points: float = 1.0) -> CheckResult:
    group = name.split(".")[0]
    return CheckResult(name, group, 1, verdict, points if verdict == "passed" else 0.0, points, title=name)


def result(
    name: str, *checks: CheckResult, seconds: float = 1.0, problem: str = "", image: str = "i"
) -> SubmissionResult:
    return SubmissionResult(name, checks, seconds=seconds, problem=problem, image=image)


GOOD = result("good", check("logs.a", "passed"), check("build.b", "passed"), seconds=3)
HALF = result("half", check("logs.a", "failed"), check("build.b", "passed"), seconds=9)
OURS = result("ours", check("logs.a", "error"), check("build.b", "passed"))
NONE = result("none", problem="empty folder", image="other")
FIGURES = ClassFigures([GOOD, HALF, OURS, NONE])


def test_an_error_counts_for_nobody() -> None:
    tally = Tally.of(OURS.checks)
    assert (tally.passed, tally.error, tally.decided) == (1, 1, 1)
    assert (tally.points, tally.max_points, tally.share, tally.pass_rate) == (1, 1, 1.0, 1.0)
    assert Tally.of([]).share is None and Tally.of([]).pass_rate is None


def test_who_has_no_verdict_is_in_no_figure() -> None:
    assert share(NONE) is None
    assert FIGURES.shares == [0.5, 1.0, 1.0]
    assert (FIGURES.median, FIGURES.mean) == (1.0, 2.5 / 3)
    assert sum(FIGURES.histogram) == 3
    assert FIGURES.median_seconds == 3


def test_the_last_bar_holds_the_full_score_and_a_tenth_belongs_to_the_upper_bar() -> None:
    assert FIGURES.histogram == [0, 0, 0, 0, 0, 1, 0, 0, 0, 2]
    third = result("x", check("a.a", "passed", 3), check("a.b", "failed", 7))
    assert ClassFigures([third]).histogram[3] == 1


def test_the_hardest_come_first_and_what_all_passed_is_not_hard() -> None:
    assert [each.check.id for each in FIGURES.hardest] == ["logs.a"]
    assert FIGURES.hardest[0].tally.pass_rate == 0.5


def test_groups_stand_in_the_order_of_the_reports_and_none_is_lost() -> None:
    checks = [check("odd.x", "passed"), check("logs.a", "passed"), check("build.b", "passed")]
    assert list(groups_of(checks)) == ["build", "logs", "odd"]
    assert FIGURES.groups == ["build", "logs"]
    assert FIGURES.group_share("logs") == 0.5


def test_what_needs_a_person_comes_first() -> None:
    assert [each.submission for each in FIGURES.attention_first] == ["none", "ours", "good", "half"]


def test_results_that_cannot_be_compared_are_told() -> None:
    assert FIGURES.mixed == []
    other = result("other", check("logs.a", "passed"), image="other")
    assert ClassFigures([GOOD, other]).mixed == ["2 images"]


def test_a_class_of_nobody() -> None:
    empty = ClassFigures([])
    assert (empty.mean, empty.median, empty.median_seconds, empty.seconds) == (None, None, None, 0.0)
    assert empty.hardest == [] and empty.slowest == [] and sum(empty.histogram) == 0


def test_what_was_refused_for_its_own_problem_has_a_verdict_and_what_we_could_not_decide_has_none() -> None:
    refused = result("refused", check("logs.a", "failed"), problem="The archive is damaged.")
    ours = result("ours", check("logs.a", "error"), check("build.b", "passed"), problem="It did not end.")
    assert (share(refused), share(ours)) == (0.0, None)
    assert ClassFigures([GOOD, refused, ours]).shares == [0.0, 1.0]
