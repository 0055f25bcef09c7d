"""Whose a submission is, where names tell more than one thing."""

from __future__ import annotations

from grading.gradebook.matching import match
from grading.gradebook.roster import Student

ANN = Student(id="a", name="Ann Lee", platform_id="12345")
BOB = Student(id="b", name="Bob Roy", platform_id="777")


def whose(*names: str) -> dict[str, str]:
    return {name: students[0].id for name, students in match(names, (ANN, BOB)).students.items()}


def test_what_a_student_calls_the_file_does_not_make_it_anothers() -> None:
    """What the platform wrote stands first."""
    mine = "leeann_12345_67890_x_777_assignsubmission_a"
    assert whose(mine) == {mine: "a"}
    assert whose(mine, "royb_777_1_work") == {mine: "a", "royb_777_1_work": "b"}
    mine = "Ann Lee_12345_assignsubmission_file_x_777_assignsubmission_a"
    assert whose(mine) == {mine: "a"}


def test_of_canvas_resubmissions_the_newest_counts_and_the_others_are_told() -> None:
    old, new, late = (
        "leeann_12345_67890_project",
        "leeann_12345_99999_project-1",
        "leeann_LATE_12345_100000_project-2",
    )
    assert whose(old, new) == {new: "a"}
    found = match([late, old, new], (ANN, BOB))
    assert list(found.students) == [late], "by the number of the file, not by the text"
    assert {left.submission: left.why for left in found.submissions_left} == {
        old: f"{late!r} replaces it",
        new: f"{late!r} replaces it",
    }


def test_two_that_are_nobodys_resubmission_are_in_doubt() -> None:
    assert whose("leeann_12345_1_a", "Ann Lee_12345_assignsubmission_file_") == {}
