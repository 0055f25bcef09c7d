"""Pausing, and who comes in between."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from supervisor import freezer
from supervisor.errors import EngineError
from supervisor.live import Container
from supervisor.records import MIB, Record
from supervisor.registry import Registry
from supervisor.rootfs import find_rootfs

from tests.unit.runtime.conftest import descriptors


class FakeCgroup:
    """A file stands for cgroup.events, in which nothing ever comes to rest: the tests' own user may have no cgroup."""

    def __init__(self, folder: Path) -> None:
        (folder / "cgroup.events").write_text("populated 1\nfrozen 0\n")
        self.folder = folder
        self.written: list[int] = []
        self.before_write: Callable[[], None] = lambda: None

    def open(self, name: str, flags: int) -> int:
        """As the real one's."""
        return os.open(self.folder / name, flags)

    def write(self, name: str, value: int) -> None:
        """As the real one's; told before it happens."""
        self.before_write()
        self.written.append(value)


@pytest.fixture
def cgroup(tmp_path: Path) -> FakeCgroup:
    return FakeCgroup(tmp_path)


@pytest.fixture
def container(tmp_path: Path, cgroup: FakeCgroup, monkeypatch: pytest.MonkeyPatch) -> Container:
    """One that runs."""
    record = Record("box", "/", (b"true",), 40 * MIB, 64 * MIB, 0, "", "", state="running")
    container = Container(record, find_rootfs(".", str(tmp_path)))
    monkeypatch.setattr(container, "cgroup", cgroup)
    return container


def test_what_is_called_going_on_is_never_left_frozen(container: Container, cgroup: FakeCgroup) -> None:
    """`unpause` comes between the entry in the record and the 1 in cgroup.freeze."""
    registry, went_on = Registry(), threading.Event()

    def go_on() -> None:
        freezer.thaw(registry, container)
        went_on.set()

    def meet() -> None:
        cgroup.before_write = lambda: None
        threading.Thread(target=go_on, daemon=True).start()
        went_on.wait(0.3)  # as far as a lock lets it

    cgroup.before_write = meet
    with pytest.raises(EngineError, match="has been told to go on meanwhile"):
        freezer.freeze(registry, container)
    assert went_on.wait(10)
    assert (container.record.paused, cgroup.written) == (False, [0, 1, 0])


def test_it_goes_on_after_that_was_told(container: Container, cgroup: FakeCgroup) -> None:
    """What it does then, such as ending, comes after it in the journal."""
    registry, told = Registry(), []
    container.record.paused = True
    cgroup.before_write = lambda: told.extend(event.kind for event in registry.events.read(0)[0])
    assert freezer.thaw(registry, container)
    assert told == ["unpause"]


def test_what_does_not_come_to_rest_goes_on(
    container: Container, cgroup: FakeCgroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(freezer, "PATIENCE", 0.1)
    with pytest.raises(EngineError, match="does not come to rest"):
        freezer.freeze(Registry(), container)
    assert (container.record.paused, cgroup.written) == (False, [1, 0])


def test_one_that_cannot_be_paused_is_not_called_paused(
    container: Container, cgroup: FakeCgroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(cgroup, "write", refuse)
    before = descriptors()
    with pytest.raises(EngineError, match="cannot be paused: Too many open files"):
        freezer.freeze(Registry(), container)
    assert not container.record.paused and descriptors() == before
