"""`lab demo --keep`: the machine that goes on is named, however the demonstrations end."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab import cli_demo, deploy, lifecycle
from lab.errors import LabError
from lab.machine.record import machine_folder, machine_names

NAME = f"demo-kept-{os.getpid()}"


def interrupted(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def failed(*_: Any, **__: Any) -> Any:
    raise LabError("It broke off")


def shown(*_: Any, **__: Any) -> Any:
    return "the report"


@pytest.fixture
def up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Machines are folders alone: a mock, since a real one takes a VM."""
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path))

    def start(name: str, *_: Any, **__: Any) -> Any:
        machine_folder(name).mkdir()
        return SimpleNamespace(close=lambda: None)

    monkeypatch.setattr(lifecycle, "up", start)
    monkeypatch.setattr(lifecycle, "destroy", lambda name: machine_folder(name).rmdir())
    monkeypatch.setattr(deploy, "deploy", shown)


def end(keep: bool) -> None:
    """Run it, and let it end as it does."""
    with contextlib.suppress(KeyboardInterrupt, LabError):
        cli_demo._in_fresh_machine(None, [1], keep=keep, quiet=True)


@pytest.mark.parametrize("ends", [shown, interrupted, failed])
@pytest.mark.usefixtures("up")
def test_a_kept_machine_is_told(
    ends: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_demo, "_show", ends)
    end(keep=True)
    assert machine_names() == [NAME]
    said = capsys.readouterr().err
    assert said.count(f"The machine goes on: lab ssh -m {NAME}; lab destroy {NAME} ends it.") == 1


@pytest.mark.parametrize("ends", [shown, interrupted, failed])
@pytest.mark.usefixtures("up")
def test_another_is_gone_and_nothing_is_said(
    ends: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_demo, "_show", ends)
    end(keep=False)
    assert machine_names() == []
    assert "goes on" not in capsys.readouterr().err


@pytest.mark.usefixtures("up")
def test_one_that_never_was_is_not_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lifecycle, "up", interrupted)
    end(keep=True)
    assert "goes on" not in capsys.readouterr().err
