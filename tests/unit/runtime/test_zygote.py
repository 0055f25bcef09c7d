"""A new process that we have no means to watch: it is ended and reaped at once, whichever means is missing."""

from __future__ import annotations

import errno
import marshal
import os
import select
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from supervisor.commands.exec import ExecRequest, enter, invite
from supervisor.container import Spec
from supervisor.control import Reply
from supervisor.entering import HEAD
from supervisor.errors import EngineError
from supervisor.lifecycle import Engine
from supervisor.live import Container
from supervisor.protocol import RawRequest
from supervisor.records import MIB, Record
from supervisor.rootfs import find_rootfs
from supervisor.start_request import StartRequest
from supervisor.state import Place
from supervisor.zygote import Zygote

from tests.unit.runtime.conftest import descriptors, few_descriptors

PLENTY = 1 << 20


class FakeZygote:
    """The other end of the zygote's socket, with plain children: the tests' own user may make no namespaces.

    With its answer all but `room` of our descriptors are gone, as when others took them meanwhile.
    """

    def __init__(self) -> None:
        self.process = subprocess.Popen(["sleep", "300"])
        self.child = subprocess.Popen(["sleep", "300"])
        self.usher = subprocess.Popen(["true"])
        self.pidfd = os.pidfd_open(self.child.pid)
        self.room = PLENTY
        self.ours, self.theirs = socket.socketpair()
        self.full = ExitStack()
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self) -> None:
        """Answer one request, if one comes; end when the engine hangs up."""
        head, descriptors, _, _ = socket.recv_fds(self.theirs, HEAD, 8)
        if head:
            self.answer(head, descriptors)
            self.theirs.recv(1)
        self.process.kill()

    def answer(self, head: bytes, descriptors: list[int]) -> None:
        """Read the rest of a request, and say what came of it."""
        rest = int.from_bytes(head[1:], "little")
        while rest:
            rest -= len(self.theirs.recv(rest))
        for descriptor in descriptors:
            os.close(descriptor)
        if head[0] == 0:
            answer, rights = (self.child.pid, 0, ""), [self.pidfd]
        else:
            answer, rights = (self.child.pid, 0, "", self.usher.pid), []
            self.usher.returncode = 0  # the engine collects it
        if self.room < PLENTY:
            self.full.enter_context(few_descriptors(self.room))
        socket.send_fds(self.theirs, [marshal.dumps(answer)], rights)

    def recover(self) -> None:
        """There are descriptors again."""
        self.full.close()

    def is_reaped(self) -> bool:
        """Whether the child that was asked for has been ended and reaped."""
        try:
            os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            self.child.returncode = 0
            return True
        return False

    def close(self) -> None:
        """Give all back."""
        self.recover()
        self.thread.join(10)
        self.theirs.close()
        os.close(self.pidfd)
        for process in (self.child, self.usher):
            process.kill()
            process.wait()


class FullPoll:
    """An epoll that takes no more of what is registered; a real one does so at fs.epoll.max_user_watches."""

    def __init__(self, poll: select.epoll) -> None:
        self.poll, self.unregister, self.close = poll.poll, poll.unregister, poll.close

    def register(self, descriptor: int, events: int) -> None:
        """Refuse."""
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def zygote() -> Iterator[FakeZygote]:
    one = FakeZygote()
    yield one
    one.close()


@pytest.fixture
def engine(tmp_path: Path, zygote: FakeZygote, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """One without cgroups and monitor: the tests' own user may have none."""
    monkeypatch.setattr("supervisor.lifecycle.Cgroups.find", lambda tag: None)
    monkeypatch.setattr("supervisor.lifecycle.Monitor.open", lambda: None)
    (tmp_path / "logs").mkdir()
    (tmp_path / "root").mkdir()
    said: list[str] = []
    place = Place(tmp_path, tmp_path / "logs")
    one = Engine(place, Zygote(zygote.process.pid, zygote.ours, -1), said.append)
    yield one
    zygote.recover()
    complaints = list(said)
    one.shut_down()
    zygote.process.returncode = 0  # the reaper has collected it
    assert complaints == []


@pytest.mark.parametrize(("room", "full_poll"), [(0, False), (PLENTY, True)])
def test_a_container_that_cannot_be_watched(
    tmp_path: Path,
    engine: Engine,
    zygote: FakeZygote,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    full_poll: bool,
) -> None:
    """Its start fails in words, and nothing is left of it: no process, record, log or descriptor."""
    before = descriptors()
    zygote.room = room
    with monkeypatch.context() as patch:
        if full_poll:
            patch.setattr(engine.reaper, "_poll", FullPoll(engine.reaper._poll))
        with pytest.raises(EngineError, match=r"box cannot be started: (Too many open|No space left)"):
            engine.start(StartRequest("box", str(tmp_path / "root"), (b"true",)), "/")
    zygote.recover()
    assert zygote.is_reaped()
    assert engine.registry.all() == [] and not engine.reaper._containers
    assert not list((tmp_path / "logs").iterdir())
    assert descriptors() == before


@pytest.mark.parametrize(("room", "full_poll"), [(0, False), (1, False), (PLENTY, True)])
def test_a_guest_that_cannot_be_watched(
    tmp_path: Path,
    engine: Engine,
    zygote: FakeZygote,
    monkeypatch: pytest.MonkeyPatch,
    room: int,
    full_poll: bool,
) -> None:
    """Neither a pidfd, nor an eventfd for its end, nor the reaper: no guest is left that would outlive it."""
    record = Record("box", "/", (b"true",), 40 * MIB, 64 * MIB, 0, "", "", state="running")
    container = Container(record, find_rootfs(".", str(tmp_path)))
    before = descriptors()
    spec = Spec([b"true"], {}, "box", "/", (0, 0))
    zygote.room = room
    with subprocess.Popen(["sleep", "300"]) as first, ExitStack() as theirs:
        theirs.callback(first.kill)
        container.attach(os.pidfd_open(first.pid))
        null = os.open(os.devnull, os.O_RDWR)
        theirs.callback(os.close, null)
        with monkeypatch.context() as patch:
            if full_poll:
                patch.setattr(engine.reaper, "_poll", FullPoll(engine.reaper._poll))
            with pytest.raises(OSError, match=r"Too many open|No space left"):
                enter(engine, container, spec, (null, null, null), null, theirs)
        zygote.recover()
        container.detach()
    assert zygote.is_reaped()
    assert container.guests == [] and not engine.reaper._guests
    assert descriptors() == before


@pytest.mark.parametrize("room", range(8))
def test_exec_with_too_few_descriptors(tmp_path: Path, engine: Engine, room: int) -> None:
    """For /dev/null, three pipes and the container's pidfd: whichever is the first to fail, all are given back."""
    record = Record("box", "/", (b"true",), 40 * MIB, 64 * MIB, 0, "", "", state="running")
    container = Container(record, find_rootfs(".", str(tmp_path)))
    container.spec = Spec([b"true"], {}, "box", "/", (0, 0))
    container.attach(os.pidfd_open(os.getpid()))
    client, ours = socket.socketpair()
    with client, ours:
        reply, before = Reply(ours, RawRequest(b"/", ())), descriptors()
        too_many = pytest.raises(EngineError, match="no process can be started: Too many open files")
        with ExitStack() as kept, ExitStack() as given, few_descriptors(room), too_many:
            invite(engine, container, ExecRequest("box", (b"true",)), reply, kept, given)
        assert descriptors() == before
    container.detach()
