"""Where a student stands, and what `lab list` shows of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from grading.api.checks import MARK
from grading.run.catalogue import all_checks
from grading.student import work
from grading.student.standing import next_one, points_of_checks
from lab import cli
from lab.errors import LabError
from lab.exercises import catalogue, starter
from lab.workspace import asked, make, progress, state
from lab.workspace.progress import Kept
from lab.workspace.reset import put
from lab.workspace.state import Workspace


@pytest.fixture
def remember(workspace: Workspace) -> Callable[..., None]:
    """Keeps verdicts on the sources as they are now."""

    def keep(exercise: str, *points: float) -> None:
        sources = work.read(workspace).digests["engine"]
        new = [
            Kept(
                f"logs.c{exercise}_{at}",
                exercise,
                "passed" if each else "failed",
                each,
                99,
                "",
                sources=sources,
            )
            for at, each in enumerate(points)
        ]
        progress.update(workspace, lambda known: progress.with_verdicts(known, new))

    return keep


def listed() -> dict[str, Any]:
    done = CliRunner().invoke(cli.app, ["list", "--json"], catch_exceptions=False)
    return {each["number"]: each for each in json.loads(done.stdout)}


def solve(workspace: Workspace, *exercises: str) -> None:
    put(
        workspace,
        starter.solutions("python", [r for r in catalogue.all_regions() if r.exercise in exercises]),
    )


def test_points_of_checks_are_what_the_checks_have(request: pytest.FixtureRequest) -> None:
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")
    for exercise in catalogue.exercises():
        assert points_of_checks(exercise) == sum(check.points for check in all_checks(exercise.folder)), (
            exercise.number
        )


def test_in_a_fresh_workspace_the_first_with_something_to_write_is_next(workspace: Workspace) -> None:
    found = listed()
    assert [number for number, each in found.items() if each["next"]] == ["01"]
    assert found["01"]["written"] == 0 and found["01"]["regions"] == 4 and not found["01"]["checked"]
    assert next_one(workspace).number == "01"


def test_what_came_solved_is_not_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make.make(Workspace(tmp_path / "work", "python"), upto="05")
    monkeypatch.chdir(tmp_path / "work")
    assert next_one(state.find(Path.cwd())).number == "05"


def test_what_came_solved_stays_so_when_a_later_exercise_has_run_a_part_of_its_checks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    solved = Workspace(tmp_path / "work", "python")
    make.make(solved, upto="05")
    monkeypatch.chdir(solved.folder)
    parent = Kept("containers.starts", "01", "passed", 3, 3, "", sources="x")
    progress.update(solved, lambda known: progress.with_verdicts(known, [parent]))
    assert next_one(state.find(Path.cwd())).number == "05"
    failed = Kept("containers.ends", "01", "failed", 0, 3, "", sources="x")
    progress.update(solved, lambda known: progress.with_verdicts(known, [failed]))
    assert next_one(state.find(Path.cwd())).number == "01"


def test_checks_that_there_are_no_more_are_forgotten_when_a_whole_exercise_was_checked(
    workspace: Workspace,
) -> None:
    def keep(whole: str, *ids: str) -> None:
        new = [Kept(id_, id_[:2], "passed", 1, 1, "", sources="x") for id_ in ids]
        progress.update(workspace, lambda known: progress.with_verdicts(known, new, whole))

    keep("", "01.renamed", "02.other")
    keep("", "01.new")
    assert len(progress.load(workspace).checks) == 3, "one was named: nothing is known of the others"
    keep("01", "01.new")
    assert {each.id for each in progress.load(workspace).checks} == {"01.new", "02.other"}


def test_an_exercise_is_done_when_its_points_are_earned(
    workspace: Workspace, remember: Callable[..., None]
) -> None:
    solve(workspace, "01")
    remember("01", 20.0)
    assert next_one(workspace).number == "01", "one point is missing"
    remember("01", 20.0, 1.0)
    assert next_one(workspace).number == "02"
    assert listed()["01"]["points"] == 21.0


def test_verdicts_on_other_sources_are_marked(workspace: Workspace, remember: Callable[..., None]) -> None:
    remember("01", 2.0)
    assert not listed()["01"]["stale"]
    (workspace.folder / "answers.toml").write_text("")
    with (workspace.folder / "kernel/monitor.c").open("a") as file:
        file.write("/* another */")
    assert not listed()["01"]["stale"], "neither is what an engine is built from"
    with (workspace.folder / "runtime/supervisor/buffer.py").open("a") as file:
        file.write("\n")
    assert listed()["01"]["stale"]
    said = CliRunner().invoke(cli.app, ["list"]).stdout
    assert "2/21~" in said and "the sources have changed since" in said


def test_answers_and_hints_are_counted(workspace: Workspace) -> None:
    file = workspace.folder / "answers.toml"
    file.write_text(file.read_text().replace('no_more_children = ""', 'no_more_children = "ENOMEM"'))
    progress.update(workspace, lambda known: progress.with_hint(known, "01", "01.flags", "nudge"))
    found = listed()["01"]
    assert (found["answered"], found["questions"], found["hints"]) == (1, 4, 1)


COURSE = 'name = "OS"\nseed = "autumn"\nanswers_shown = ["choice"]\n[[exercises]]\nnumber = "05"\n'


def test_in_a_course_only_its_exercises_are_listed_and_next(workspace: Workspace) -> None:
    (workspace.folder / "course.toml").write_text(COURSE)
    assert list(listed()) == ["05"]
    assert next_one(workspace).number == "05"
    (workspace.folder / "course.toml").write_text(COURSE + "points = many\n")
    with pytest.raises(LabError, match="is not valid TOML"):
        next_one(workspace)


def test_of_answers_the_course_says_what_is_told(workspace: Workspace) -> None:
    file = workspace.folder / "answers.toml"
    text = file.read_text().replace('full_pipe = ""', 'full_pipe = "EINTR"')
    file.write_text(text.replace('when_complete = ""', 'when_complete = "a"'))
    exercise = catalogue.exercise("05")

    def states() -> dict[str, str]:
        return {each.question.id: each.state for each in asked.told_answers(workspace, exercise)}

    assert (states()["full_pipe"], states()["when_complete"]) == ("wrong", "answered")
    (workspace.folder / "course.toml").write_text(COURSE)
    assert (states()["full_pipe"], states()["when_complete"]) == ("answered", "wrong")


def test_what_was_measured_is_compared_with(workspace: Workspace) -> None:
    file = workspace.folder / "answers.toml"
    file.write_text(file.read_text().replace('share_measured = ""', "share_measured = 84"))
    exercise = catalogue.exercise("08")

    def state_with(measured: dict[str, float]) -> str:
        return {each.question.id: each.state for each in asked.told_answers(workspace, exercise, measured)}[
            "share_measured"
        ]

    assert [state_with(each) for each in ({}, {"share_fast": 80.0}, {"share_fast": 50.0})] == [
        "unmeasured", "right", "wrong",
    ]  # fmt: skip
