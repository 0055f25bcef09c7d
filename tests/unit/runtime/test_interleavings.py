"""Threads of the supervisor that meet at the worst moment: real children, threads and epolls, in a forced order."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from supervisor import __main__ as beginning
from supervisor import control, freezer, guardian, lifecycle, reaper, stopping
from supervisor.cgroup import Cgroups
from supervisor.commands import start_options, stop, wait
from supervisor.commands.several import IdsRequest, present
from supervisor.control import Control, Reply
from supervisor.errors import EngineError
from supervisor.lifecycle import Engine
from supervisor.live import Container
from supervisor.logs import ContainerLog
from supervisor.protocol import RawRequest, encode_request
from supervisor.reading import APART, Reader, follow
from supervisor.records import MIB, Record
from supervisor.registry import Registry
from supervisor.rootfs import Rootfs
from supervisor.state import Place

SOON = 10.0
"""Seconds in which everything here happens."""


class Asked:
    """Collects an answer."""

    def __init__(self) -> None:
        self.connection, self._other = socket.socketpair()
        self.status: int | None = None
        self.lines: list[bytes] = []
        self.request = RawRequest(b"/", ())

    def close(self) -> None:
        """Both ends."""
        self.connection.close()
        self._other.close()

    def out(self, data: bytes) -> None:
        """A line."""
        self.lines.append(data)

    def error(self, text: str) -> None:
        """A message."""
        self.lines.append(text.encode())

    def end(self, status: int, output: str = "") -> None:
        """The end."""
        self.status = status


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def reaps(registry: Registry) -> Iterator[reaper.Reaper]:
    """A reaper that runs."""
    one = reaper.Reaper(registry, lambda text: None)
    one.start()
    yield one
    one.stop()


@pytest.fixture
def make(registry: Registry) -> Iterator[Callable[..., Container]]:
    """A container whose first process is a program of the host's."""
    children: list[int] = []

    def container(
        identifier: str, *program: str, log: ContainerLog | None = None, **fields: Any
    ) -> Container:
        record = Record(
            identifier, "/", (b"p",), 40 * MIB, 64 * MIB, 0, "", "", **{"state": "running", **fields}
        )
        one = Container(record, Rootfs(f"/{identifier}", ((0, 1000 + len(children)),)))
        registry.admit(one)
        actions = [(os.POSIX_SPAWN_DUP2, log.stdout, 1), (os.POSIX_SPAWN_DUP2, log.stderr, 2)] if log else []
        record.pid = os.posix_spawnp(program[0], program, os.environ, file_actions=actions)
        children.append(record.pid)
        one.attach(os.pidfd_open(record.pid))
        one.log = log
        one.executed = True
        return one

    yield container
    for child in children:
        try:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        except (ProcessLookupError, ChildProcessError):
            pass  # reaped, as it should be


@pytest.mark.parametrize("command", ["stop", "wait"])
def test_whom_a_command_means_is_known_before_it_ends(
    command: str,
    registry: Registry,
    reaps: reaper.Reaper,
    make: Callable[..., Container],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The record of one with `--rm` goes at its end: it was found no more, and the status was 125."""
    engine: Any = SimpleNamespace(registry=registry, reaper=reaps, say=lambda text: None)
    for turn in range(10):
        log = ContainerLog(tmp_path / f"{turn}.log", lambda: None, lambda text: None)
        one = make("brief", "sleep", "1000", log=log, settings={"remove": True})
        other = make("other", "sleep", "0.1")
        log.publish()
        log.start()
        for each in (one, other):
            reaps.watch(each)
        guardian.guard(engine, one, 0, remove=True)
        asked: Any = Asked()
        if command == "stop":
            stop.stop(engine, stop.StopRequest(("brief",)), asked)
            assert (asked.status, asked.lines) == (0, [b"brief stopped by SIGTERM\n"])
        else:

            def known(*told: Any, one: Container = one) -> dict[str, Container]:
                found = present(*told)
                one.send(signal.SIGKILL)
                assert one.removed.wait(SOON)  # its record is gone before its turn comes
                return found

            with monkeypatch.context() as patch:
                patch.setattr(wait, "present", known)
                wait.wait(engine, IdsRequest(("other", "brief")), asked)
            assert (asked.status, asked.lines) == (0, [b"0\n", b"137\n"])
        assert one.removed.wait(SOON)
        assert other.exited.wait(SOON)
        asked.close()
        if command == "stop":
            other.send(signal.SIGKILL)


def test_ctrl_c_is_heard_while_output_is_behind(make: Callable[..., Container], tmp_path: Path) -> None:
    """Also by a client that takes nothing at all."""
    log = ContainerLog(tmp_path / "x.log", lambda: None, lambda text: None)
    container = make("x", "sh", "-c", "head -c 8000000 /dev/zero; exec sleep 1000", log=log)
    log.publish()
    log.start()
    ours, theirs = socket.socketpair()
    heard = threading.Event()
    reader = Reader(log, APART)
    reply = Reply(ours, RawRequest(b"/", ()))

    def work() -> None:
        with suppress(ConnectionError):  # the client is gone
            follow(container, reader, reply, hear=lambda word: heard.set())

    follower = threading.Thread(target=work, daemon=True)
    follower.start()
    theirs.sendall(b"\2")
    assert heard.wait(SOON)
    theirs.close()
    follower.join(SOON)
    assert not follower.is_alive()
    reader.close()
    ours.close()
    container.send(signal.SIGKILL)
    assert log.join(SOON)


@pytest.mark.parametrize("kind", ["pipe", "descriptor", "device"])
def test_variables_come_from_a_file_and_nothing_else(kind: str, tmp_path: Path) -> None:
    """A pipe held up the worker, and the shutdown, for ever; /dev/fd/N is the supervisor's own, not the client's."""
    os.mkfifo(tmp_path / "pipe")
    reading, writing = os.pipe()
    path = {"pipe": str(tmp_path / "pipe"), "descriptor": f"/dev/fd/{reading}", "device": "/dev/zero"}[kind]
    os.write(writing, b"OUTPUT=of another container\n")
    with pytest.raises(EngineError, match="cannot be read: it is not a regular file"):
        list(start_options.read_variables(path))
    assert os.read(reading, 100) == b"OUTPUT=of another container\n"
    os.close(reading)
    os.close(writing)


def test_a_request_that_never_ends_does_not_hold_up_the_shutdown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "FAREWELL", 0.1)
    monkeypatch.setattr(control, "PATIENCE", 0.1)
    said: list[str] = []
    inside, release = threading.Event(), threading.Event()

    def handle(request: RawRequest, reply: Reply) -> None:
        inside.set()
        release.wait(SOON)

    one = Control(Place(tmp_path, tmp_path), handle, said.append)
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(os.fspath(one._path))
        client.sendall(encode_request(RawRequest(b"/", (b"ps",))))
        assert inside.wait(SOON)
        one.close()
        began = time.monotonic()
        one.join()
    assert time.monotonic() - began < SOON / 2
    assert said == ["1 requests wait inside the kernel, and are left"]
    release.set()


def test_nobody_who_listens_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that was stopped with Ctrl-S, a pipe that is not read."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.write(writing, b"x" * 4096)
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(fileno=lambda: writing))
    saying = threading.Thread(target=beginning.say, args=("lost",), daemon=True)
    saying.start()
    saying.join(SOON)
    assert not saying.is_alive()
    assert os.read(reading, 8192) == b"x" * 4096
    beginning.say("heard " + "y" * 9000)
    assert os.read(reading, 4096).startswith(b"heard ")
    os.close(reading)
    os.close(writing)


def test_a_number_that_is_another_containers_by_now(
    registry: Registry, make: Callable[..., Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look of epoll tells of the end of A and of its memory; A's descriptors go, and B has one of the numbers."""
    one = reaper.Reaper(registry, lambda text: None)
    a, c = make("a", "true"), make("c", "true")
    living: list[Container] = []
    memory, _ = os.pipe()
    remove = reaper._remove_cgroup

    def removed(container: Container) -> bool:
        if container is a and not living:
            b = make("b", "sleep", "1000")
            os.dup2(b.pidfd, memory)
            b.attach(memory)
            living.append(b)
            one.watch(b)
        return remove(container)

    monkeypatch.setattr(reaper, "_remove_cgroup", removed)
    os.waitid(os.P_PIDFD, a.pidfd, os.WEXITED | os.WNOWAIT)
    one.watch(a)

    class Both:
        """What epoll would report at once, in this order: the end of A, then its memory."""

        def __init__(self, real: Any) -> None:
            self._real, self._first = real, True
            self.register, self.unregister, self.close = real.register, real.unregister, real.close

        def poll(self, timeout: float | None) -> list[tuple[int, int]]:
            if self._first:
                self._first = False
                return [(a.pidfd, select.EPOLLIN), (memory, select.EPOLLPRI | select.EPOLLERR)]
            return list(self._real.poll(timeout))

    monkeypatch.setattr(one, "_poll", Both(one._poll))
    one.start()
    one.watch(c)
    assert a.exited.wait(SOON)
    assert c.exited.wait(SOON), "the reaper waits for B"
    living[0].send(signal.SIGKILL)
    assert living[0].exited.wait(SOON)
    one.stop()


def test_at_the_end_the_reaper_waits_and_does_not_spin(
    registry: Registry, make: Callable[..., Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = reaper.Reaper(registry, lambda text: None)
    last = make("last", "sleep", "0.5")
    one.watch(last)
    rounds: list[int] = []
    attend = one._attend
    monkeypatch.setattr(one, "_attend", lambda *told: (rounds.append(1), attend(*told)))
    one.start()
    one.stop()
    assert last.exited.is_set() and len(rounds) < 10


def test_whoever_starts_the_supervisor_may_ignore_sigchld() -> None:
    """The kernel would reap the containers then, and every one of them run for ever."""
    script = """import os, signal
from supervisor.__main__ import supervise
os.geteuid = lambda: 1
try:
    supervise("/")
except Exception as error:
    print(error, signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL)"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )
    assert "only root may" in done.stdout and "True" in done.stdout


def test_a_socket_that_cannot_be_made_ends_the_supervisor(tmp_path: Path, registry: Registry) -> None:
    """The interpreter waits for threads that are no daemons, here for ever, and with all signals blocked."""
    (tmp_path / "engine.sock").mkdir()
    with pytest.raises(IsADirectoryError):
        Control(Place(tmp_path, tmp_path), lambda request, reply: None, lambda text: None)
    assert reaper.Reaper(registry, lambda text: None)._thread.daemon


def test_two_first_starts_open_one_monitor(monkeypatch: pytest.MonkeyPatch, registry: Registry) -> None:
    """The reaper hears one; what comes to another would wake it without end."""
    opened: list[Any] = []
    second = threading.Event()

    def opening() -> Any:
        opened.append(SimpleNamespace(version=2, descriptor=os.eventfd(0)))
        second.wait(0.3)  # as far as a lock lets another one come
        second.set()
        return opened[-1]

    engine = object.__new__(Engine)
    engine.monitor, engine.say, engine._finding = None, lambda text: None, threading.Lock()
    engine.reaper = reaper.Reaper(registry, lambda text: None)
    monkeypatch.setattr(lifecycle.Monitor, "open", opening)
    finders = [threading.Thread(target=engine._find_monitor, daemon=True) for _ in range(2)]
    for finder in finders:
        finder.start()
    for finder in finders:
        finder.join(SOON)
    assert len(opened) == 1 and engine.monitor is opened[0]


def test_what_cannot_go_on_for_want_of_a_descriptor_stays_paused(
    registry: Registry, make: Callable[..., Container], monkeypatch: pytest.MonkeyPatch
) -> None:
    container = make("ice", "sleep", "1000", paused=True)

    def write(name: str, value: int) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(container, "cgroup", SimpleNamespace(write=write))
    with pytest.raises(EngineError, match="cannot go on yet: Too many open files"):
        freezer.thaw(registry, container)
    assert container.record.paused
    assert [event.kind for event in registry.events.read(0)[0]] == ["unpause", "pause"]


def test_a_start_that_fails_holds_nobody_up(registry: Registry, make: Callable[..., Container]) -> None:
    """`stop` waits for the end of a start, which this is."""
    record = Record("x", "/x", (b"p",), 40 * MIB, 64 * MIB, 0, "", "")
    container = Container(record, Rootfs("/x", ((0, 1),)))
    withdraw = registry.admit(container)
    waiting = threading.Thread(target=stopping.settle, args=(registry, container), daemon=True)
    waiting.start()
    withdraw()
    waiting.join(stopping.PATIENCE / 2)
    assert not waiting.is_alive()


def test_a_cgroup_that_was_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    cgroups = object.__new__(Cgroups)
    cgroups._folder, cgroups._tag, cgroups._count = tmp_path, "tag", 0
    (tmp_path / "x-tag-1").mkdir()
    assert cgroups.create("x").path == tmp_path / "x-tag-2"
