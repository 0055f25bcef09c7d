"""A course from `lab course new` to the marks: own numbers, answers, hidden checks and deadlines, in real guests.

Ann has done everything. Dan has Ann's answers, and tells the monitor of other limits than he is asked to.
Cem handed in nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.exercises import catalogue, starter
from lab.exercises.catalogue import Exercise
from lab.exercises.own import own_of, posed
from lab.exercises.parameters import values
from lab.workspace import state
from lab.workspace.reset import put
from lab.workspace.state import Workspace

pytestmark = [pytest.mark.vm, pytest.mark.slow]

SEED = "autumn"
POINTS = {"07": 30, "08": 20}
DEADLINES = {"07": "2020-01-31T23:59:00+01:00", "08": "2999-01-31T23:59:00+01:00"}
HIDDEN = {"soft.registered_as_asked", "answers.08.half"}
ROSTER = "id,name,folder\nann,Ann Ash,ann\ndan,Dan Dow,dan\ncem,Cem Can,cem\n"
SECONDS = 3600


def command(name: str, *words: str | Path, folder: Path) -> str:
    """What one of the kit's commands prints; it must end well."""
    done = subprocess.run(
        [Path(sys.executable).parent / name, *words], cwd=folder, check=False, capture_output=True,
        text=True, timeout=SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


def exercises() -> list[Exercise]:
    return [catalogue.exercise(number) for number in POINTS]


def numbers(student: str, exercise: Exercise) -> dict[str, str | int]:
    return values(exercise.parameters, student, SEED)


def right(student: str, exercise: Exercise) -> dict[str, str]:
    """The right answers of a student, by the questions' ids; empty for what is measured."""
    mine = own_of(exercise, student, SEED)
    return {each.id: posed(exercise, each, mine).answer for each in exercise.questions}


def answers(student: str) -> str:
    """The right ones of a student; for what is measured, what the weights predict."""
    lines = []
    for exercise in exercises():
        lines.append(f"[{exercise.number}]")
        given = right(student, exercise)
        given |= {each.id: given[each.measured] for each in exercise.questions if each.measured}
        lines += [f"{id_} = {json.dumps(answer)}" for id_, answer in given.items()]
    return "\n".join(lines) + "\n"


def hand_in(top: Path, student: str) -> Workspace:
    """A clone of the course's folder, made the student's own, with both exercises solved and Ann's answers."""
    subprocess.run(["git", "clone", "-q", top / "os" / "students", student], cwd=top, check=True)
    command("lab", "course", "join", student, folder=top / student)
    mine = state.find(top / student)
    wanted = [each for each in catalogue.all_regions() if each.exercise in POINTS]
    assert len(put(mine, starter.solutions("python", wanted)).regions) == len(wanted)
    (mine.folder / "answers.toml").write_text(answers("ann"))
    return mine


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the course, the students' clones, what they handed in and the marks are."""
    top = tmp_path_factory.mktemp("course")
    command("lab", "course", "new", "os", "--exercises", "07,08", "--seed", SEED, "--kit", "", folder=top)
    file = top / "os" / "course.toml"
    text = file.read_text().replace("hidden = []", f"hidden = {json.dumps(sorted(HIDDEN))}")
    text = text.replace("rubric = true", "rubric = false")
    for number, points in POINTS.items():
        text = text.replace(
            f'number = "{number}"\n',
            f'number = "{number}"\npoints = {points}\ndeadline = {DEADLINES[number]}\n',
        )
    file.write_text(text)
    command("lab", "course", "update", "os", folder=top)
    subprocess.run(["git", "-C", "os/students", "commit", "-qam", "Deadlines"], cwd=top, check=True)
    (top / "roster.csv").write_text(ROSTER)
    (top / "class").mkdir()
    hand_in(top, "ann")
    dan = hand_in(top, "dan")
    path = dan.folder / "runtime" / "supervisor" / "monitor.py"
    line = "        name = identifier.encode()\n"
    assert path.read_text().count(line) == 1
    path.write_text(path.read_text().replace(line, f"{line}        soft += 4096\n"))
    for student in ("ann", "dan"):
        command("lab", "submit", "-o", top / "class" / f"{student}.tar.gz", folder=top / student)
    return top


@pytest.fixture(scope="module")
def graded(top: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """What `grade run` says of each check, by student."""
    said = command(
        "grade", "run", "class", "--course", "os/course.toml", "--roster", "roster.csv", "--jobs", "1",
        "--json", "-o", "results", folder=top,
    )  # fmt: skip
    return {
        result["student"]: {check["id"]: check for check in result["checks"]} for result in json.loads(said)
    }


def test_who_did_everything_has_what_the_course_says(graded: dict[str, dict[str, dict[str, Any]]]) -> None:
    checks = graded["ann"].values()
    assert [each for each in checks if each["verdict"] != "passed"] == []
    assert sum(each["points"] for each in checks) == pytest.approx(sum(POINTS.values()))


def test_copied_answers_do_not_fit_where_numbers_or_letters_differ(
    graded: dict[str, dict[str, dict[str, Any]]],
) -> None:
    for exercise in exercises():
        for question in exercise.questions:
            if not question.measured:
                same = right("dan", exercise)[question.id] == right("ann", exercise)[question.id]
                found = graded["dan"][f"answers.{exercise.number}.{question.id}"]
                assert found["verdict"] == ("passed" if same else "failed"), found


def test_a_right_answer_is_told_once_the_deadline_is_over(
    graded: dict[str, dict[str, dict[str, Any]]],
) -> None:
    hard = numbers("dan", catalogue.exercise("07"))["hard_mib"]
    assert graded["dan"]["answers.07.bytes"]["expected"].startswith(str(int(hard) << 20))
    assert graded["dan"]["answers.08.share_fast"]["expected"] == "the right number"


def test_checks_ask_for_the_students_own_numbers(graded: dict[str, dict[str, dict[str, Any]]]) -> None:
    wrong = {
        id_ for id_, each in graded["dan"].items() if each["verdict"] != "passed" and "answers" not in id_
    }
    assert wrong == {"soft.registered_as_asked"}
    soft = int(numbers("dan", catalogue.exercise("07"))["soft_mib"]) << 20
    told = graded["dan"]["soft.registered_as_asked"]
    assert f"soft={soft} " in told["expected"] and f"soft={soft + 4096} " in told["actual"]


def test_what_is_hidden_is_told_to_nobody(top: Path, graded: dict[str, dict[str, dict[str, Any]]]) -> None:
    for checks in graded.values():
        assert {id_ for id_, each in checks.items() if each["hidden"]} == HIDDEN
    command("grade", "report", "-r", "results", "--output", "report", folder=top)
    told = graded["dan"]["soft.registered_as_asked"]["actual"]
    pages = [path.read_text() for path in (top / "report").rglob("*dan*.html")]
    assert pages and not [page for page in pages if told in page]


def test_lateness_costs_what_the_course_says_and_who_handed_in_nothing_is_listed(
    top: Path, graded: dict[str, dict[str, dict[str, Any]]]
) -> None:
    assert graded
    command("grade", "set", "ann", "--late", "2d", "-r", "results", folder=top)
    found = json.loads(command("grade", "show", "--json", "-r", "results", folder=top))
    marks = {row["submission"]: row["mark"] for row in found["submissions"]}
    assert marks["ann"]["points"] == pytest.approx(0.8 * sum(POINTS.values()))
    assert found["students_without_submission"] == ["cem"]
