"""Moodle's worksheet is filled in, and otherwise the file that was downloaded, byte for byte."""

from __future__ import annotations

import csv
import html
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.gradebook import roster
from grading.gradebook.export import moodle
from grading.gradebook.export.request import Outcome, Request
from grading.gradebook.marks import Adjustments
from lab.errors import LabError

HEAD = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum grade","Grade can be changed",'
    '"Last modified (submission)","Last modified (grade)","Feedback comments"\r\n'
)
ANN = (
    '"Participant 11","Ann Lee",ann@x.edu,"Submitted for grading - ",{},100.00,Yes,"Monday, 1 June",-,{}\r\n'
)
BOB = '"Participant 12","Bob ""B"" Ray",bob@x.edu,,,100.00,Yes,-,-,""\r\n'
CY = '"Participant 13",Cy,cy@x.edu,,55,100.00,Yes,-,-,"an old\r\nremark"\r\n'
FOLDER = "Ann Lee_11_assignsubmission_file_"


@pytest.fixture
def filled(make: Any, tmp_path: Path) -> Callable[..., tuple[bytes, Outcome]]:
    """The worksheet filled in for one submission, and what was said."""

    def fill(worksheet: bytes, *results: Any, **other: Any) -> tuple[bytes, Outcome]:
        path = tmp_path / "worksheet.csv"
        path.write_bytes(worksheet)
        set_ = other.pop("set_", {})
        ledger = make.ledger(*results, students=other.pop("students", None) or roster.read(path), set_=set_)
        request = Request(ledger, tmp_path / "filled.csv", worksheet=path, **other)
        outcome = moodle.export(request)
        assert path.read_bytes() == worksheet
        return request.output.read_bytes(), outcome

    return fill


def as_moodle_reads(data: bytes) -> list[dict[str, str]]:
    """As PHP's fgetcsv: besides the doubled quotation mark, a backslash takes the meaning from one."""
    text = data.decode("utf-8-sig")
    assert '\\"' not in text
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_only_grade_and_feedback_change(make: Any, filled: Callable[..., tuple[bytes, Outcome]]) -> None:
    worksheet = b"\xef\xbb\xbf" + (HEAD + ANN.format("", "") + BOB + CY).encode()
    data, outcome = filled(worksheet, make.result(FOLDER))
    [ann, bob, cy] = as_moodle_reads(data)
    assert ann["Grade"] == "50"
    assert ann["Feedback comments"].startswith("Mark: 10 of 20<br>- checks: 10 of 20 points<br>")
    feedback = '"' + ann["Feedback comments"] + '"'
    assert data == b"\xef\xbb\xbf" + (HEAD + ANN.format("50", feedback) + BOB + CY).encode()
    assert (bob["Grade"], cy["Grade"]) == ("", "55")
    assert 'Left as they are, without a mark: Bob "B" Ray; Cy.' in outcome.notes


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_encoding_line_ends_and_separator_stay(
    make: Any, filled: Callable[..., tuple[bytes, Outcome]], encoding: str, end: str, separator: str
) -> None:
    table = [["Identifier", "Full name", "Grade", "Maximum grade"], ["Participant 11", "Zoë", "", "20"]]
    text = end.join(separator.join(f'"{field}"' for field in row) for row in table)
    data, _ = filled(text.encode(encoding), make.result(FOLDER))
    assert data.decode(encoding) == text.replace('""', '"10"')


def test_marks_are_out_of_the_worksheets_maximum(
    make: Any, filled: Callable[..., tuple[bytes, Outcome]]
) -> None:
    rows = 'Identifier,Grade,"Maximum grade"\n"Participant 11",,"10,00"\n'
    data, _ = filled(
        rows.encode(), make.result(FOLDER, *(make.check(n) for n in "abc"), make.check("d", "failed"))
    )
    assert data.decode() == rows.replace(",,", ',"7,5",')  # a comma for decimals, as the maximum has it


def test_a_bonus_does_not_make_moodle_skip_the_grade(
    make: Any, filled: Callable[..., tuple[bytes, Outcome]]
) -> None:
    set_ = {("submission", FOLDER): Adjustments(score=Decimal(30))}
    data, _ = filled((HEAD + ANN.format("", "")).encode(), make.result(FOLDER), set_=set_)
    assert as_moodle_reads(data)[0]["Grade"] == "100"


def test_what_moodle_would_not_take_is_left_or_cut_and_told(
    make: Any, filled: Callable[..., tuple[bytes, Outcome]]
) -> None:
    locked = ANN.format("7", '"old"').replace("100.00,Yes", "100.00,No")
    bob = BOB.replace('"Bob ""B"" Ray"', '"Ray, Bob"')
    names = [f"{name}_assignsubmission_file_" for name in ("Ann Lee_11", "Ray Bob_12", "Cy_13")]
    set_ = {("submission", name): Adjustments(score=Decimal(30)) for name in names[:2]}
    data, outcome = filled((HEAD + locked + bob + CY).encode(), *map(make.result, names), set_=set_)
    assert locked.encode() in data
    assert [row["Grade"] for row in as_moodle_reads(data)] == ["7", "100", "50"]
    locked_ones = "Left as they are, since the worksheet says that the grade cannot be changed: Ann Lee."
    assert locked_ones in outcome.notes
    assert "Cut to the maximum, above which Moodle takes no grade: Ray, Bob." in outcome.notes


def test_another_maximum_than_the_worksheets_is_refused(
    make: Any, filled: Callable[..., tuple[bytes, Outcome]], tmp_path: Path
) -> None:
    worksheet = (HEAD + ANN.format("", "")).encode()
    with pytest.raises(LabError, match=r"worksheet's maximum grade is 100, and --out-of says 20\. Leave"):
        filled(worksheet, make.result(FOLDER), out_of=Decimal(20))
    assert not (tmp_path / "filled.csv").exists()
    data, _ = filled(worksheet, make.result(FOLDER), out_of=Decimal(100))
    assert as_moodle_reads(data)[0]["Grade"] == "50"


def test_feedback_is_no_markup(make: Any, filled: Callable[..., tuple[bytes, Outcome]]) -> None:
    check = make.check("one", "failed", actual="<script>&lt;")
    data, _ = filled((HEAD + ANN.format("", "")).encode(), make.result(FOLDER, check))
    assert "Actual: &lt;script&gt;&amp;lt;" in as_moodle_reads(data)[0]["Feedback comments"]


def test_an_excused_one_is_left_alone(make: Any, filled: Callable[..., tuple[bytes, Outcome]]) -> None:
    worksheet = (HEAD + ANN.format("", "")).encode()
    data, _ = filled(worksheet, make.result(FOLDER), set_={("submission", FOLDER): Adjustments(excused=True)})
    assert data == worksheet


def test_another_roster_is_joined_by_mail(make: Any, filled: Callable[..., tuple[bytes, Outcome]]) -> None:
    students = (
        roster.Student("s1", mail="BOB@x.edu", folder="team"),
        roster.Student("s2", mail="ann@x.edu", folder="team"),
        roster.Student("s3", mail="dan@x.edu", folder="team"),
    )
    worksheet = (HEAD + ANN.format("", "") + BOB + CY).encode()
    data, outcome = filled(worksheet, make.result("team"), students=students)
    assert [row["Grade"] for row in as_moodle_reads(data)] == ["50", "50", "55"]
    assert "In the roster and not in the worksheet: s3." in outcome.notes


@given(
    text=st.text(st.characters(codec=None, exclude_categories=()), max_size=60)
    | st.sampled_from(['\\"', '",x\r\n"', "\\"])
)
@settings(max_examples=80)
def test_no_text_leaves_its_field(make: Any, filled: Callable[..., tuple[bytes, Outcome]], text: str) -> None:
    checks = (make.check("one", "failed", actual=text, title=text),)
    worksheet = (HEAD + ANN.format("", "") + BOB + CY).encode()
    data, _ = filled(worksheet, make.result(FOLDER, *checks, problem=text))
    rows = as_moodle_reads(data)
    assert [row["Grade"] for row in rows] == ["0", "", "55"]
    feedback = rows[0]["Feedback comments"]
    assert "\\" not in feedback
    assert "<" not in feedback.replace("<br>", "")
    assert html.unescape(feedback).startswith("Mark: 0 of 10")
    assert data.endswith(BOB.encode() + CY.encode())


@pytest.mark.parametrize(
    ("worksheet", "sentence"),
    [
        ('Identifier,"Full name","Email address"\n"Participant 1",Ann,a@x\n', "no column Grade"),
        ("id,Grade\n1,\n", "no column Identifier"),
        ('Identifier,Status,Grade\n"Participant 1"x,,\n', "text follows a closing quotation mark"),
    ],
)
def test_what_is_no_worksheet_is_one_sentence(
    filled: Callable[..., tuple[bytes, Outcome]], worksheet: str, sentence: str
) -> None:
    with pytest.raises(LabError, match=sentence):
        filled(worksheet.encode())


def test_a_worksheet_is_never_invented_nor_overwritten(make: Any, tmp_path: Path) -> None:
    ledger = make.ledger(make.result())
    with pytest.raises(LabError, match="never invents one"):
        moodle.export(Request(ledger, tmp_path / "out.csv"))
    path = tmp_path / "worksheet.csv"
    path.write_text(HEAD)
    with pytest.raises(LabError, match="would be overwritten"):
        moodle.export(Request(ledger, path, worksheet=path))
    with pytest.raises(LabError, match="cannot be read"):
        moodle.export(Request(ledger, tmp_path / "out.csv", worksheet=tmp_path / "none.csv"))
    assert [each.name for each in tmp_path.iterdir()] == ["worksheet.csv"]


@given(text=st.text(st.sampled_from('ab",;\r\n '), max_size=40))
def test_fields_are_those_that_csv_has(text: str) -> None:
    try:
        rows = moodle.fields(text, ",")
        expected = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (LabError, csv.Error):
        return  # a quotation mark in the wrong place: refused, or not what Moodle writes
    found = [[field.value for field in row] for row in rows]
    assert found == [row for row in expected if any(field.strip() for field in row)]
    for row in rows:
        for field in row:
            raw = text[field.begin : field.end]
            assert raw == (f'"{field.value.replace(chr(34), chr(34) * 2)}"' if field.quoted else field.value)
