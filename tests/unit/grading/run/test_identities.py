"""Whose a submission is taken for: the roster's word counts, and the submission's own is told."""

from __future__ import annotations

from grading.gradebook.roster import Student
from grading.run.identities import Identity, identities, with_seed
from grading.submissions.workspaces import Handed

ANN = Student(id="s1", name="Ann Lee", mail="ann@x.edu", login="annl", folder="ann")
BOB = Student(id="s2", name="Bob Ray", folder="bob")


def of(name: str, said: str, *roster: Student, trusting: bool = False) -> Identity:
    return identities([name], roster, {name: Handed(said)}, trusting=trusting)[name]


def test_the_roster_says_who_it_is() -> None:
    assert of("ann", "s1", ANN, BOB) == Identity("s1")
    assert of("ann", " S1 ", ANN, BOB) == Identity("s1")


def test_other_words_of_the_roster_for_the_same_person_will_do() -> None:
    assert of("ann", "ann@x.edu", ANN, BOB) == Identity("ann@x.edu")
    assert of("ann", "annl", ANN, BOB) == Identity("annl")


def test_who_calls_himself_another_is_judged_as_who_he_is_and_it_is_told() -> None:
    found = of("ann", "s2", ANN, BOB)
    assert found.student == "s1" and not found.doubt
    [note] = found.notes
    assert "says that the student is 's2'" in note and "'s1'" in note
    [note] = of("ann", "", ANN, BOB).notes
    assert "names nobody" in note


def test_a_team_may_have_the_numbers_of_any_of_it() -> None:
    team = (Student(id="s1", group="red"), Student(id="s2", group="red"), Student(id="s3", group="blue"))
    assert of("red", "s2", *team) == Identity("s2")
    assert of("red", "s3", *team).student == "s1" and of("red", "s3", *team).notes


def test_who_is_in_no_roster_is_doubtful() -> None:
    assert "nobody in the roster" in of("eve", "s1", ANN, BOB).doubt
    assert of("eve", "s1", ANN, BOB).student == ""


def test_without_a_roster_the_name_must_be_the_id() -> None:
    assert of("S1", "s1") == Identity("s1")
    assert "--roster" in of("ann", "s1").doubt and of("ann", "s1").student == ""
    # An upload may be called as its student likes.
    assert of("lee_12345_678_s2", "s2").doubt
    assert of("ann", "").student == "ann" and of("ann", "").notes


def test_who_checks_himself_is_believed() -> None:
    assert of("my-lab", "s1", trusting=True) == Identity("s1")
    assert of("my-lab", "", trusting=True) == Identity("")


def test_another_courses_seed_is_told() -> None:
    assert with_seed(Identity("s1"), Handed("s1", "autumn"), "autumn") == Identity("s1")
    assert "'spring'" in with_seed(Identity("s1"), Handed("s1", "spring"), "autumn").notes[0]
    assert "seed none" in with_seed(Identity("s1"), Handed("s1", ""), "autumn").notes[0]
