"""From a result to a mark: what is added, what is taken off, and how it is rounded."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.gradebook.amounts import Amount, Manual, days_late
from grading.gradebook.marks import Adjustments, Change, LateRule, Mark, Scale, mark, rounded
from lab.errors import LabError

RULE = LateRule(Amount.read("10%"), Amount.read("25%"))


def marked(make: Any, rule: LateRule | None = RULE, *, result: Any = None, **set_: Any) -> Mark:
    result = result or make.result()  # 10 of 20
    adjustments = Adjustments(**set_)
    return mark(result, adjustments, rule, Scale.of([result, make.result()], [adjustments]))


@pytest.mark.parametrize(
    ("set_", "points", "max_points"),
    [
        ({}, "10", "20"),
        ({"late_days": 1}, "8", "20"),  # 10 % of the maximum, not of what was earned
        ({"late_days": 9}, "5", "20"),  # the cap
        ({"penalty": Amount.read("2.5")}, "7.5", "20"),
        ({"penalty": Amount.read("50%"), "late_days": 1}, "0", "20"),  # never below 0
        ({"points": {"report": Manual.read("8/10")}}, "18", "30"),
        ({"points": {"report": Manual.read("8/10")}, "late_days": 1}, "15", "30"),
        ({"points": {"bonus": Manual.read("3")}}, "13", "20"),
        ({"score": Decimal("17.5")}, "17.5", "20"),
        ({"score": Decimal("17.5"), "late_days": 1}, "15.5", "20"),
    ],
)
def test_a_mark(make: Any, set_: dict[str, Any], points: str, max_points: str) -> None:
    found = marked(make, **set_)
    assert (found.points, found.max_points) == (Decimal(points), Decimal(max_points))


def test_an_excused_one_has_no_mark(make: Any) -> None:
    found = marked(make, excused=True, late_days=3)
    assert found.points is None
    assert found.excused


def test_without_a_rule_lateness_costs_nothing(make: Any) -> None:
    assert marked(make, rule=None, late_days=3).points == 10


def test_no_point_is_lost_by_what_we_could_not_decide(make: Any) -> None:
    undecided = make.result("bob", make.check("one"), make.check("two", "error"))
    found = marked(make, result=undecided)
    assert found.points == 20  # 10 of 10, as a share of the class's 20
    assert found.provisional


def test_whose_time_ran_out_is_not_judged_by_the_first_checks_alone(make: Any) -> None:
    """It may be its own slowness: a submission could choose which checks are run. A score by hand counts."""
    late = make.result(
        "bob", make.check("one"), make.check("two", "error"), problem="It did not end in time."
    )
    found = marked(make, result=late)
    assert found.points is None and found.provisional
    assert "there is no mark" in found.steps[0]
    by_hand = mark(late, Adjustments(score=Decimal(7)), RULE, Scale(Decimal(20)))
    assert by_hand.points == 7


def test_where_nothing_was_decided_there_is_no_mark(make: Any) -> None:
    assert marked(make, result=make.result("bob", make.check("one", "error"))).points is None
    assert mark(None, Adjustments(), RULE, Scale(Decimal(20))).points is None


def test_points_by_hand_count_where_nothing_was_handed_in(make: Any) -> None:
    set_ = Adjustments(points={"report": Manual.read("8/10")})
    found = mark(None, set_, RULE, Scale.of([make.result()], [set_]))
    assert (found.points, found.max_points) == (8, 30)


def test_points_that_others_have_are_waited_for(make: Any) -> None:
    others = Adjustments(points={"report": Manual.read("8/10"), "bonus": Manual.read("1")})
    found = mark(make.result(), Adjustments(), RULE, Scale.of([make.result()], [others]))
    assert (found.points, found.max_points, found.waiting) == (10, 30, ("report",))


def test_rounding_is_at_the_end_and_half_goes_up(make: Any) -> None:
    thirds = make.result("bob", make.check("one", points=0.1), make.check("two", points=0.2))
    assert marked(make, result=thirds, rule=None).points == 20
    odd = make.result("bob", make.check("one", points=1.005))  # whose float is a little less
    assert mark(odd, Adjustments(), None, Scale.of([odd], [])).points == Decimal("1.01")
    assert rounded(Decimal("0.125")) == Decimal("0.13")
    assert rounded(Decimal("2.675")) == Decimal("2.68")  # as a float it is less
    assert marked(make, penalty=Amount.read("0.005")).points == Decimal("10.00")  # 9.995
    assert marked(make, penalty=Amount.read("0.006")).points == Decimal("9.99")


def test_another_maximum(make: Any) -> None:
    found = marked(make)
    assert found.out_of(Decimal(100)) == 50
    assert found.out_of(Decimal(3)) == Decimal("1.5")
    assert marked(make, excused=True).out_of(Decimal(100)) is None


def test_a_students_own_is_over_the_teams() -> None:
    team = Adjustments(late_days=2, remark="late", points={"report": Manual.read("8/10")}, excused=True)
    own = Adjustments(late_days=0, remark="ill", points={"oral": Manual.read("3/5")}, excused=False)
    both = own.over(team)
    assert both.late_days == 0
    assert both.excused is False
    assert set(both.points) == {"report", "oral"}
    assert both.remark == "late\nill"


@pytest.mark.parametrize(
    ("text", "days"), [("2d", 2), ("36h", 2), ("24h", 1), ("1d1m", 2), ("90m", 1), ("0d", 0), (" 1d 12h ", 2)]
)
def test_a_day_that_was_begun_counts_whole(text: str, days: int) -> None:
    assert days_late(text) == days


@pytest.mark.parametrize("text", ["", "2", "d", "-1d", "2w", "1.5d", "٣d", "1h1d", "99999d"])
def test_what_is_no_lateness(text: str) -> None:
    with pytest.raises(LabError, match="no lateness"):
        days_late(text)


@pytest.mark.parametrize("text", ["", "10 %%", "-1", "101%", "1e3", "ten", "nan", "1/2"])
def test_what_is_no_amount(text: str) -> None:
    with pytest.raises(LabError, match="no amount"):
        Amount.read(text)


@pytest.mark.parametrize("text", ["", "8/", "/10", "11/10", "8/10/2", "inf"])
def test_what_is_no_number_of_points(text: str) -> None:
    with pytest.raises(LabError):
        Manual.read(text)


DECIMALS = st.decimals(0, 10**6, places=2)


@given(
    set_=st.builds(
        Adjustments,
        late_days=st.none() | st.integers(0, 400),
        penalty=st.none() | st.builds(Amount, DECIMALS, st.booleans()),
        excused=st.none() | st.booleans(),
        points=st.dictionaries(st.text(), st.builds(Manual, DECIMALS, DECIMALS), max_size=3),
        remark=st.text(),
        score=st.none() | DECIMALS,
    )
)
def test_what_was_set_comes_back_exact(set_: Adjustments) -> None:
    assert Adjustments.from_json(json.loads(json.dumps(set_.to_json()))) == set_


@pytest.mark.parametrize(
    ("what", "left"),
    [
        (
            "late",
            Adjustments(penalty=Amount.read("1"), points={"a": Manual.read("1"), "b": Manual.read("2")}),
        ),
        ("points:a", Adjustments(late_days=1, penalty=Amount.read("1"), points={"b": Manual.read("2")})),
        ("points", Adjustments(late_days=1, penalty=Amount.read("1"))),
        ("all", Adjustments()),
    ],
)
def test_what_was_set_can_be_taken_back(what: str, left: Adjustments) -> None:
    old = Adjustments(
        late_days=1, penalty=Amount.read("1"), points={"a": Manual.read("1"), "b": Manual.read("2")}
    )
    assert Change((what,), {}, {})(old) == left


@given(
    scores=st.lists(st.tuples(st.integers(0, 100), st.integers(0, 100)), min_size=1, max_size=5),
    days=st.integers(0, 30),
)
def test_a_mark_is_between_nothing_and_everything(
    make: Any, scores: list[tuple[int, int]], days: int
) -> None:
    checks = [
        make.check(str(number), "failed", max(pair) / 10, earned=min(pair) / 10)
        for number, pair in enumerate(scores)
    ]
    found = marked(make, result=make.result("x", *checks), late_days=days)
    assert found.points is not None
    assert 0 <= found.points <= found.max_points
    assert found.points == round(found.points, 2)
