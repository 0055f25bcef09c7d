"""`lab watch`: each save once, and nothing of what programs leave there."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from grading.student import watching
from grading.student.watching import changes
from lab.workspace.state import Workspace


def test_each_save_counts_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        watching, "SETTLE_SECONDS", 1.0
    )  # ten times what is between two writes, on a busy host
    seen, over = threading.Semaphore(0), threading.Event()

    def watch() -> None:
        for _ in changes(workspace):
            seen.release()
            if over.is_set():
                return

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert seen.acquire(timeout=20)
    for name in (".git/index", ".boxwright/progress.json", "runtime/.buffer.py.swp", "runtime/buffer.py~"):
        path = workspace.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("changed")
    assert not seen.acquire(timeout=1.2)
    file = workspace.folder / "runtime/supervisor/buffer.py"
    for number in range(3):
        file.write_text(f"# {number}\n")
        time.sleep(0.1)
    assert seen.acquire(timeout=20)
    assert not seen.acquire(timeout=1.2), "three writes at once are one save"
    over.set()  # or it would look into this folder as long as there are tests
    (workspace.folder / "kernel/new.h").write_text("")
    assert seen.acquire(timeout=20)
    watcher.join(20)
    assert not watcher.is_alive()


def test_a_file_that_is_being_written_is_waited_for(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EMPTY_SECONDS", 60)
    file = workspace.folder / "runtime/supervisor/buffer.py"
    saved: list[str] = []
    begun = threading.Event()

    def watch() -> None:
        for _ in itertools.islice(changes(workspace), 2):
            saved.append(file.read_text())
            begun.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert begun.wait(20)
    file.write_text("")
    time.sleep(1.5)  # a slow disk
    file.write_text("# whole\n")
    watcher.join(20)
    assert saved[1:] == ["# whole\n"]


def test_a_file_that_was_emptied_counts_in_the_end(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EMPTY_SECONDS", 0.5)
    seen = changes(workspace)
    next(seen)
    (workspace.folder / "runtime/supervisor/buffer.py").write_text("")
    next(seen)
