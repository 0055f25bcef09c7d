"""Whose host key `lab add` takes: the given one, the one that somebody says yes to, and no other. Nobody is reached."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from lab import console, hosts
from lab.cli import app
from lab.errors import LabError
from lab.machine import host_key
from lab.machine.record import SshRecord, machine_folder, write_record

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlXi8KVka/465Q9aBApWxAGySCHuKvrLFUSOw4gmKVO"
OTHER = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlXi8KVka/465Q9aBApWxAGySCHuKvrLFUSOw4gmKVP"


class Reached(Exception):
    """It came as far as logging in."""


@pytest.fixture
def taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """The host keys with which it would have logged in."""
    taken: list[tuple[str, ...]] = []

    def add(*_: Any, host_keys: tuple[str, ...], **__: Any) -> None:
        taken.append(host_keys)
        raise Reached

    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(hosts, "add", add)
    monkeypatch.setattr(host_key, "scan", lambda host, port: KEY)
    return taken


def add(*arguments: str, answer: str | None = None) -> Any:
    """What comes of `lab add web h.example`: an error, or `Reached`."""
    return CliRunner().invoke(app, ["add", "web", "h.example", *arguments], input=answer).exception


@pytest.fixture
def at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a person sat there."""
    monkeypatch.setattr(console, "err", Console(stderr=True, force_terminal=True, highlight=False))
    monkeypatch.setattr("lab.cli_hosts._somebody_listens", lambda: True)


def test_without_a_terminal_nothing_is_asked_and_nothing_trusted(taken: list[tuple[str, ...]]) -> None:
    refused = add()
    assert isinstance(refused, LabError)
    assert "--accept-host-key" in str(refused)
    assert "--host-key" in str(refused)
    assert taken == []


@pytest.mark.parametrize(("answer", "believed"), [("y\n", [(KEY,)]), ("n\n", []), ("\n", []), ("", [])])
def test_a_person_is_asked_and_only_yes_is_yes(
    taken: list[tuple[str, ...]], at_a_terminal: None, answer: str, believed: list[tuple[str, ...]]
) -> None:
    add(answer=answer)
    assert taken == believed


def test_what_is_accepted_or_given_is_taken_as_it_is(taken: list[tuple[str, ...]]) -> None:
    assert isinstance(add("--accept-host-key"), Reached)
    assert isinstance(add("--host-key", OTHER), Reached)
    assert taken == [(KEY,), (OTHER,)]
    assert "Give one of them" in str(add("--host-key", OTHER, "--accept-host-key"))


def test_a_user_whom_nobody_knows_is_a_sentence(taken: list[tuple[str, ...]]) -> None:
    assert "there is no such user" in str(add("--host-key", "~nobody-here/x"))
    with pytest.raises(LabError, match="there is no such user"):
        hosts.usable_key(Path("~nobody-here/x"))


def test_a_host_that_is_known_keeps_its_pin_whatever_it_shows_now(taken: list[tuple[str, ...]]) -> None:
    machine_folder("web").mkdir()
    write_record(SshRecord("web", "h.example", 22, "root", Path("/k"), (OTHER,), 1.0, "noble", 1.0))
    assert isinstance(add("--accept-host-key"), Reached)
    assert taken == [(OTHER,)]
