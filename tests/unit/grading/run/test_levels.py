"""What is asked of whom: a workspace of this kit the whole contract and what its exercises teach beyond it."""

from __future__ import annotations

import dataclasses

import pytest

from grading.run.batch import Settings
from grading.run.job import Job
from tests.unit.grading.run.conftest import GOOD, IDS, Class, check


@pytest.fixture
def mixed(a_class: Class) -> Class:
    """Ann has a workspace of this kit, Bob an engine of another make; there are a check of level 2 and one beyond."""
    more = (check("containers.exact", level=2), check("containers.walls", level=2, beyond=True))
    a_class.ground = dataclasses.replace(a_class.ground, checks=(*a_class.ground.checks, *more))
    everything = "\n".join([GOOD, *(f"pass {each.id}" for each in more)])
    (a_class.hand_in("ann", everything) / "boxwright.toml").write_text('student = "ann"\ntrack = "c"\n')
    a_class.hand_in("bob", everything)
    return a_class


def asked(a_class: Class, settings: Settings) -> dict[str, tuple[int, set[str]]]:
    """Of each submission its level and the checks, beside those of level 1."""
    return {
        name: (result.level, {each.id for each in result.checks if each.id not in IDS})
        for name, result in a_class.run(settings).items()
    }


def test_each_has_its_own_level_where_nothing_is_said(mixed: Class) -> None:
    assert asked(mixed, Settings(level=0)) == {
        "ann": (2, {"containers.exact", "containers.walls"}),
        "bob": (1, set()),
    }
    assert asked(mixed, Settings(level=0)) and not mixed.seen.graded, "done is done, at each one's level"


def test_what_is_beyond_the_contract_is_asked_of_workspaces_only(mixed: Class) -> None:
    assert asked(mixed, Settings(level=2)) == {
        "ann": (2, {"containers.exact", "containers.walls"}),
        "bob": (2, {"containers.exact"}),
    }
    assert asked(mixed, Settings(level=1)) == {"ann": (1, set()), "bob": (1, set())}


def test_a_level_that_is_said_is_another_run(mixed: Class) -> None:
    mixed.run(Settings(level=0))
    mixed.run(Settings(level=2))
    assert [graded.result.submission for graded in mixed.seen.graded] == ["bob"]


def test_the_reference_itself_is_asked_for_everything() -> None:
    assert Job.reference().wants(check("containers.walls", level=2, beyond=True))
