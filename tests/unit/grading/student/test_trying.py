"""Two `lab shell` begun at once: the second waits until the first has its machine. The machines are stand-ins."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import Any

import pytest

from grading.student import trying
from lab.console import NoProgress
from lab.workspace.state import Workspace

SECONDS = 10


def test_the_second_shell_waits_until_the_machine_is_ready(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    is_opening, is_ready, waits = (threading.Event() for _ in range(3))

    def opened(workspace: Workspace, lock: object, named: str | None, progress: NoProgress) -> Any:
        order.append(f"{named} begins")
        if named == "first":
            is_opening.set()
            assert is_ready.wait(SECONDS)
        order.append(f"{named} is ready")

    class Told(NoProgress):
        def step(self, text: str) -> None:
            assert "other shell" in text
            waits.set()

    monkeypatch.setattr(trying, "_opened", opened)
    lock: Any = None  # which only the stand-in gets
    threads = [
        threading.Thread(target=trying.open_place, args=(workspace, lock, name, Told()), daemon=True)
        for name in ("first", "second")
    ]
    threads[0].start()
    assert is_opening.wait(SECONDS)
    threads[1].start()
    assert waits.wait(SECONDS), "it says what it waits for"
    is_ready.set()
    for thread in threads:
        thread.join(SECONDS)
    assert order == ["first begins", "first is ready", "second begins", "second is ready"]


@pytest.mark.parametrize("another", [None, "other machine", "same machine"])
def test_a_machine_that_no_shell_holds_was_left_behind(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, another: str | None
) -> None:
    """By one that was killed: its sources are of then, and nobody would take it away."""
    made: list[str] = []

    class Made(Exception):
        pass

    def read(_: Workspace) -> None:
        made.append("fresh")
        raise Made

    monkeypatch.setattr(trying, "_is_running", lambda folder: True)
    monkeypatch.setattr(trying, "read", read)
    monkeypatch.setattr(trying.QemuMachine, "find", lambda name: None)
    with ExitStack() as stack:
        mine = stack.enter_context(trying.held(workspace, None))
        if another == "same machine":
            stack.enter_context(trying.held(workspace, None))
            place = trying.open_place(workspace, mine, None, NoProgress())
            assert "your other shell" in place.notes[0] and not made
        else:
            if another:
                stack.enter_context(trying.held(workspace, "another"))
            with pytest.raises(Made):
                trying.open_place(workspace, mine, None, NoProgress())
            stack.enter_context(trying.held(workspace, None))
        assert trying._is_held_by_others(mine), "ours is held as before"
