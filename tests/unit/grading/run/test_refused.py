"""A submission that is a broken archive, from the run to what each reader is told: 0, and why, once."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from grading.gradebook import show
from grading.gradebook.export import github_classroom, gradescope
from grading.gradebook.export.request import Request, notes
from grading.gradebook.feedback import feedback
from grading.gradebook.ledger import Ledger, of
from grading.gradebook.marks import Adjustments
from grading.gradebook.store import Gradebook
from grading.pages.render import class_page, student_page
from tests.unit.grading.run.conftest import Class

REASON = "the archive cid.zip is damaged or cut short"
ADVICE = "Ask for it again"
TO_STUDENT = "ask your instructor whether you may hand it in again"
LINKS = {name: f"{name}.html" for name in ("bob", "cid")}


@pytest.fixture
def refused(a_class: Class) -> Class:
    """Graded: `bob`, who has all points, and `cid`, of whom there is nothing to read."""
    a_class.hand_in("bob")
    (a_class.folder / "cid.zip").write_bytes(b"PK\x03\x04 nothing more")
    a_class.run()
    return a_class


def ledger(graded: Class, *, excused: bool = False) -> Ledger:
    with Gradebook.open(graded.results) as gradebook:
        if excused:
            gradebook.adjust("submission", "cid", lambda _: Adjustments(excused=True))
        return of(gradebook)


def the_class(graded: Class, *, excused: bool = False) -> str:
    found = ledger(graded, excused=excused)
    results = [row.result for row in found.rows if row.result]
    page = class_page(results, title="c", links=LINKS, ledger=found)
    return page.replace("<bdi>", "").replace("</bdi>", "")


def test_the_instructor_is_told_once_with_what_to_do(refused: Class) -> None:
    found = ledger(refused)
    [cid] = found.rows_of("submission", "cid")
    out = StringIO()
    show.one(Console(file=out, width=200, color_system=None), cid, [])
    text = out.getvalue()
    assert text.count(REASON) == text.count(ADVICE) == 1
    assert "Mark: 0 of 6" in text and "None of the checks had anything to run on." in text
    [note] = [note for note in notes(Request(found, refused.results)) if "'cid'" in note]
    assert (
        note.startswith("'cid' has no point by checks: cid: ")
        and note.count(REASON) == note.count(ADVICE) == 1
    )
    assert not notes(Request(ledger(refused, excused=True), refused.results))


def test_the_student_is_told_once_and_nothing_that_is_meant_for_the_instructor(refused: Class) -> None:
    found = ledger(refused)
    [cid] = found.rows_of("submission", "cid")
    assert cid.result is not None
    request = Request(found, Path(tempfile.mkdtemp(dir=refused.results)))
    texts = [
        feedback(cid),
        json.dumps(gradescope.results(request, cid)),
        json.dumps(github_classroom.results(request, cid)),
        student_page(cid.result).replace("<code>", "").replace("</code>", ""),
    ]
    for text in texts:
        assert ADVICE not in text
        assert text.count(REASON) == text.count(TO_STUDENT) == 1
    assert "No verdict" not in texts[-1] and "<strong>0</strong> of 6 points" in texts[-1]
    assert ADVICE in student_page(cid.result, to_hand_out=False)


def test_it_counts_in_the_figures_of_the_class_and_the_excused_need_no_look(refused: Class) -> None:
    page = the_class(refused)
    assert "<dt>Median</dt><dd>50 %</dd>" in page and "<dt>Mean</dt><dd>50 %</dd>" in page
    assert "0 to 9 percent: 1; 90 to 100 percent: 1" in page and "2 of 2 have a verdict" in page
    look, table = page.split('<h2 id="look">')[1].split('<h2 id="submissions">')
    assert re.search(r"cid</a> has no point\..*damaged or cut short", look) and look.count(ADVICE) == 1
    assert re.search(r"cid</a>.*<span class=\"points\">0 .*damaged or cut short", table, re.DOTALL)
    excused = the_class(refused, excused=True)
    assert "<dt>To look at</dt><dd>0</dd>" in excused and '<h2 id="look">' not in excused
    assert "damaged or cut short" in excused, "it is still told in the table"


def test_a_class_of_which_nothing_could_be_run_has_a_page(a_class: Class) -> None:
    a_class.folder.mkdir()
    (a_class.folder / "cid.zip").write_bytes(b"PK\x03\x04 nothing more")
    a_class.run()
    page = the_class(a_class)
    assert "1 of 1 have a verdict" in page and "All together 0.0 s" in page and "or less" not in page


def test_what_grade_set_can_do_is_not_said_to_students(a_class: Class) -> None:
    a_class.ground = dataclasses.replace(a_class.ground, limit=1.0)
    a_class.hand_in("cid", "hang")
    a_class.run()
    [cid] = ledger(a_class).rows_of("submission", "cid")
    assert cid.result is not None and "did not end within" in cid.result.problem
    assert "grade set" in cid.result.why
    assert "did not end within" in feedback(cid) and "grade set" not in feedback(cid)
