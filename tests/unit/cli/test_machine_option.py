"""Which machine a command means, wherever it is said. Nothing is started."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import lifecycle
from lab.cli import app
from lab.machine.record import SshRecord, machine_folder, write_record

KEY = "ssh-ed25519 AAAA"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BOXWRIGHT_MACHINE", "from-variable")  # and set back after what the command sets


@pytest.fixture
def downed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names that `lab down` was told."""
    names: list[str] = []
    monkeypatch.setattr(lifecycle, "down", lambda name, *_, **__: names.append(name))
    return names


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["down"], "from-variable"),
        (["--machine", "before", "down"], "before"),
        (["-m", "before", "down"], "before"),
        (["down", "behind"], "behind"),
        (["-m", "before", "down", "behind"], "behind"),
    ],
)
def test_what_is_said_nearest_to_the_command_counts(
    downed: list[str], arguments: list[str], name: str
) -> None:
    done = CliRunner().invoke(app, arguments)
    assert (done.exit_code, downed) == (0, [name]), done.output


def test_without_any_it_is_the_default_one(downed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOXWRIGHT_MACHINE")
    CliRunner().invoke(app, ["down"])
    assert downed == ["default"]


def test_a_name_that_is_none_is_refused_before_anything_happens(downed: list[str]) -> None:
    done = CliRunner().invoke(app, ["--machine", "../x", "down"])
    assert (downed, "is not a machine's name" in str(done.exception)) == ([], True)


def test_status_shows_all_unless_one_is_named_on_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "answers", lambda host, port: host == "up.example")
    for name, host in (("one", "up.example"), ("two", "ü.example")):
        machine_folder(name).mkdir()
        write_record(SshRecord(name, host, 22, "me", Path("/k"), (KEY,), 1.0, "noble", 1.0))
    shown = json.loads(CliRunner().invoke(app, ["status", "--json"]).stdout)
    assert [(each["name"], each["kind"], each["state"]) for each in shown] == [
        ("one", "ssh", "running"),
        ("two", "ssh", "not answering"),
    ]
    for arguments in (["--machine", "two", "status", "--json"], ["status", "two", "--json"]):
        printed = CliRunner().invoke(app, arguments).stdout
        assert [each["name"] for each in json.loads(printed)] == ["two"]
        assert "me@ü.example" in printed, "UTF-8, not escaped"
    table = CliRunner().invoke(app, ["status"]).output
    assert "me@up.example" in table
    assert "MiB" not in table, "what a kind does not have stays empty"


@pytest.mark.parametrize("words", [["status", ""], ["down", ""], ["destroy", ""]], ids=lambda words: words[0])
def test_an_empty_name_is_none(downed: list[str], words: list[str]) -> None:
    done = CliRunner().invoke(app, words)
    assert (downed, "'' is not a machine's name" in str(done.exception)) == ([], True)


def test_more_memory_than_there_can_be_is_refused_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "start", lambda *_, **__: pytest.fail("it begins"))
    done = CliRunner().invoke(app, ["up", "--memory", "99999999999999999999"])
    assert (done.exit_code, "--memory" in done.output) == (2, True)


def test_one_machine_and_all_of_them_contradict_each_other() -> None:
    done = CliRunner().invoke(app, ["--machine", "one", "destroy", "--all"])
    assert "Both --all and a machine are named" in str(done.exception)


def test_the_doctor_of_a_machine_must_be_asked_for() -> None:
    done = CliRunner().invoke(app, ["--machine", "web", "doctor"])
    assert "lab doctor --guest web" in str(done.exception)
