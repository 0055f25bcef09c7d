"""`lab reset` in a workspace: the stub comes back, and what was there is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import cli
from lab.errors import LabError
from lab.exercises import catalogue, regions, starter
from lab.exercises.catalogue import Track
from lab.workspace import make, state
from lab.workspace.reset import chosen, put, reset
from lab.workspace.state import Workspace

BUFFER = "runtime/supervisor/buffer.py"
LOGS = "runtime/supervisor/logs.py"


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    make.make(Workspace(tmp_path / "work", "python", "s1", "seed"))
    monkeypatch.chdir(tmp_path / "work" / "runtime")
    return state.find(Path.cwd())


def change(workspace: Workspace, path: str, name: str, body: str = "mine = True\n") -> str:
    file = workspace.folder / path
    text = regions.replace(file.read_text(), {name: body}, path)
    file.write_text(text)
    return text


def test_an_exercise_is_put_back_and_what_was_there_is_kept(workspace: Workspace) -> None:
    before = {path: (workspace.folder / path).read_text() for path in (BUFFER, LOGS)}
    mine = change(workspace, BUFFER, "05.buffer")
    change(workspace, LOGS, "05.producer")
    done = reset(workspace, chosen(workspace, "5", None))
    assert done.regions == ("05.producer", "05.buffer")
    assert done.backup is not None and (done.backup / BUFFER).read_text() == mine
    assert {path: (workspace.folder / path).read_text() for path in before} == before
    assert not list((workspace.folder / BUFFER).parent.glob(".*"))


def test_one_region_leaves_the_others_and_the_mode(workspace: Workspace) -> None:
    change(workspace, LOGS, "05.producer")
    change(workspace, LOGS, "05.consumer")
    (workspace.folder / LOGS).chmod(0o600)
    done = reset(workspace, chosen(workspace, None, "05.producer"))
    assert done.regions == ("05.producer",)
    assert "mine = True" in regions.find((workspace.folder / LOGS).read_text(), LOGS)["05.consumer"].body
    assert (workspace.folder / LOGS).stat().st_mode & 0o777 == 0o600


def test_what_was_not_changed_needs_no_backup(workspace: Workspace) -> None:
    assert reset(workspace, chosen(workspace, "05", None)).backup is None
    assert not workspace.private.exists()


def test_two_resets_keep_two_copies(workspace: Workspace) -> None:
    kept = set()
    for number in range(2):
        change(workspace, BUFFER, "05.buffer", f"mine = {number}\n")
        done = reset(workspace, chosen(workspace, "05", "buffer"))
        assert done.backup is not None
        kept.add(done.backup)
    assert len(kept) == 2


def test_bytes_of_another_encoding_stay_as_they_are(workspace: Workspace) -> None:
    """A name in a comment, written in Latin-1; what is put back and what is kept are the file's own bytes."""
    change(workspace, BUFFER, "05.buffer")
    file = workspace.folder / BUFFER
    file.write_bytes(b"# J\xf6rg\n" + file.read_bytes())
    before = file.read_bytes()
    done = reset(workspace, chosen(workspace, "05", "buffer"))
    assert done.backup is not None and (done.backup / BUFFER).read_bytes() == before
    assert file.read_bytes().startswith(b"# J\xf6rg\n") and file.read_bytes() != before


def test_markers_that_are_gone_are_told_and_nothing_changes(workspace: Workspace) -> None:
    change(workspace, LOGS, "05.producer")
    file = workspace.folder / BUFFER
    file.write_text(file.read_text().replace("# region 05.buffer", "# region"))
    before = (workspace.folder / LOGS).read_text()
    with pytest.raises(LabError, match=r"buffer\.py, line \d+"):
        reset(workspace, chosen(workspace, "05", None))
    assert (workspace.folder / LOGS).read_text() == before and not workspace.private.exists()
    file.unlink()
    with pytest.raises(LabError, match=r"buffer\.py cannot be read.*git checkout"):
        reset(workspace, chosen(workspace, "05", None))


@pytest.mark.parametrize(
    ("exercise", "region", "says"),
    [
        ("00", None, "Exercise 00 has no regions"),
        ("42", None, "There is no exercise '42'"),
        (
            "05",
            "reaper",
            "'reaper' is no region of exercise 05. There is 05.producer, 05.buffer, 05.consumer.",
        ),
        (None, "register", "'register' may mean several regions. There is 06.register, 07.register."),
    ],
)
def test_what_there_is_not_is_told(
    exercise: str | None, region: str | None, says: str, workspace: Workspace
) -> None:
    with pytest.raises(LabError) as caught:
        chosen(workspace, exercise, region)
    assert says in str(caught.value)


def test_the_commands_say_what_was_done(workspace: Workspace, tmp_path: Path) -> None:
    run = CliRunner().invoke
    change(workspace, BUFFER, "05.buffer")
    said = run(cli.app, ["reset", "05", "--region", "buffer"])
    assert said.exit_code == 0 and "The stub is back: 05.buffer." in said.output
    assert ".boxwright/backups/" in said.output
    assert "Nothing was changed" in run(cli.app, ["reset", "05"]).output
    said = run(cli.app, ["init", str(tmp_path / "new"), "--upto", "10", "--student", "s2"])
    assert said.exit_code == 0 and "6 regions are yours to write" in said.output
    assert (tmp_path / "new" / state.FILE).exists()
    for words in (
        ["init", str(tmp_path / "new")],
        ["init", "x", "--track", "java"],
        ["init", "x", "--upto", "z"],
    ):
        assert isinstance(run(cli.app, words).exception, LabError), words


def test_a_machine_is_meant_by_any_other_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    for words, says in (
        (["reset"], "default"),
        (["reset", "other"], "other"),
        (["reset", "05"], "no workspace"),
    ):
        assert says in str(CliRunner().invoke(cli.app, words).exception)


@pytest.mark.parametrize("track", catalogue.TRACKS)
def test_solutions_can_be_put_in_one_at_a_time_until_it_is_the_reference(
    track: Track, tmp_path: Path
) -> None:
    begun = Workspace(tmp_path / "one by one", track, "s1", "seed")
    make.make(begun)
    for region in catalogue.all_regions():
        done = put(begun, starter.solutions(track, [region]))
        assert done.regions == ((region.name,) if track in region.files else ())
    for path, content in starter.solution(track).items():
        assert (begun.folder / path).read_bytes() == content, path


def test_in_c_stubs_come_back_in_engine_and_module(tmp_path: Path) -> None:
    begun = Workspace(tmp_path / "work", "c", "s1", "seed")
    make.make(begun, "07")
    for exercise, paths in (("05", ["engine/log.c"]), ("06", ["kernel/monitor.c"])):
        before = {path: (begun.folder / path).read_text() for path in paths}
        done = reset(begun, chosen(begun, exercise, None))
        assert done.backup is not None and all(name[:2] == exercise for name in done.regions)
        for path, text in before.items():
            assert (done.backup / path).read_text() == text
            assert (begun.folder / path).read_bytes() == starter.starter("c", lambda region: False)[path]
