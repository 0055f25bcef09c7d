"""What the exports and the terminal tell: lists of names, what was nothing, and why something was taken."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from grading.gradebook import show
from grading.gradebook.export import canvas, junit
from grading.gradebook.export.request import Request
from grading.gradebook.feedback import failure
from grading.gradebook.ledger import Row
from grading.gradebook.matching import match
from grading.gradebook.roster import Student
from grading.verdicts import Part
from lab.errors import LabError

ANN = Student("s001", "Lee, Ann", folder="team")
BOB = Student("s002", "Ray, Bob", folder="team")
CY = Student("s003", "Poe, Cy")
DAN = Student("s004", "Fox, Dan")


def shown(row: Row) -> str:
    out = StringIO()
    show.one(Console(file=out, width=200, color_system=None), row, [])
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines())


def test_names_with_commas_are_told_apart(make: Any, tmp_path: Path) -> None:
    ledger = make.ledger(make.result("team"), students=(ANN, BOB, CY, DAN))
    outcome = canvas.export(Request(ledger, tmp_path / "out", assignment="P"))
    assert "Without a submission: Poe, Cy; Fox, Dan." in outcome.notes
    assert "No row, so that Canvas keeps what it has: Poe, Cy; Fox, Dan." in outcome.notes
    out = StringIO()
    show.the_class(Console(file=out, width=200, color_system=None), ledger)
    assert "Lee, Ann; Ray, Bob" in out.getvalue()
    members = [
        each.get("value") for each in junit.suite(Request(ledger, tmp_path), ledger.rows[0]).iter("property")
    ]
    assert "s001; s002" in members
    cousins = [Student(str(number), "Lee, Ann") for number in range(3)]
    assert "Lee, Ann; Lee, Ann or Lee, Ann" in match(["Ann Lee"], cousins).submissions_left[0].why


def test_without_canvas_own_gradebook_its_points_are_not_known(
    make: Any, tmp_path: Path, written: Callable[[str], Path]
) -> None:
    ledger = make.ledger(make.result("team"), students=(ANN, BOB))
    request = Request(ledger, tmp_path / "out", assignment="P")
    note = "If the assignment is in Canvas already with other points than 20, say so with --out-of"
    assert any(told.startswith(note) for told in canvas.export(request).notes)
    said = Request(ledger, tmp_path / "out", assignment="P", out_of=Decimal(50))
    assert not any("in Canvas already" in told for told in canvas.export(said).notes)
    known = written("Student,ID,SIS Login ID,P (1)\n    Points Possible,,,50\n")
    asked = Request(ledger, tmp_path / "known", assignment="P", worksheet=known, out_of=Decimal(20))
    with pytest.raises(
        LabError, match=r"'P \(1\)' with 50 points, and --out-of says 20\. Leave --out-of out"
    ):
        canvas.export(asked)
    assert not asked.output.exists()


@pytest.mark.parametrize(
    ("expected", "actual", "told"),
    [
        ("a line", "", ["expected: a line", "actual: nothing"]),
        ("a line", "two", ["expected: a line", "actual: two"]),
        ("", "assert 1 == 2", ["actual: assert 1 == 2"]),  # a plain assert, of which nothing else is known
        ("", "", []),
    ],
)
def test_nothing_is_told_where_nothing_was_seen(
    make: Any, expected: str, actual: str, told: list[str]
) -> None:
    check = make.check("one", "failed", expected=expected, actual=actual)
    row = make.ledger(make.result("ann", check)).rows[0]
    for text in (failure(check).lower(), shown(row)):
        lines = [line.strip() for line in text.splitlines()]
        assert [line for line in lines if line.startswith(("expected:", "actual:"))] == told


def test_what_was_taken_is_shown_with_its_reasons(make: Any) -> None:
    engine = Part(True, "src", "make", ("It has a Makefile\x1b[2J.", "old/ was not: it is the skeleton."))
    text = shown(make.ledger(make.result("ann", engine=engine)).rows[0])
    assert "engine: src, by make\n  It has a Makefile␛[2J." in text
    assert "  old/ was not: it is the skeleton.\nmonitor: not found\n" in text
