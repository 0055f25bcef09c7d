"""`grade run --course` as an instructor types it, and as a push does, with workers that stand in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from grading import cli_run
from grading.api.checks import MARK
from grading.cli import app
from grading.gradebook.store import Gradebook
from grading.run import pool, preparation
from grading.run.single import Ground
from lab.errors import LabError
from lab.exercises import catalogue
from lab.exercises.own import own_of, posed
from lab.exercises.parameters import values
from tests.unit.grading.run.conftest import Class, check, command

SHARES = ("scheduling.nice_reaches_the_process", "scheduling.shares_follow_the_weights")
GOOD = "\n".join(('write {"measured": {"share_fast": 84.0}}', *(f"pass {id_}" for id_ in SHARES)))
COURSE = """
name = "OS"
seed = "autumn"
level = 1
hidden = ["scheduling.nice_reaches_the_process"]
late = { per_day = "10%", cap = "3" }

[[exercises]]
number = "07"

[[exercises]]
number = "08"
points = 40
deadline = 2026-11-02T23:59:00+01:00
"""


@pytest.fixture(autouse=True, scope="module")
def mark_is_known(request: pytest.FixtureRequest) -> None:
    """Checks are imported here without the plugin that makes their mark known."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")


Grade = Callable[..., Result]


@pytest.fixture
def grade(a_class: Class, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Grade:
    """`grade`, with two checks of exercise 08 and a stand-in for the VM."""
    ground = Ground(tuple(check(id_) for id_ in SHARES), "checks-1", "image-1", "6.12", limit=60.0)

    @contextmanager
    def no_machine(*arguments: object) -> Iterator[tuple[Ground, Any]]:
        yield ground, pool.local(ground, 1, command=command, clean=lambda machine: None)

    monkeypatch.setattr(cli_run, "_ground", no_machine)
    monkeypatch.setattr(preparation, "without_machine", lambda: ground)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BOXWRIGHT_RESULTS", raising=False)
    (tmp_path / "course.toml").write_text(COURSE)
    (tmp_path / "roster.csv").write_text("id,name,folder\ns1,Ann Lee,ann\ns2,Bob Ray,bob\n")
    for name, said, letter in (("ann", "s1", own_half("s1")), ("bob", "s1", own_half("s2"))):
        folder = a_class.hand_in(name, GOOD)
        (folder / "boxwright.toml").write_text(
            f'track = "python"\nstudent = "{said}"\ncourse_seed = "autumn"\n'
        )
        own = values(catalogue.exercise("08").parameters, "s1", "autumn")
        share = 100 / (1 + 1.25 ** (int(own["nice_fast"]) - int(own["nice_slow"])))
        (folder / "answers.toml").write_text(
            f"[08]\nshare_fast = {share:.1f}\nshare_measured = 82\nshare_nineteen = {own['alone_seconds']}\n"
            f'half = "{letter}"\neevdf = 6.6\n'
        )

    def run(*arguments: str, status: int = 0) -> Result:
        result = CliRunner().invoke(app, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == status, result.output
        return result

    return run


def own_half(student: str) -> str:
    """The letter of the right answer to 08.half, for this student."""
    exercise = catalogue.exercise("08")
    [question] = [each for each in exercise.questions if each.id == "half"]
    return posed(exercise, question, own_of(exercise, student, "autumn")).answer


def graded(result: Result) -> dict[str, dict[str, Any]]:
    found = json.loads(result.stdout)
    return {each["submission"]: {check["id"]: check for check in each["checks"]} for each in found}


def test_a_class_is_graded_for_its_course(grade: Grade) -> None:
    found = graded(grade("run", "class", "--course", "course.toml", "--roster", "roster.csv", "--exercises", "08",
                         "--json"))  # fmt: skip
    answers = {id_: check["verdict"] for id_, check in found["ann"].items() if check["group"] == "answers"}
    assert len(answers) == 5 and set(answers.values()) == {"passed"}
    assert found["bob"]["answers.08.half"]["verdict"] == "passed"
    assert found["ann"][SHARES[0]]["hidden"] and not found["ann"][SHARES[1]]["hidden"]
    # 40 for: 4 of the two checks, 6 of the questions, 4 of the rubric.
    assert found["ann"][SHARES[0]]["max_points"] == pytest.approx(2 * 40 / 14)
    with Gradebook.open(Path("results")) as gradebook:
        assert str(gradebook.late_rule()) == "10 % a day, at most 3 points"
        assert [student.id for student in gradebook.roster()] == ["s1", "s2"]
        written = gradebook.written()
        assert list(written.criteria) == ["08.prediction"] and written.due == "2026-11-02T23:59:00+01:00"
        assert {each.result.level for each in gradebook.all_latest()} == {1}
    said = grade("show", "bob").stdout
    assert "the student is 's1'" in " ".join(said.split())


def test_the_roster_is_remembered(grade: Grade) -> None:
    grade("run", "class", "--course", "course.toml", "--roster", "roster.csv", "--exercises", "08")
    found = json.loads(
        grade("run", "class", "--course", "course.toml", "--exercises", "08", "--json", "--again").stdout
    )
    assert [each["student"] for each in found] == ["s1", "s2"]


def test_a_push_checks_one_workspace_and_ends_with_what_came_of_it(grade: Grade, a_class: Class) -> None:
    options = ("--course", "course.toml", "--as-student", "--json", "--exercises", "08")
    found = graded(grade("run", "class/ann", *options))["ann"]
    assert SHARES[0] not in found and "answers.08.half" not in found
    assert found["answers.08.share_fast"]["verdict"] == "passed"
    a_class.hand_in("ann", f"fail {SHARES[1]}")
    assert graded(grade("run", "class/ann", *options, status=1))["ann"][SHARES[1]]["verdict"] == "failed"
    with Gradebook.open(Path("results")) as gradebook:
        assert not gradebook.written().criteria


def test_without_a_course_there_are_no_answers(grade: Grade) -> None:
    found = graded(grade("run", "class", "--json"))
    assert set(found["ann"]) == set(SHARES) and found["ann"][SHARES[0]]["max_points"] == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ("--exercises 08", "--exercises is about a course, and none is named"),
        ("--as-student", "--as-student is about a course"),
        ("--course nowhere.toml", "nowhere.toml cannot be read"),
        ("--course course.toml --exercises 01", "does without exercise 01. It has 07, 08"),
        ("--course course.toml --roster none.csv", "none.csv cannot be read"),
        ("--course course.toml --exercises 07", "No check is left to be run"),
    ],
)
def test_what_is_wrong_is_one_sentence(grade: Grade, options: str, says: str) -> None:
    with pytest.raises(LabError) as raised:
        grade("run", "class", *options.split())
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("nowhere", "nowhere does not exist"),
        ("class --only zz", "no group of checks called 'zz'"),
        ("class --starter none", "the starter none is no folder"),
        ("class --roster none.csv", "none.csv cannot be read"),
        ("class --roster roster.csv --only zz", "no group of checks called 'zz'"),
        ("class --course course.toml --exercises 07", "No check is left to be run"),
        ("class --course hides.toml --roster roster.csv", "called 'zz'"),
        ("class --roster roster.csv --jobs 2 --dask tcp://nowhere:1", "--jobs is for this host"),
    ],
)
def test_what_was_typed_is_looked_at_before_a_machine_and_the_gradebook(
    grade: Grade, monkeypatch: pytest.MonkeyPatch, arguments: str, says: str
) -> None:
    monkeypatch.setattr(cli_run, "_ground", lambda *arguments: pytest.fail("the image is prepared"))
    Path("hides.toml").write_text(COURSE.replace(SHARES[0], "zz"))
    with pytest.raises(LabError) as raised:
        grade("run", *arguments.split())
    assert says in str(raised.value)
    assert not Path("results").exists()


def test_the_level_may_be_said(grade: Grade) -> None:
    options = ("--course", "course.toml", "--exercises", "08", "--roster", "roster.csv", "--json")
    assert json.loads(grade("run", "class", *options, "--level", "2").stdout)[0]["level"] == 2
