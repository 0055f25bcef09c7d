"""Points by hand that contradict what others have by the same name, and whom an instructor names."""

from __future__ import annotations

import re
import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grading import cli_gradebook
from grading.gradebook import ledger, naming
from grading.gradebook.roster import Student
from grading.gradebook.store import Gradebook
from lab.errors import LabError

JANE = Student("s1", "Doe, Jane", "jdoe@x.edu", "", "", "jdoe")
KIM = Student("s2", "Kim", "", "")
RAY = Student("s3", "O'Ray", "", "")


@pytest.fixture
def results(tmp_path: Path, make: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A gradebook with a submission, `team`, out of 20, and a roster whose students handed in nothing."""
    with Gradebook.open(tmp_path / "results", create=True) as gradebook:
        gradebook.set_roster((JANE, KIM, RAY))
        gradebook.record(make.result("team"), content_hash="h")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "results"


def set_(whose: str, *points: str, score: str | None = None, clear: tuple[str, ...] = ()) -> None:
    """As `grade set` is typed."""
    cli_gradebook.set_(whose, points=list(points), score=score, clear=list(clear))


def given(results: Path) -> dict[str, str]:
    """What each has for the report."""
    with Gradebook.open(results) as gradebook:
        kept = gradebook.adjustments().items()
        return {key: str(each.points["report"]) for (_, key), each in kept if "report" in each.points}


def test_another_maximum_is_refused_until_it_is_taken_back_from_the_others(results: Path) -> None:
    for whose in ("team", "s1", "s2"):
        set_(whose, "report=8/10")
    with pytest.raises(LabError) as raised:
        set_("O'Ray", "other=1/2", "report=8/20")
    assert str(raised.value) == (
        "Points for 'report' are out of 10 for Doe, Jane; Kim; team, and here out of 20. The maximum is the same for "
        "all; to change it, take the others back first, as with "
        '`grade set "Doe, Jane" --clear points:report`, and then set all anew.'
    )
    assert given(results) == {"team": "8/10", "s1": "8/10", "s2": "8/10"}
    with Gradebook.open(results) as gradebook:
        assert ("student", "s3") not in gradebook.adjustments()
    for whose in ("Doe, Jane", "Kim", "team"):
        set_(whose, clear=("points:report",))
    set_("O'Ray", "report=8/20")
    set_("O'Ray", "report=7/25")  # nobody else has one
    assert given(results) == {"s3": "7/25"}


def test_a_bonus_and_points_to_earn_are_not_the_same(results: Path) -> None:
    for whose in ("s1", "s2", "s3", "team"):
        set_(whose, "report=2")
    with pytest.raises(
        LabError, match=r"are a bonus, without a maximum for Doe, Jane; Kim; O'Ray, and here out of 4"
    ):
        set_("team", "report=2/4")
    with Gradebook.open(results) as gradebook:
        gradebook.set_roster(())
    set_("team", "report=3")
    assert given(results)["team"] == "3"


@pytest.mark.parametrize("name", ["Kim", "Doe, Jane", "O'Ray", 'Bob "B" Ray'])
def test_the_command_that_is_named_is_one_for_a_shell(results: Path, name: str) -> None:
    with Gradebook.open(results) as gradebook:
        gradebook.set_roster((Student("s9", name),))
    set_(name, "report=8/10")
    with pytest.raises(LabError) as raised:
        set_("team", "report=8/20")
    command = re.search(r"`(.*)`", str(raised.value))
    assert command is not None and shlex.split(command[1])[2] == name


def test_a_score_above_all_there_is_is_kept_and_noted(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_("team", score="20")
    assert "more than" not in capsys.readouterr().err
    set_("team", score="21.5")
    said = " ".join(capsys.readouterr().err.split())
    assert "The score 21.5 is more than the 20 points of all checks; it counts as it is." in said
    with Gradebook.open(results) as gradebook:
        [row] = ledger.of(gradebook).rows_of("submission", "team")
    assert row.mark.points == Decimal("21.5")


@pytest.mark.parametrize(
    "name", ["Jane Doe", "jane doe", "Doe Jane", "Doe, Jane", "s1", "JDOE@x.edu", "jdoe"]
)
def test_a_name_is_known_with_either_name_first(make: Any, name: str) -> None:
    assert naming.resolve(make.ledger(students=(JANE, KIM)), name) == ("student", "s1")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("Jane Do", "Is it Doe, Jane?"),
        ("doe, jan", "Is it Doe, Jane?"),
        ("jdoee", "Is it Doe, Jane?"),
        ("kmi", "Is it Kim?"),
        ("TEAM-2", "Is it Team-1?"),
        ("Zz", "`grade show` lists all; --roster FILE names the students."),
    ],
)
def test_who_is_not_known_is_asked_for_by_the_name_that_is(make: Any, name: str, near: str) -> None:
    with pytest.raises(LabError) as raised:
        naming.resolve(make.ledger(make.result("Team-1"), students=(JANE, KIM)), name)
    assert str(raised.value) == f"Nobody is called {name!r} in this gradebook. {near}"


def test_several_of_one_name_are_told_apart(make: Any) -> None:
    twins = (Student("s1", "Doe, Jane"), Student("s2", "Jane Doe"))
    with pytest.raises(LabError, match="Several students are called 'jane doe': s1; s2"):
        naming.resolve(make.ledger(students=twins), "jane doe")
