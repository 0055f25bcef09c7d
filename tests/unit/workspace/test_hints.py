"""`lab hint` and `lab logs`: which hint comes next, and what there is to read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import cli
from lab.errors import LabError
from lab.exercises import catalogue, starter
from lab.exercises.catalogue import TRACKS, Track
from lab.workspace import hints, logs, make, progress, state
from lab.workspace.progress import Kept
from lab.workspace.reset import put
from lab.workspace.state import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    make.make(Workspace(tmp_path / "work", "python", "s1", "seed"))
    monkeypatch.chdir(tmp_path / "work")
    return state.find(Path.cwd())


def remember(workspace: Workspace, *checks: tuple[str, str, str]) -> None:
    new = [
        Kept(id_, exercise, verdict, 0, 2, f"About {id_}", hint="Look.") for id_, exercise, verdict in checks
    ]
    progress.update(workspace, lambda known: progress.with_verdicts(known, new))


def hint(*words: str) -> dict[str, object]:
    done = CliRunner().invoke(cli.app, ["hint", "--json", *words], catch_exceptions=False)
    assert done.exit_code == 0
    value: dict[str, object] = json.loads(done.stdout)
    return value


def test_the_first_failure_of_the_last_check_is_meant_and_each_call_says_more(workspace: Workspace) -> None:
    remember(
        workspace,
        ("containers.starts", "01", "passed"),
        ("containers.own_proc", "01", "failed"),
        ("containers.own_uts_namespace", "01", "failed"),
    )
    seen = [hint() for _ in range(4)]
    assert [each["stage"] for each in seen] == ["nudge", "pointer", "nearly", "nearly"]
    assert [each["left"] for each in seen] == [2, 1, 0, 0]
    assert [each["again"] for each in seen] == [False, False, False, True]
    assert {each["target"] for each in seen} == {"containers.own_proc"}
    assert len({each["text"] for each in seen}) == 3
    assert len(progress.load(workspace).hints) == 3


def test_an_exercise_that_is_no_more_has_no_hints(workspace: Workspace) -> None:
    remember(workspace, ("a.gone", "77", "failed"), ("containers.own_proc", "01", "failed"))
    assert hint()["target"] == "containers.own_proc"
    remember(workspace, ("a.gone", "77", "failed"))
    with pytest.raises(LabError, match="No check has failed, as far as is known"):
        hint()


def test_an_exercise_means_its_failure_or_what_nobody_has_written(workspace: Workspace) -> None:
    assert hint("1")["target"] == "01.flags"
    region = next(each for each in catalogue.all_regions() if each.name == "01.flags")
    put(workspace, starter.solutions("python", [region]))
    assert hint("01_namespaces")["target"] == "01.mounts"
    remember(workspace, ("containers.own_proc", "01", "failed"), ("build.engine_builds", "00", "passed"))
    assert hint("01")["target"] == "containers.own_proc"


def test_a_check_and_a_region_can_be_named(workspace: Workspace) -> None:
    assert hint("containers.own_proc")["exercise"] == "01"
    assert hint("06.list")["exercise"] == "06"
    assert hint("06.list")["title"] == "enters a process into the list, once"


def test_a_hint_says_of_a_region_what_it_does_in_this_track(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.make(Workspace(tmp_path / "in-c", "c", "s1", "seed"))
    monkeypatch.chdir(tmp_path / "in-c")
    assert hint("08.share")["title"] == "gives the container's session its share of the CPU"


def test_where_nobody_wrote_a_hint_the_checks_own_words_are_it(workspace: Workspace) -> None:
    remember(workspace, ("logs.made_up", "05", "failed"))
    assert hint("logs.made_up")["text"] == "Look."
    assert hint("logs.made_up")["again"] is True


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (None, "Nothing was checked so far"),
        ("nobody", "neither an exercise, nor a check, nor a region"),
        ("00", "no check has failed"),
    ],
)
def test_what_there_is_not_is_told(workspace: Workspace, wanted: str | None, says: str) -> None:
    with pytest.raises(LabError, match=says):
        hints.choose(workspace, catalogue.exercises(), progress.load(workspace), wanted)


def test_when_all_passed_there_is_no_hint(workspace: Workspace) -> None:
    remember(workspace, ("containers.starts", "01", "passed"))
    with pytest.raises(LabError, match="No check has failed"):
        hints.choose(workspace, catalogue.exercises(), progress.load(workspace), None)


@pytest.mark.parametrize("track", TRACKS)
def test_every_hint_of_a_track_can_be_given_in_it(track: Track, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, track, "s1", "seed")
    exercises, known = catalogue.exercises(), progress.Progress()
    for exercise in exercises:
        missing = {region.name for region in exercise.regions if track not in region.files}
        for target in {each.target for each in exercise.hints} - missing:
            for stage in progress.STAGES:
                shown = hints.choose(workspace, exercises, known, target)
                assert shown.exercise == exercise.number and shown.stage == stage and "{{" not in shown.text
                known = progress.with_hint(known, exercise.number, target, stage)


def test_each_track_is_told_what_is_true_in_it(tmp_path: Path) -> None:
    exercises, nothing = catalogue.exercises(), progress.Progress()
    taken = progress.with_hint(nothing, "09", "09.stale", "nudge")
    said = {
        track: hints.choose(Workspace(tmp_path, track, "s1", "seed"), exercises, taken, "09.stale").text
        for track in TRACKS
    }
    assert "flock(2)" in said["python"] and "F_SETLK" in said["c"]


def test_a_region_that_the_track_has_not_is_refused(tmp_path: Path) -> None:
    region = "04.serving"

    def chosen(track: Track) -> str:
        workspace = Workspace(tmp_path, track, "s1", "seed")
        return hints.choose(workspace, catalogue.exercises(), progress.Progress(), region).target

    assert chosen("python") == region
    with pytest.raises(LabError) as caught:
        chosen("c")
    number = region[:2]
    assert str(caught.value) == (
        f"The track c has no region {region}. `lab guide {number}` says what it has instead."
    )


def test_logs_are_read_by_name_or_beginning(workspace: Workspace) -> None:
    with pytest.raises(LabError, match="Nothing was checked so far"):
        logs.read(workspace, "kernel")
    logs.write(workspace, {"kernel": b"one\n", "supervisor": b"\xff", "calls": b""})
    logs.write_container(workspace, "alpha-n1", b"hello\n")
    logs.write_container(workspace, "beta-n2", b"")
    assert logs.read(workspace, "kernel") == "one\n"
    assert logs.read(workspace, "supervisor") == "\\xff"
    assert logs.read(workspace, "al") == "hello\n"
    with pytest.raises(LabError, match=r"is no container of the last check\. There is alpha-n1, beta-n2"):
        logs.read(workspace, "gamma")
    logs.write(workspace, {"kernel": b"two\n"})
    assert logs.containers(workspace) == [] and logs.read(workspace, "calls") == ""
    said = CliRunner().invoke(cli.app, ["logs"]).stdout
    assert "two" in said and "no container's log was found" in said
