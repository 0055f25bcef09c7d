"""Starts and ends of an engine that meet at the worst moment; for want of root, zygote and cgroups are stood in for."""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from supervisor import lifecycle, stopping
from supervisor.cgroup import Cgroup, Cgroups
from supervisor.errors import EngineError
from supervisor.lifecycle import Engine
from supervisor.records import Record
from supervisor.start_request import StartRequest
from supervisor.state import Place

from tests.unit.runtime.conftest import descriptors

SOON = 10.0
"""Seconds in which everything here happens."""


class FakeZygote:
    """Makes a program of the host's for each container; the tests' own user may make no namespaces."""

    init = -1

    def __init__(self, *program: str, failure: bytes = b"", holds: bool = False) -> None:
        self.pid = os.posix_spawnp("sleep", ["sleep", "1000"], os.environ)
        self.program, self.failure, self.holds = program, failure, holds
        self.made = threading.Event()

    def clone(self, spec: Any, streams: Any, barrier: int, errors: int, cgroup: int = -1) -> tuple[int, int]:
        """As the real one's."""
        os.write(errors, self.failure)
        actions = [(os.POSIX_SPAWN_DUP2, errors, 50)] if self.holds else []
        pid = os.posix_spawnp(self.program[0], self.program, os.environ, file_actions=actions)
        self.made.set()
        return pid, os.pidfd_open(pid)

    def stop(self) -> None:
        """It ends, and the reaper is there before anybody else."""
        os.kill(self.pid, signal.SIGKILL)
        deadline = time.monotonic() + SOON
        while Path(f"/proc/{self.pid}").exists() and time.monotonic() < deadline:
            time.sleep(0.01)


class FolderCgroups:
    """Cgroups in a plain folder: without root there are none."""

    def __init__(self, folder: Path) -> None:
        self.controllers: list[str] = []
        self._folder = folder

    def create(self, identifier: str) -> Cgroup:
        """As the real ones'."""
        return Cgroup(self._folder / identifier)


@pytest.fixture
def engine_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Engine]]:
    """An engine with a zygote of ours."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "root").mkdir()
    made: list[Engine] = []

    def engine(
        zygote: FakeZygote, cgroups: Any = None, say: Callable[[str], None] = lambda text: None
    ) -> Engine:
        monkeypatch.setattr(Cgroups, "find", classmethod(lambda cls, tag: cgroups))
        monkeypatch.setattr(lifecycle.Monitor, "open", classmethod(lambda cls: None))
        one = Engine(Place(tmp_path, tmp_path / "logs"), zygote, say)  # type: ignore[arg-type]
        made.append(one)
        return one

    yield engine
    for one in made:
        if one.reaper._thread.is_alive():
            one.shut_down()


def test_a_proper_end_is_no_trouble(engine_with: Callable[..., Engine]) -> None:
    """The zygote ends when it is told to: nobody needs hear that no container can be started any more."""
    said: list[str] = []
    engine_with(FakeZygote("true"), say=said.append).shut_down()
    assert said == []


def test_a_start_that_fails_early_tells_why(
    engine_with: Callable[..., Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its child ends, and the reaper takes the cgroup away, while the CPU share is being written there."""
    import marshal

    failure = marshal.dumps(("mounting its file systems", errno.ENOTDIR, "it is a folder", "/data"))
    (tmp_path / "cgroups").mkdir()
    engine = engine_with(FakeZygote("true", failure=failure), FolderCgroups(tmp_path / "cgroups"))
    before = descriptors()

    def set_shares(record: Record, write: Callable[..., None]) -> None:
        container = engine.registry.get("x")
        assert container is not None and container.exited.wait(SOON)
        deadline = time.monotonic() + SOON
        while container.cgroup is not None and time.monotonic() < deadline:
            time.sleep(0.01)

    monkeypatch.setattr(lifecycle, "set_shares", set_shares)
    with pytest.raises(EngineError, match="it is a folder"):
        engine.start(StartRequest("x", str(tmp_path / "root"), (b"p",), nice=5), "/")
    assert list((tmp_path / "logs").iterdir()) == []
    assert descriptors() == before


def test_a_container_that_hangs_in_its_set_up_can_be_stopped(
    engine_with: Callable[..., Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a file system that does not answer; nor is the worker that starts it, or the shutdown, held up."""
    monkeypatch.setattr(stopping, "PATIENCE", 0.2)
    zygote = FakeZygote("sleep", "1000", holds=True)
    engine = engine_with(zygote)
    request = StartRequest("x", str(tmp_path / "root"), (b"p",))
    starting = threading.Thread(target=engine.start, args=(request, "/"), daemon=True)
    starting.start()
    assert zygote.made.wait(SOON)
    container = engine.registry.find("x")
    engine.stop_container(container)
    assert container.exited.is_set()
    starting.join(SOON)
    assert not starting.is_alive()
