"""The class in the formats of others: each as its specification has it, whatever a submission wrote."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import json
import re
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.gradebook import export as exports
from grading.gradebook.amounts import Amount, Manual
from grading.gradebook.export import canvas, document, github_classroom, gradescope, junit, table
from grading.gradebook.export.request import Outcome, Request
from grading.gradebook.feedback import feedback
from grading.gradebook.files import file_names
from grading.gradebook.marks import Adjustments, LateRule
from grading.gradebook.roster import Student
from grading.gradebook.text import cell
from lab.errors import LabError
from lab.unseen import clean

ANN = Student("s001", "Lee, Ann", "ann@x.edu", "ann", "", "alee", "4711", "CS 1")
BOB = Student("s002", "Ray, Bob", "bob@x.edu", "", "", "bray", "4712", "CS 1")
CY = Student("s003", "Poe, Cy", "cy@x.edu", "", "", "cpoe", "4713", "CS 2")
RULE = LateRule(Amount.read("10%"))
EVIL = "\x1b[31m=cmd|'/c calc'!A1\x00\"\\\",x]]><&\udcff\u202e\r\nend\\"

ANYTHING = settings(max_examples=40)


@pytest.fixture
def request_of(make: Any, tmp_path: Path) -> Callable[..., Request]:
    def build(*results: Any, output: str = "out", **other: Any) -> Request:
        ledger = {name: other.pop(name) for name in ("students", "rule", "set_") if name in other}
        return Request(make.ledger(*results, **ledger), tmp_path / output, **other)

    return build


def rows(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


def noted(outcome: Outcome) -> str:
    return "\n".join(outcome.notes)


# Canvas


def test_canvas(make: Any, request_of: Callable[..., Request]) -> None:
    request = request_of(
        make.result("ann"),
        make.result("bray"),
        make.result("nobody"),
        students=(ANN, BOB, CY),
        rule=RULE,
        set_={
            ("submission", "ann"): Adjustments(late_days=1),
            ("student", "s002"): Adjustments(excused=True),
        },
        assignment="Project 1 (123)",
    )
    outcome = canvas.export(request)
    assert rows(request.output) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "Project 1 (123)"],
        ["    Points Possible", "", "", "", "", "20"],
        ["Lee, Ann", "4711", "s001", "alee", "CS 1", "8"],
        ["Ray, Bob", "4712", "s002", "bray", "CS 1", "EX"],
    ]
    assert "'nobody' is nobody's" in noted(outcome)
    assert "Without a submission: Poe, Cy." in noted(outcome)
    assert "No row, so that Canvas keeps what it has: Poe, Cy." in noted(outcome)


def test_canvas_out_of_another_maximum_and_zero_for_nothing(
    make: Any, request_of: Callable[..., Request]
) -> None:
    request = request_of(
        make.result("ann"),
        students=(ANN, BOB, CY),
        set_={("student", "s002"): Adjustments(excused=True)},
        assignment="P",
        out_of=Decimal(100),
        missing_as_zero=True,
    )
    outcome = canvas.export(request)
    assert [row[-1] for row in rows(request.output)] == ["P", "100", "50", "EX", "0"]
    assert request.points(next(row for row in request.ledger.rows if row.mark.excused)) is None
    assert "Marks out of 20 became marks out of 100." in outcome.notes


def test_canvas_names_the_column_as_canvas_does(
    make: Any, request_of: Callable[..., Request], written: Callable[[str], Path]
) -> None:
    gradebook = written("Student,ID,SIS Login ID,Section,Project 1 (123),Project 10 (124)\n")
    for name in ("Project 1", "123", "Project 1 (123)"):
        request = request_of(make.result("ann"), students=(ANN,), assignment=name, worksheet=gradebook)
        canvas.export(request)
        assert rows(request.output)[0][-1] == "Project 1 (123)"
    with pytest.raises(LabError, match="0 columns for 'Project'"):
        canvas.export(
            request_of(make.result("ann"), students=(ANN,), assignment="Project", worksheet=gradebook)
        )


def test_canvas_needs_a_roster_and_an_assignment(make: Any, request_of: Callable[..., Request]) -> None:
    with pytest.raises(LabError, match="there is no roster"):
        canvas.export(request_of(make.result("ann"), assignment="P"))
    with pytest.raises(LabError, match="assignment in Canvas is not named"):
        canvas.export(request_of(make.result("ann"), students=(ANN,)))


# The table


def test_the_table(make: Any, request_of: Callable[..., Request]) -> None:
    request = request_of(
        make.result("ann", make.check("one"), make.check("two", "error")),
        make.result("zed"),
        students=(ANN, BOB),
        set_={("submission", "zed"): Adjustments(points={"report": Manual.read("8/10")}, remark="well")},
    )
    table.export(request)
    head, *found = rows(request.output)
    assert head == [*table.COLUMNS, "check:logs.one", "check:logs.two"]
    ann, zed, nothing = (dict(zip(head, row, strict=True)) for row in found)
    assert (ann["ids"], ann["mark"], ann["max_mark"], ann["error"]) == ("s001", "20", "30", "1")
    assert (ann["check:logs.one"], ann["check:logs.two"]) == ("10", "")
    assert (zed["submission"], zed["ids"], zed["points_by_hand"], zed["mark"]) == (
        "zed",
        "",
        "report=8/10",
        "18",
    )
    assert (nothing["submission"], nothing["ids"], nothing["mark"]) == ("", "s002", "")


@pytest.mark.parametrize(
    "text", ["=cmd|'/c calc'!A1", "+1+cmd", "-2+3", "@SUM(A1)", "\t=1", "\n=1", " =1", "\uff1d1", "\ufeff=1"]
)
def test_a_formula_is_text(make: Any, request_of: Callable[..., Request], text: str) -> None:
    request = request_of(make.result(text, problem=text, image=text))
    table.export(request)
    assert [field for field in rows(request.output)[1] if field == f"'{text}"] == [f"'{text}"] * 3


@pytest.mark.parametrize("text", ["", "ann", "-3.5", "+2", "a=b", "1 = 1", "'x"])
def test_what_is_no_formula_is_left_alone(text: str) -> None:
    assert cell(text) == text


@given(data=st.data())
@ANYTHING
def test_any_text_stays_in_its_cell(
    make: Any, request_of: Callable[..., Request], data: st.DataObject
) -> None:
    results = data.draw(make.classes)
    request = request_of(*results)
    table.export(request)
    head, *found = rows(request.output)
    assert all(len(row) == len(head) for row in found)
    names = [cell(each.submission) for each in sorted(results, key=lambda each: each.submission)]
    assert [row[0].replace("\r\n", "\n") for row in found] == names
    assert not any(re.match(r"\s*[=@]", field) for row in found for field in row)


# JUnit


def test_junit(make: Any, request_of: Callable[..., Request]) -> None:
    result = make.result(
        "ann",
        make.check("one"),
        make.check("two", "failed", rationale="A line was lost", expected="a", actual="b", seconds=1.5),
        make.check("three", "skipped", parent="logs.two"),
        make.check("four", "error", rationale="The machine was lost"),
        started="2026-11-24T13:00:00+01:00",
        seconds=12.5,
    )
    empty = dataclasses.replace(make.result("empty", problem="It is empty.", started="once"), checks=())
    request = request_of(result, empty)
    junit.export(request)
    suites = ElementTree.parse(request.output).getroot()
    ann, nothing = suites
    assert (suites.tag, ann.tag, ann.get("name")) == ("testsuites", "testsuite", "ann")
    counts = [ann.get(name) for name in ("tests", "failures", "errors", "skipped", "time", "timestamp")]
    assert counts == ["4", "1", "1", "1", "12.500", "2026-11-24T12:00:00"]
    cases = ann.findall("testcase")
    assert [case.get("name") for case in cases] == ["logs.one", "logs.two", "logs.three", "logs.four"]
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["skipped"], ["error"]]
    assert cases[1][0].get("message") == "A line was lost"
    assert "Expected: a\nActual: b" in (cases[1][0].text or "")
    assert cases[2][0].get("message") == "logs.two did not pass"
    assert (nothing.get("tests"), nothing.get("errors"), nothing.get("timestamp")) == ("1", "1", None)
    [error] = nothing.iter("error")
    assert error.get("message") == "It is empty."


@given(data=st.data())
@ANYTHING
def test_any_text_is_xml(make: Any, request_of: Callable[..., Request], data: st.DataObject) -> None:
    results = data.draw(make.classes)
    request = request_of(*results)
    junit.export(request)
    suites = ElementTree.fromstring(request.output.read_bytes())
    assert len(suites) == len(results)
    for suite, result in zip(suites, sorted(results, key=lambda each: each.submission), strict=True):
        assert len(suite.findall("testcase")) == (len(result.checks) or 1)
        for case, check in zip(suite.findall("testcase"), result.checks, strict=False):
            if check.verdict == "failed" and check.actual:
                assert f"Actual: {clean(check.actual)}" in (case[0].text or "")


# Gradescope


def test_gradescope(make: Any, request_of: Callable[..., Request]) -> None:
    result = make.result(
        "ann",
        make.check("one", title="A line stays"),
        make.check("two", "failed", hidden=True, earned=2.5, hint="flush"),
        make.check("three", "skipped", parent="logs.two"),
        make.check("four", "error"),
        seconds=12.5,
    )
    set_ = {("submission", "ann"): Adjustments(late_days=1, points={"report": Manual.read("8/10")})}
    request = request_of(result, rule=RULE, set_=set_)
    outcome = gradescope.export(request)
    assert outcome.files == (request.output / "ann" / "results.json",)
    found = json.loads(outcome.files[0].read_text())
    one, two, three, four, report = found["tests"]
    assert found["score"] == 12.5 + 8 - 4  # of 40, a tenth
    assert found["execution_time"] == 12.5
    assert "1 day late: -4 points" in found["output"]
    assert (one["name"], one["number"], one["status"], one["visibility"]) == (
        "A line stays",
        "1",
        "passed",
        "visible",
    )
    assert (two["score"], two["max_score"], two["status"], two["visibility"]) == (
        2.5,
        10,
        "failed",
        "after_published",
    )
    assert "flush" not in two["output"]
    assert (three["status"], "hidden.1 did not pass" in three["output"]) == ("failed", True)
    assert ("status" in four, four["max_score"]) == (False, 0)
    assert (report["score"], report["max_score"]) == (8, 10)


def test_a_member_with_a_mark_of_their_own_has_a_file_of_their_own(
    make: Any, request_of: Callable[..., Request]
) -> None:
    team = tuple(Student(str(number), folder="team") for number in (1, 2, 3))
    request = request_of(
        make.result("team"), students=team, set_={("student", "2"): Adjustments(score=Decimal(20))}
    )
    found = {path.parent.name: json.loads(path.read_text()) for path in gradescope.export(request).files}
    assert {name: each["score"] for name, each in found.items()} == {"team 1 3": 10, "team 2": 20}


# GitHub Classroom


def test_github_classroom(make: Any, request_of: Callable[..., Request]) -> None:
    set_ = {("submission", "ann"): Adjustments(late_days=1)}
    request = request_of(make.result("ann"), rule=RULE, set_=set_)
    plain, encoded = github_classroom.export(request).files
    found = json.loads(plain.read_text())
    assert json.loads(base64.b64decode(encoded.read_bytes())) == found
    assert (found["version"], found["status"], found["max_score"]) == (1, "fail", 20)
    assert [(test["status"], test["score"]) for test in found["tests"]] == [
        ("pass", 10),
        ("fail", 0),
        ("pass", -2),
    ]
    assert sum(test["score"] for test in found["tests"]) == 8


def test_github_classroom_all_passed(make: Any, request_of: Callable[..., Request]) -> None:
    request = request_of(make.result("ann", make.check("one")))
    found = json.loads(github_classroom.export(request).files[0].read_text())
    assert (found["status"], len(found["tests"])) == ("pass", 1)


# All of them


@given(data=st.data())
@ANYTHING
def test_any_text_is_json(make: Any, request_of: Callable[..., Request], data: st.DataObject) -> None:
    result = data.draw(make.results)
    for module in (gradescope, github_classroom, document):
        request = request_of(result, output=module.__name__)
        for path in module.export(request).files:
            if path.suffix != ".base64":
                json.loads(path.read_bytes())
    [one] = document.document(request)["submissions"]
    assert json.loads(json.dumps(one))["result"]["submission"] == result.submission


def test_what_is_hidden_is_not_told_to_students(make: Any, request_of: Callable[..., Request]) -> None:
    said = {name: "a secret" for name in ("rationale", "expected", "actual", "hint", "parent")}
    hidden = make.check("a_secret", "failed", hidden=True, title="One more", kernel=("a secret",), **said)
    after = make.check("after", "skipped", parent="logs.a_secret")
    result = make.result("ann", hidden, after, seed="a secret")
    for name in ("gradescope", "github-classroom"):
        for path in exports.export(name, request_of(result, output=name)).files:
            text = path.read_text()
            if path.suffix == ".base64":
                text = base64.b64decode(text).decode()
            assert "secret" not in text
            assert "One more" in text
    text = feedback(make.ledger(result).rows[0])
    assert "secret" not in text
    assert "One more (hidden.1): failed; 0 of 10 points" in text


@pytest.mark.parametrize("name", ["canvas", "gradescope", "junit", "csv", "json", "github-classroom"])
def test_evil_text_is_written_without_what_could_act(
    make: Any, request_of: Callable[..., Request], name: str
) -> None:
    result = make.result("ann", make.check("one", "failed", actual=EVIL, title=EVIL, kernel=(EVIL,)))
    request = request_of(result, students=(ANN,), assignment="P", output=name)
    outcome = exports.export(name, request)
    for path in outcome.files:
        data = path.read_bytes()
        assert b"\x1b" not in data
        assert b"\x00" not in data
        assert path.stat().st_mode & 0o077 == 0
    assert not list(request.output.parent.rglob("*.new"))


def test_a_file_is_whole_or_as_it_was(
    make: Any, request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_of(make.result("ann"))
    request.output.write_text("old")

    def fail(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(LabError, match="No space left"):
        document.export(request)
    assert request.output.read_text() == "old"
    assert [path.name for path in request.output.parent.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["gradescope", "github-classroom"])
@pytest.mark.parametrize("there", [False, True])
def test_a_folder_is_whole_or_as_it_was(
    make: Any, request_of: Callable[..., Request], monkeypatch: pytest.MonkeyPatch, name: str, there: bool
) -> None:
    request = request_of(make.result("ann"), make.result("bob"), output="deep/out")
    if there:
        exports.export(name, request)
    before = {path: path.is_file() and path.stat().st_ino for path in request.output.parent.rglob("*")}
    written: list[int] = []

    def fail(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(LabError, match=r"deep/out/\w+/result\S* cannot be written: No space left on device"):
        exports.export(name, request)
    after = {path: path.is_file() and path.stat().st_ino for path in request.output.parent.rglob("*")}
    assert after == before and request.output.parent.exists() == there


def test_names_of_files_stay_in_the_folder_and_apart() -> None:
    names = ["..", "a/b", "a_b", "A_B", "", "\x00", "x" * 300, "ü", ".hidden", "\udcff", "con\n"]
    found = file_names(names)
    assert list(found) == names
    assert len({name.casefold() for name in found.values()}) == len(names)
    for name in found.values():
        assert name not in ("", ".", "..")
        assert "/" not in name
        assert not name.startswith(".")
        assert len(name.encode()) <= 200


@given(names=st.lists(st.text(max_size=20), max_size=8, unique=True))
def test_any_names_of_files_are_apart(names: list[str]) -> None:
    found = file_names(names)
    assert len({name.casefold() for name in found.values()}) == len(names)
    assert all(re.fullmatch(r"[^/\x00\n]+", name) and name.strip(".") for name in found.values())


def test_an_unknown_place_is_one_sentence(
    make: Any, request_of: Callable[..., Request], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LabError, match="cannot be written"):
        document.export(request_of(make.result("ann"), output="file/out.json"))


def test_a_link_stays_one_and_a_device_is_written_into(
    make: Any, request_of: Callable[..., Request], tmp_path: Path
) -> None:
    request = request_of(make.result("ann"))
    request.output.symlink_to("other")
    document.export(request)
    assert request.output.is_symlink() and json.loads((tmp_path / "other").read_text())
    request.output.unlink()
    request.output.symlink_to("/dev/full")
    with pytest.raises(LabError, match="out cannot be written: No space left on device"):
        document.export(request)
    assert request.output.is_symlink() and request.output.is_char_device()


def test_canvas_keeps_the_points_of_an_assignment_so_marks_are_out_of_them(
    make: Any, request_of: Callable[..., Request], written: Callable[[str], Path]
) -> None:
    gradebook = written("Student,ID,SIS Login ID,Section,P (1)\n    Points Possible,,,,100.0\n")
    asked = {"students": (ANN,), "assignment": "P", "worksheet": gradebook}
    request = request_of(make.result("ann"), **asked)
    assert "P (1)" in noted(canvas.export(request))
    assert [row[-1] for row in rows(request.output)] == ["P (1)", "100", "50"]
    with pytest.raises(LabError, match="with 100 points, and --out-of says 20"):
        canvas.export(request_of(make.result("ann"), out_of=Decimal(20), **asked))
