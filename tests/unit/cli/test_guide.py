"""`lab guide`: which guide, with whose numbers, and where it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import cli_guide
from lab.cli import app
from lab.exercises import catalogue, guides, parameters, starter
from lab.workspace import make
from lab.workspace.next import next_exercise
from lab.workspace.reset import put
from lab.workspace.state import Workspace


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """One of student s7, in which we are."""
    wanted = Workspace(tmp_path / "mine", "python", "s7", "autumn")
    make.make(wanted)
    monkeypatch.chdir(wanted.folder)
    return wanted


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["guide", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def test_plain_text_where_no_terminal_is() -> None:
    text = said("1")
    assert "01 · A process in its own world" in text
    assert "Picture. Above, the host's PID namespace" in " ".join(text.replace("▌", " ").split())
    assert "\x1b" not in text and "{{" not in text and "![" not in text


def test_a_command_is_not_broken_into_lines() -> None:
    commands = [
        line
        for block in guides.read(catalogue.exercise("01").folder, nobodys("01")).blocks
        for command in block.commands
        for line in command.text.split("\n")
    ]
    assert max(map(len, commands)) > 100
    shown = [line.strip() for line in said("01").splitlines()]
    for command in commands:
        assert any(line.endswith(command.strip()) for line in shown), command


def test_a_list_outside_of_a_workspace() -> None:
    text = said()
    assert [line[:2] for line in text.splitlines()[:11]] == [f"{number:02}" for number in range(11)]


def test_numbers_are_the_students_own(workspace: Workspace) -> None:
    exercise = catalogue.exercise("01")
    own = str(workspace.values(exercise)["word"])
    others = set(map(str, exercise.parameters["word"].choices)) - {own}
    text = said("01")
    assert f"hostname {own}" in text
    assert not [other for other in others if f"hostname {other}" in text]


def test_the_next_one_in_a_workspace(workspace: Workspace) -> None:
    assert "00 · " in said()
    answers = workspace.folder / "answers.toml"
    answers.write_text(answers.read_text().replace('= ""', '= "7"'))
    assert "01 · " in said()
    solve(workspace, "01")
    assert "02 · " in said()
    for region in catalogue.exercise("01").regions:
        stub = starter.stubs("python", [region])
        put(workspace, stub)
        assert "01 · " in said(), region.name
        solve(workspace, "01")


def test_nothing_is_next_where_all_is_done(workspace: Workspace) -> None:
    answers = workspace.folder / "answers.toml"
    answers.write_text(answers.read_text().replace('= ""', '= "7"'))
    for exercise in catalogue.exercises():
        if exercise.regions:
            solve(workspace, exercise.number)
    assert next_exercise(workspace, catalogue.exercises()) is None
    assert said().startswith("00")


def test_a_file_that_is_gone_is_not_in_the_way(workspace: Workspace) -> None:
    answers = workspace.folder / "answers.toml"
    answers.unlink()
    assert "00 · " in said()
    answers.write_text("no TOML")
    assert "00 · " in said()
    for region in catalogue.exercise("01").regions:
        (workspace.folder / region.files["python"]).unlink(missing_ok=True)
    said()


def test_web_writes_one_page_and_opens_it_only_where_it_is_seen(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(cli_guide.webbrowser, "open", opened.append)
    path = Path(said("01", "--web").strip())
    text = path.read_text()
    assert "s7" in text and str(workspace.values(catalogue.exercise("01"))["word"]) in text
    assert "data:image/svg+xml;base64," in text and "picture.svg" not in text
    assert opened == []
    monkeypatch.setenv("DISPLAY", ":0")
    said("01", "--web")
    assert opened == [path.as_uri()]
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_pager_where_a_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    paged: list[str] = []
    monkeypatch.setattr("pydoc.pager", paged.append)
    monkeypatch.setattr(cli_guide.console, "out", cli_guide.console.Console(force_terminal=True, width=300))
    said("01")
    [text] = paged
    assert "\x1b[" in text
    prose = [line for line in text.splitlines() if not line.startswith("    ")]
    assert max(map(len, prose)) < 300  # though the window is that wide


def nobodys(number: str) -> dict[str, str | int]:
    """The parameters of an exercise outside of workspaces."""
    return parameters.values(catalogue.exercise(number).parameters, "", "")


def solve(workspace: Workspace, number: str) -> None:
    """Put the solution of an exercise's regions into a workspace."""
    put(workspace, starter.solutions("python", catalogue.exercise(number).regions))
