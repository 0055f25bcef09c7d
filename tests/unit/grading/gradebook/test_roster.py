"""Rosters as instructors have them, and whose a submission is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.gradebook import roster
from grading.gradebook.matching import match, same
from grading.gradebook.roster import Student
from lab.errors import LabError

Written = Callable[[str | bytes], Path]

CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,Project 1 (123),Current Score
,,,,,Manual Posting,
    Points Possible,,,,,100.00,(read only)
"Lee, Ann",4711,s001,alee,CS 1,,
"Ray, Bob",4712,s002,bray,CS 1,5,
"""
MOODLE = (
    'Identifier,"Full name","Email address",Status,Grade,"Maximum grade"\r\n'
    '"Participant 4711","Ann Lee",ann@x.edu,"Submitted for grading",,100.00\r\n'
    '"Participant 4712","Bob Ray",bob@x.edu,,,100.00\r\n'
)
CLASSROOM = 'identifier,github_username,github_id,name\n"s001",annlee,99,Ann Lee\n"s002","",,\n'
GRADESCOPE = "First Name,Last Name,SID,Email,Role\nAnn,Lee,s001,ann@x.edu,Student\nTom,Ta,t1,t@x.edu,TA\n"


def students(path: Path) -> list[tuple[str, ...]]:
    return [(each.id, each.name, each.mail, each.login, each.platform_id) for each in roster.read(path)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (CANVAS, [("s001", "Lee, Ann", "", "alee", "4711"), ("s002", "Ray, Bob", "", "bray", "4712")]),
        (MOODLE, [("", "Ann Lee", "ann@x.edu", "", "4711"), ("", "Bob Ray", "bob@x.edu", "", "4712")]),
        (CLASSROOM, [("s001", "Ann Lee", "", "annlee", ""), ("s002", "", "", "", "")]),
        (GRADESCOPE, [("s001", "Ann Lee", "ann@x.edu", "", "")]),
        ("name;E-Mail;Student ID\nAnn;a@x;1\n", [("1", "Ann", "a@x", "", "")]),
        ('"remarks, if any, or none";id;name\n"a,b";1;Ann\n', [("1", "Ann", "", "", "")]),
        ("\ufeffID\tFOLDER\n1\tann\n", [("1", "", "", "", "")]),
    ],
)
def test_rosters(written: Written, text: str, found: list[tuple[str, ...]]) -> None:
    assert students(written(text)) == found


def test_canvas_student_view_is_no_student(written: Written) -> None:
    found = students(written(CANVAS + '"Student, Test",9,,a1b2c3,CS 1,,\n'))
    assert [student[1] for student in found] == ["Lee, Ann", "Ray, Bob"]
    real = students(written(CANVAS + '"Student, Test",9,s009,tstudent,CS 1,,\n'))
    assert [student[0] for student in real] == ["s001", "s002", "s009"], "somebody may be called so"
    assert len(students(written('id,name\n1,"Student, Test"\n'))) == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_any_usual_encoding(written: Written, encoding: str) -> None:
    assert students(written("id,name\n1,Zoë Müller\n".encode(encoding))) == [("1", "Zoë Müller", "", "", "")]


def test_lines_are_those_of_the_file(written: Written) -> None:
    found = roster.read(written('id,name\n\n1,"Ann\nLee"\n2,Bob\n'))
    assert [student.line for student in found] == [3, 5]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("id,name\n1,Ann\n2,Bob\n\n1,Cy\n", "the id '1' twice, in lines 2 and 5"),
        ("id,name\nS1,Ann\n s1,Bob\n", "the id 's1' twice, in lines 2 and 3"),
        ("id,name\nZo\u00eb,Ann\nzoe\u0308,Bob\n", "the id 'zo\u00eb' twice"),
        ("id,mail\n1,A@x\n2,a@X\n", "the mail address 'a@x' twice, in lines 2 and 3"),
        (CLASSROOM + "s003,ANNLEE,,\n", "the login 'annlee' twice, in lines 2 and 4"),
        ("", "is empty"),
        ("first,second\n1,2\n", "has no column that says who is who: its headings are first, second"),
        ("name,grade\nAnn,1\n", "no column that says who is who"),
    ],
)
def test_what_is_wrong_is_one_sentence(written: Written, text: str, sentence: str) -> None:
    with pytest.raises(LabError, match=sentence):
        roster.read(written(text))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_what_is_no_text_is_told_how_to_be_saved(written: Written, encoding: str) -> None:
    """Windows' programs write UTF-16 also without the mark that says so."""
    with pytest.raises(LabError, match=r"^The roster .* NUL.* Save it as CSV in UTF-8\.$"):
        roster.read(written("id,name\n1,Ann\n".encode(encoding)))


def test_no_roster_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="No such file"):
        roster.read(tmp_path / "none.csv")


@given(data=st.binary(max_size=300))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(b"id,name\n" + data)
    try:
        roster.read(path)
    except LabError as error:
        assert "\n" not in error.what[:60]


ANN = Student("s001", "Ann Lee", "ann.lee@x.edu", "", "", "annlee", "4711")
BOB = Student("s002", "Bób Ray", "bob@x.edu", "", "", "bob", "4712")
MR = Student("s003", "Zoe Poe", "zoe@x.edu", "", "", "mr-bob", "4713")


@pytest.mark.parametrize(
    "name",
    [
        "s001",
        "ann.lee@x.edu",
        "annlee",
        "Ann Lee",
        "ann_lee",
        "Lee, Ann",
        "LEE ANN",
        "ann.lee",
        "Ann Lee_4711_assignsubmission_file_",
        "Group 1-Ann Lee_4711_assignsubmission_onlinetext_",
        "leeann_4711_998877_project.tar",
        "leeann_LATE_4711_998877_project-1",
        "project-annlee",
        "Ann Lee_99_assignsubmission_file_",
    ],
)
def test_a_name_is_matched(name: str) -> None:
    assert match([name], [ANN, BOB, MR]).students == {name: (ANN,)}


@pytest.mark.parametrize("name", ["", "ann", "lee", "s00", "s0011", "x_4711", "4711_x", "project-lee"])
def test_a_likeness_is_no_match(name: str) -> None:
    found = match([name], [ANN, BOB])
    assert found.students == {}
    assert [left.submission for left in found.submissions_left] == [name]
    assert found.students_left == (ANN, BOB)


def test_user_names_of_which_one_ends_as_the_other() -> None:
    found = match(["lab-bob", "lab-mr-bob", "lab-annlee"], [ANN, BOB, MR])
    assert found.students == {"lab-bob": (BOB,), "lab-mr-bob": (MR,), "lab-annlee": (ANN,)}


def test_what_may_be_of_two_is_of_nobody() -> None:
    twins = [Student("1", "Ann Lee"), Student("2", "Ann Lee")]
    found = match(["Ann Lee"], twins)
    assert found.students == {}
    assert "Ann Lee or Ann Lee" in found.submissions_left[0].why
    assert found.students_left == tuple(twins)


def test_two_submissions_of_one_student_are_both_listed() -> None:
    found = match(["Ann Lee", "ann-lee"], [ANN])
    assert [left.submission for left in found.submissions_left] == ["Ann Lee", "ann-lee"]
    assert found.students_left == (ANN,)


def test_the_exact_name_wins_over_a_likeness() -> None:
    found = match(["s001", "Ann Lee"], [ANN])
    assert found.students == {"s001": (ANN,)}
    assert [left.submission for left in found.submissions_left] == ["Ann Lee"]


def test_teams() -> None:
    by_folder = [Student("1", folder="alpha"), Student("2", folder="alpha"), Student("3", folder="beta")]
    assert match(["alpha"], by_folder).students == {"alpha": tuple(by_folder[:2])}
    by_group = [Student("1", group="Team 1", platform_id="7"), Student("2", group="Team 1"), Student("3")]
    for name in ("Team 1", "team-1", "Team 1_7_assignsubmission_file_"):
        assert match([name], by_group).students == {name: tuple(by_group[:2])}, name


@given(
    names=st.lists(st.text(max_size=8), max_size=6),
    people=st.lists(
        st.builds(
            Student,
            st.text(max_size=3),
            st.text(max_size=3),
            folder=st.text(max_size=3),
            group=st.text(max_size=2),
            login=st.text(max_size=3),
        ),
        max_size=5,
        unique_by=lambda student: student.key,
    ),
)
def test_nothing_is_dropped_and_nobody_is_matched_twice(names: list[str], people: list[Student]) -> None:
    found = match(names, people)
    assert set(found.students) | {left.submission for left in found.submissions_left} == set(names)
    assert not set(found.students) & {left.submission for left in found.submissions_left}
    matched = [student.key for group in found.students.values() for student in group]
    assert len(matched) == len(set(matched))
    assert {*matched, *(student.key for student in found.students_left)} == {s.key for s in people}


def test_the_same_person_in_another_list() -> None:
    others = [Student(mail="ANN.LEE@x.edu", platform_id="4711"), Student(name="bob ray")]
    assert same(ANN, others) == others[0]
    assert same(BOB, others) == others[1]
    assert same(ANN, [Student("s002"), Student("S001")]) == Student("S001")
    assert same(MR, others) is None


def test_whom_the_ledger_lists(make: Any) -> None:
    found = make.ledger(make.result("s001"), make.result("who"), students=(ANN, BOB))
    assert [(row.submission, row.students) for row in found.rows] == [
        ("s001", (ANN,)),
        ("who", ()),
        ("", (BOB,)),
    ]
    assert [left.submission for left in found.submissions_left] == ["who"]
    assert found.students_left == (BOB,)
