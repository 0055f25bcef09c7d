"""Two `lab shell` begun at once: the second waits until the first has its machine. The machines are stand-ins."""

from __future__ import annotations

import threading
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

    def opened(workspace: Workspace, named: str | None, progress: NoProgress) -> Any:
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
    threads = [
        threading.Thread(target=trying.open_place, args=(workspace, name, Told()), daemon=True)
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
