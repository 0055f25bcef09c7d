"""Individual parameters: the same everywhere, and different for different students."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from lab.errors import LabError
from lab.exercises import parameters
from lab.exercises.parameters import Numbers, Words

DECLARED = {"mib": Numbers(16, 40, 2), "word": Words(("otter", "heron", "badger")), "n": Numbers(-5, -1)}
ORDER = (1, 3, 2, 0)
"""Of the student of all these tests."""


def test_the_values_stay_what_they_are_for_ever() -> None:
    # Answers of a course that is under way depend on them: never change this.
    assert parameters.values(DECLARED, "s1234567", "autumn") == {"mib": 24, "word": "otter", "n": -5}
    assert parameters.values(DECLARED, "", "") == {"mib": 22, "word": "heron", "n": -5}


def test_the_orders_stay_what_they_are_for_ever() -> None:
    # Letters in answers of a course that is under way depend on them: never change this.
    assert parameters.order("05.when_complete", 4, "s1234567", "autumn") == ORDER
    assert parameters.order("05.when_complete", 4, " S1234567 ", "autumn") == ORDER
    assert parameters.order("05.when_complete", 4, " ", "autumn") == (0, 1, 2, 3)  # nobody's


def test_every_thing_comes_to_every_place_about_as_often() -> None:
    ids = [f"s{n}" for n in range(2400)]
    orders = Counter(parameters.order("05.when_complete", 4, each, "x") for each in ids)
    assert len(orders) == 24 and min(orders.values()) > 60  # of 100 on the average
    of_seeds = Counter(parameters.order("05.when_complete", 4, "s", f"{n}") for n in range(2400))
    assert len(of_seeds) == 24 and min(of_seeds.values()) > 60
    # Who knows one order of somebody knows no other one.
    same = sum(
        parameters.order("05.a", 4, each, "x") == parameters.order("05.b", 4, each, "x") for each in ids
    )
    assert 60 < same < 140


def test_the_way_an_id_is_written_does_not_matter() -> None:
    assert parameters.values(DECLARED, " S1234567 ", "autumn") == parameters.values(
        DECLARED, "s1234567", "autumn"
    )


def test_neither_random_nor_the_other_parameters_have_a_say() -> None:
    random.seed(1)
    one = parameters.values(DECLARED, "a", "b")
    random.seed(2)
    assert parameters.values({"n": DECLARED["n"], "word": DECLARED["word"]}, "a", "b") == {
        "n": one["n"], "word": one["word"]
    }  # fmt: skip


def test_students_and_seeds_spread_over_all_values() -> None:
    of_students = Counter(parameters.values(DECLARED, f"s{n}", "x")["mib"] for n in range(1300))
    of_seeds = Counter(parameters.values(DECLARED, "s", f"{n}")["mib"] for n in range(1300))
    for counted in (of_students, of_seeds):
        assert set(counted) == set(range(16, 41, 2))
        assert min(counted.values()) > 60  # of 100 on the average


@pytest.mark.parametrize(
    "table",
    [
        5, {}, {"words": []}, {"words": ["one"]}, {"words": ["a", "a"]}, {"words": [1, 2]}, {"least": 1},
        {"least": 5, "most": 5}, {"least": 1, "most": 9, "step": 0}, {"least": 1.5, "most": 9},
        {"least": True, "most": 9}, {"least": 1, "most": 9, "words": ["a", "b"]},
    ],
)  # fmt: skip
def test_what_declares_no_parameter_is_an_error(table: object) -> None:
    with pytest.raises(LabError, match=r"exercise\.toml: parameter mib"):
        parameters.parse("mib", table, "exercise.toml")


def test_declarations_are_read() -> None:
    assert parameters.parse("a", {"words": ["x", "y"]}, "f") == Words(("x", "y"))
    assert parameters.parse("a", {"least": 1, "most": 4}, "f").choices == (1, 2, 3, 4)
    with pytest.raises(LabError, match="no name for a template"):
        parameters.parse("two words", {"words": ["x", "y"]}, "f")
