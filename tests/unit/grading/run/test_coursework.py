"""A class graded as a course: which checks, how many points, whose numbers, what of the answers."""

from __future__ import annotations

import dataclasses
import re
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grading.api.checks import MARK
from grading.gradebook.roster import Student
from grading.gradebook.store import Gradebook
from grading.halves import Half
from grading.run.batch import Settings
from grading.run.catalogue import all_checks
from grading.run.coursework import Coursework, coursework
from grading.run.identities import Identity
from grading.run.job import Job
from grading.run.single import Graded
from grading.session import Session
from grading.submissions.workspaces import handed
from grading.verdicts import CheckResult, SubmissionResult
from lab import console
from lab.cli import app as lab
from lab.course import make
from lab.course.course import Course, load
from lab.errors import LabError
from lab.exercises import catalogue
from lab.exercises.parameters import Numbers, order, values
from tests.unit.grading.run.conftest import GOOD, Class, check

EXERCISE = """
title = "Made up"
points = 8
needs = []
minutes = 10

[parameters]
mib = { least = 1, most = 1000 }

[[questions]]
id = "bytes"
text = "How many bytes are {{ mib }} MiB?"
kind = "number"
answer = "{{ mib * 1048576 }}"
points = 1

[[questions]]
id = "letter"
text = "Which?"
kind = "choice"
choices = ["this", "that"]
answer = "this"
points = 1

[[questions]]
id = "share"
text = "Which share did you measure?"
kind = "number"
measured = "share_fast"
tolerance = 5
points = 2

[[rubric]]
id = "why"
text = "Why?"
points = 2
levels = ["0: no", "2: yes"]
"""

COURSE = 'name = "OS"\nseed = "autumn"\n[[exercises]]\nnumber = "05"\n'
HOMES = {"build.engine": "00", "logs.whole": "05", "control.code": "04"}
MEASURED = 'write {"measured": {"share_fast": 84.0}}\n'


@pytest.fixture(autouse=True, scope="module")
def mark_is_known(request: pytest.FixtureRequest) -> None:
    """Checks are imported here without the plugin that makes their mark known."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")


@pytest.fixture
def course(tmp_path: Path) -> Any:
    """A course of exercise 05 of a made-up catalogue."""
    for name in ("00_tour", "04_socket", "05_buffer"):
        (tmp_path / "exercises" / name).mkdir(parents=True)
        text = EXERCISE if name == "05_buffer" else 'title = "T"\npoints = 1\nneeds = []\nminutes = 1\n'
        (tmp_path / "exercises" / name / "exercise.toml").write_text(text)

    def make(text: str = COURSE) -> Course:
        (tmp_path / "course.toml").write_text(text)
        return load(tmp_path, tmp_path / "exercises")

    return make


def applied(a_class: Class, course: Course, *roster: Student, **other: Any) -> Coursework:
    checks = tuple(
        dataclasses.replace(each, needs=("build.engine",) if each.id == "logs.whole" else ())
        for each in a_class.ground.checks
    )
    a_class.ground = dataclasses.replace(a_class.ground, checks=checks)
    return Coursework(course, checks, HOMES, 1, roster, **other)


def hand_in(a_class: Class, name: str, said: str, answers: str, act: str = MEASURED + GOOD) -> None:
    folder = a_class.hand_in(name, act)
    (folder / "boxwright.toml").write_text(f'track = "python"\nstudent = "{said}"\ncourse_seed = "autumn"\n')
    (folder / "answers.toml").write_text(f"[05]\n{answers}\n")


def own_bytes(student: str) -> int:
    return int(values({"mib": Numbers(1, 1000)}, student, "autumn")["mib"]) << 20


def own_letter(student: str) -> str:
    return "ab"[order("05.letter", 2, student, "autumn").index(0)]


def verdicts(result: SubmissionResult) -> dict[str, str]:
    return {each.id: each.verdict for each in result.checks}


ANN, BOB = Student(id="s1", folder="ann"), Student(id="s2", folder="bob")


def test_answers_are_judged_by_ones_own_numbers(a_class: Class, course: Any) -> None:
    assert own_bytes("s1") != own_bytes("s2") and (own_letter("s1"), own_letter("s2")) == ("b", "a")
    hand_in(a_class, "ann", "s1", f'bytes = {own_bytes("s1")}\nletter = "b"\nshare = 81')
    hand_in(a_class, "bob", "s2", f'bytes = {own_bytes("s1")}\nletter = "b"\nshare = 70')
    found = a_class.run(coursework=applied(a_class, course(), ANN, BOB))
    assert verdicts(found["ann"]) == {
        "build.engine": "passed", "logs.whole": "passed",
        "answers.05.bytes": "passed", "answers.05.letter": "passed", "answers.05.share": "passed",
    }  # fmt: skip
    assert (found["ann"].score, found["ann"].max_score, found["ann"].student) == (6, 6, "s1")
    assert [each.verdict for each in found["bob"].checks if each.group == "answers"] == ["failed"] * 3
    assert (found["bob"].score, found["bob"].max_score) == (2, 6)
    assert not found["bob"].notes
    [of_bob] = [each for each in found["bob"].checks if each.id == "answers.05.letter"]
    assert (of_bob.title, of_bob.actual, of_bob.expected) == ("Which?", "b: that", "the right letter")
    assert of_bob.rationale == "Which?\na: this\nb: that"


def test_anothers_id_in_the_workspace_is_of_no_use_and_told(a_class: Class, course: Any) -> None:
    hand_in(a_class, "bob", "s1", f"bytes = {own_bytes('s1')}")
    found = a_class.run(coursework=applied(a_class, course(), ANN, BOB))["bob"]
    assert verdicts(found)["answers.05.bytes"] == "failed" and found.student == "s2"
    assert "the student is 's1'" in found.notes[0]


def test_who_is_not_known_loses_no_point_and_is_graded_again(a_class: Class, course: Any) -> None:
    hand_in(a_class, "eve", "s1", f'bytes = {own_bytes("s1")}\nletter = "c"')
    work = applied(a_class, course(), ANN, BOB)
    found = a_class.run(coursework=work)["eve"]
    assert verdicts(found)["answers.05.bytes"] == "error"
    assert verdicts(found)["answers.05.letter"] == "failed"  # no letter that there is, whoever it was
    assert "nobody in the roster" in found.notes[0]
    a_class.run(coursework=work)
    assert a_class.calls("eve") == 2
    a_class.run(coursework=dataclasses.replace(work, roster=(Student(id="s1", folder="eve"),)))
    a_class.run(coursework=dataclasses.replace(work, roster=(Student(id="s1", folder="eve"),)))
    assert a_class.calls("eve") == 3


def test_of_whom_it_is_not_known_nobodys_answers_are_not_told_as_right(a_class: Class, course: Any) -> None:
    hand_in(a_class, "eve", "s1", f'bytes = {own_bytes("s1")}\nletter = "b"')
    work = applied(a_class, course(COURSE + "deadline = 2020-01-01T12:00:00Z\n"), ANN, BOB)
    told = {each.id: each for each in a_class.run(coursework=work)["eve"].checks}
    assert [told[f"answers.05.{id_}"].verdict for id_ in ("bytes", "letter")] == ["error", "error"]
    assert told["answers.05.bytes"].expected == "the right number"
    assert (told["answers.05.letter"].expected, told["answers.05.letter"].actual) == ("the right letter", "b")


def test_what_the_exercises_build_on_is_checked_and_counts_nothing(a_class: Class, course: Any) -> None:
    hand_in(a_class, "ann", "s1", "")
    found = a_class.run(coursework=applied(a_class, course(), ANN))["ann"]
    points = {each.id: each.max_points for each in found.checks}
    assert points["build.engine"] == 0 and points["logs.whole"] == 2 and "control.code" not in points


def test_points_are_divided_as_the_exercise_has_them(a_class: Class, course: Any) -> None:
    hand_in(a_class, "ann", "s1", 'letter = "b"')
    work = applied(a_class, course(COURSE + "points = 16\n"), ANN)
    found = a_class.run(coursework=work)["ann"]
    points = {each.id: each.max_points for each in found.checks}
    # Of its own there are 2 for the check, 4 for answers, 2 for the rubric: each counts twice.
    assert points["logs.whole"] == 4 and points["answers.05.share"] == 4 and points["answers.05.letter"] == 2
    assert (found.score, found.max_score) == (6, 12)
    assert {name: float(most) for name, most in work.written.criteria.items()} == {"05.why": 4}
    without = applied(a_class, course("rubric = false\n" + COURSE + "points = 12\n"), ANN)
    assert without.factor(without.course.exercises[0].exercise) == 2 and not without.written.criteria


@pytest.mark.parametrize("rubric", [True, False])
@pytest.mark.parametrize("level", [1, 2])
def test_what_students_are_told_of_points_is_what_they_can_earn(
    level: int, rubric: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exercises = "".join(f'[[exercises]]\nnumber = "{number}"\n' for number in catalogue.folders())
    (tmp_path / "course.toml").write_text(
        f'name = "OS"\nseed = "x"\nlevel = {level}\nrubric = {str(rubric).lower()}\n{exercises}points = 40\n'
    )
    course, checks = load(tmp_path), all_checks()
    work = coursework(course, checks, level, (), as_student=False)
    page = make.rendered("COURSE.md.j2", course)
    monkeypatch.setattr(console.out, "_width", 200)
    shown = CliRunner().invoke(lab, ["course", "show", str(tmp_path)]).output
    for each in (chosen.exercise for chosen in course.exercises):
        own = [check for check in checks if work.homes[check.id] == each.number and check.level <= level]
        asked = [*own, *each.questions, *(each.rubric if rubric else ())]
        earned = f"{work.factor(each) * sum(one.points for one in asked):g}"
        assert f"| {each.number} {each.title} | {earned} |" in page
        assert re.search(rf"{each.number} {re.escape(each.title)} +{earned}\b", shown), shown
    assert earned == "40"


def test_what_the_course_hides_is_hidden(a_class: Class, course: Any) -> None:
    hand_in(a_class, "ann", "s1", "")
    text = 'hidden = ["logs.whole", "answers.05.letter"]\n' + COURSE
    found = a_class.run(coursework=applied(a_class, course(text), ANN))["ann"]
    assert {each.id for each in found.checks if each.hidden} == {"logs.whole", "answers.05.letter"}


def test_students_themselves_are_told_what_they_may_know(a_class: Class, course: Any) -> None:
    hand_in(a_class, "my-lab", "s1", f'bytes = {own_bytes("s1")}\nletter = "a"\nshare = 84')
    found = a_class.run(coursework=applied(a_class, course(), as_student=True))["my-lab"]
    assert verdicts(found) == {
        "build.engine": "passed", "logs.whole": "passed",
        "answers.05.bytes": "passed", "answers.05.share": "passed",
    }  # fmt: skip
    hiding = course(
        'hidden = ["logs.whole", "answers.05.bytes"]\n' + COURSE + '[[exercises]]\nnumber = "04"\n'
    )
    found = a_class.run(coursework=applied(a_class, hiding, as_student=True))["my-lab"]
    assert verdicts(found) == {"control.code": "passed", "answers.05.share": "passed"}


def test_no_check_at_all_is_not_all_of_them(a_class: Class, course: Any) -> None:
    hand_in(a_class, "my-lab", "s1", "")
    with pytest.raises(LabError, match="No check is left"):
        a_class.run(
            coursework=applied(a_class, course('hidden = ["logs.whole"]\n' + COURSE), as_student=True)
        )
    with pytest.raises(LabError, match="No check is left"):
        a_class.run(Settings(only=("control.code",)), coursework=applied(a_class, course(), ANN))


@pytest.mark.parametrize(("year", "shown"), [(2020, True), (2999, False)])
def test_the_right_answer_is_told_after_the_deadline(
    a_class: Class, course: Any, year: int, shown: bool
) -> None:
    hand_in(a_class, "ann", "s1", 'letter = "a"')
    text = COURSE + f"deadline = {year}-01-01T12:00:00Z\n"
    found = a_class.run(coursework=applied(a_class, course(text), ANN))["ann"]
    told = {each.id: each.expected for each in found.checks if each.group == "answers"}
    assert (told["answers.05.letter"] == "b: this") is shown
    assert (told["answers.05.bytes"] == str(own_bytes("s1"))) is shown


def unmeasured(course: Course, verdict: str) -> CheckResult:
    """The answer to what is measured, where the check that measures ended so and nothing was measured."""
    scheduling = CheckResult("scheduling.shares_follow_the_weights", "scheduling", 1, verdict, 0, 2)  # type: ignore[arg-type]
    checks = (check("scheduling.shares_follow_the_weights"),)
    work = Coursework(course, checks, {"scheduling.shares_follow_the_weights": "08"}, 1)
    sheet = course.path.parent / "sheet"
    sheet.mkdir(exist_ok=True)
    (sheet / "answers.toml").write_text("[05]\nshare = 50\n")
    graded = Graded(SubmissionResult("ann", (scheduling,)), True)
    [found] = [
        each
        for each in work.apply(graded, Identity("s1"), handed(sheet), partial=False).result.checks
        if each.id == "answers.05.share"
    ]
    return found


def test_what_could_not_be_measured_waits_for_the_engine_or_is_ours(course: Any) -> None:
    found = unmeasured(course(), "failed")
    assert (found.verdict, found.parent) == ("skipped", "scheduling.shares_follow_the_weights")
    assert unmeasured(course(), "error").verdict == "error"


def test_only_some_checks_are_no_answers(a_class: Class, course: Any) -> None:
    hand_in(a_class, "ann", "s1", "")
    found = a_class.run(Settings(only=("logs.whole",)), coursework=applied(a_class, course(), ANN))["ann"]
    assert list(verdicts(found)) == ["logs.whole"]


def test_another_course_is_graded_again_and_the_same_is_not(a_class: Class, course: Any) -> None:
    hand_in(a_class, "ann", "s1", 'share = 84\nletter = "b"')
    a_class.run(coursework=applied(a_class, course(), ANN))
    first = a_class.run(coursework=applied(a_class, course(), ANN))["ann"]
    assert a_class.calls("ann") == 1 and len(first.checks) == 5
    a_class.run(coursework=applied(a_class, course(COURSE + "points = 3\n"), ANN))
    assert a_class.calls("ann") == 2


def test_when_the_roster_says_another_it_is_graded_again(a_class: Class, course: Any) -> None:
    hand_in(a_class, "ann", "s1", f"bytes = {own_bytes('s1')}\nshare = 84")
    work = applied(a_class, course(), ANN)
    assert verdicts(a_class.run(coursework=work)["ann"])["answers.05.bytes"] == "passed"
    other = dataclasses.replace(work, roster=(Student(id="s2", folder="ann"),))
    assert verdicts(a_class.run(coursework=other)["ann"])["answers.05.bytes"] == "failed"


def test_the_checks_are_told_whose_numbers_to_use(a_class: Class, course: Any) -> None:
    work = applied(a_class, course(), ANN)
    job = work.job(Job(submission="ann", student="s9"), Identity("s1"))
    assert (job.student, job.course_seed, job.only) == ("s1", "autumn", ("build.engine", "logs.whole"))
    doubtful = work.job(Job(submission="ann"), Identity(doubt="Who?"))
    assert (doubtful.student, doubtful.course_seed) == ("", "")


def test_a_session_knows_its_students_own_numbers() -> None:
    def session(student: str) -> Session:
        return Session(
            open_guest=lambda: pytest.fail("no guest"), tools=None, tree=None,  # type: ignore[arg-type]
            left_behind=frozenset(), engine_half=Half("submission"), module_half=Half("submission"), level=2,
            seed="secret", student=student, course_seed="autumn",
        )  # fmt: skip

    declared = catalogue.exercise("08").parameters
    assert session("s1").service("own")("08") == values(declared, "s1", "autumn")
    assert session("s1").own("08") != session("s2").own("08") or session("s1").own("07") != session("s2").own(
        "07"
    )
    assert session("").own("08") == {}


@pytest.mark.parametrize("said", ['{"pi": 3}', '{"share_fast": "84"}', '{"share_fast": NaN}', "[]"])
def test_a_measurement_that_is_none_is_not_believed(a_class: Class, course: Any, said: str) -> None:
    hand_in(a_class, "ann", "s1", "share = 84", f'write {{"measured": {said}}}\n{GOOD}')
    found = a_class.run(coursework=applied(a_class, course(), ANN))["ann"]
    assert "makes no sense" in found.problem and verdicts(found)["answers.05.share"] == "error"


class Clock(datetime):
    """Tells the time that a test has set."""

    told = datetime(2026, 11, 2, 12, tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        """The time that was set."""
        return cls.told.astimezone(tz)


def test_when_the_deadline_has_passed_it_is_graded_again(
    a_class: Class, course: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.run.coursework.datetime", Clock)
    hand_in(a_class, "ann", "s1", 'letter = "a"\nshare = 84')
    text = COURSE + f"deadline = {(Clock.told + timedelta(seconds=3)).isoformat()}\n"
    before = a_class.run(coursework=applied(a_class, course(text), ANN))["ann"]
    assert a_class.run(coursework=applied(a_class, course(text), ANN))["ann"] == before
    monkeypatch.setattr(Clock, "told", Clock.told + timedelta(seconds=4))
    after = a_class.run(coursework=applied(a_class, course(text), ANN))["ann"]
    assert [each.checks[-2].expected for each in (before, after)] == ["the right letter", "b: this"]


def test_a_submission_that_is_no_workspace_has_answered_nothing(a_class: Class, course: Any) -> None:
    a_class.hand_in("ann", MEASURED + GOOD)
    a_class.hand_in("bob", 'about {"problem": "there is nothing"}')
    found = a_class.run(coursework=applied(a_class, course(), ANN, BOB))
    assert [each.verdict for each in found["ann"].checks[2:]] == ["failed"] * 3
    assert found["ann"].checks[2].rationale == "There is no answers.toml."
    assert found["bob"].score == 0 and found["bob"].max_score == 6


def test_no_checks_seed_is_known_beforehand(a_class: Class, course: Any) -> None:
    """Own numbers follow from what the student knows; names in the checks must not."""
    hand_in(a_class, "ann", "s1", "")
    work = applied(a_class, course(), ANN)
    seeds = {a_class.run(Settings(again=True), coursework=work)["ann"].seed for _ in range(2)}
    assert len(seeds) == 2


def test_a_hidden_check_that_there_is_not_is_refused(a_class: Class, course: Any) -> None:
    with pytest.raises(LabError, match=r"called 'logs\.hole'"):
        coursework(
            course('hidden = ["logs.hole"]\n' + COURSE), a_class.ground.checks, 1, (), as_student=False
        )
    with pytest.raises(LabError, match=r"There is: answers.05.bytes|There is: answers"):
        coursework(
            course('hidden = ["answers.05.byte"]\n' + COURSE), a_class.ground.checks, 1, (), as_student=False
        )


@pytest.mark.parametrize(
    ("boxwright", "student"),
    [
        ('student = "s1"\ncourse_seed = "x"', "s1"), ("student = 7", ""), ("student = ", ""), ("\x00", ""),
        ('\ufeffstudent = "s1"', "s1"),
        ('student = "\\u001b[31m"', "\N{REPLACEMENT CHARACTER}[31m"), (f'student = "{"x" * 900}"', "x" * 64),
        ("#" * 20000 + '\nstudent = "s1"', ""), ("a = " + "[" * 1900, ""), ("a." * 7000 + 'a = 1\nstudent = "s1"', ""),
    ],
)  # fmt: skip
def test_what_a_workspace_says_is_only_read(boxwright: str, student: str, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "boxwright.toml").write_text(boxwright)
    assert handed(tmp_path).student == student
    assert handed(tmp_path).sheet.problem == "There is no answers.toml."


def test_the_gradebook_has_it(a_class: Class, course: Any) -> None:
    hand_in(a_class, "ann", "s1", 'letter = "b"')
    a_class.run(coursework=applied(a_class, course(), ANN))
    with Gradebook.open(a_class.results) as gradebook:
        latest = gradebook.latest("ann")
    assert latest is not None and latest.result.student == "s1" and latest.result.score == 3
