"""How `exec` attends to its process: what that writes is shown, whatever becomes of it on the way."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from supervisor.commands import exec as command
from supervisor.control import Reply
from supervisor.live import Guest
from supervisor.protocol import STDERR, STDOUT, RawRequest, frame
from supervisor.records import ExitStatus


class Attended:
    """A guest, its ends of its two pipes, and a client."""

    def __init__(self, stack: ExitStack) -> None:
        process = stack.enter_context(subprocess.Popen(["sleep", "300"]))
        stack.callback(process.kill)
        (self.out, self.stdout), (self.err, self.stderr) = (command.pipe(stack, stack) for _ in range(2))
        self.guest = Guest(process.pid, os.pidfd_open(process.pid), (b"sleep",))
        self.client, self.ours = socket.socketpair()
        stack.callback(self.client.close)
        stack.callback(self.ours.close)
        self.client.settimeout(10)
        self.statuses: list[ExitStatus] = []
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        reply = Reply(self.ours, RawRequest(b"/", ()))
        self.statuses.append(command.attend(self.guest, self.out, self.err, reply))

    def shown(self) -> bytes:
        """All that the client was sent, at the end."""
        self.thread.join(10)
        assert self.statuses == [ExitStatus(code=7)]
        self.guest.close()
        self.ours.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: self.client.recv(1 << 16), b""))


@pytest.fixture
def attended() -> Iterator[Attended]:
    with ExitStack() as stack:
        yield Attended(stack)


@pytest.fixture
def robbed(attended: Attended, monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Once somebody reads from standard output what was announced of it, before we do; set when that is done."""
    thief = os.open(f"/proc/self/fd/{attended.stdout}", os.O_RDONLY)
    real, done = command.pass_on, threading.Event()

    def pass_on(descriptor: int, most: int, show: Callable[[bytes], None]) -> int:
        if descriptor == attended.out and not done.is_set():
            os.read(thief, 100)
            os.close(thief)
            done.set()
        return real(descriptor, most, show)

    monkeypatch.setattr(command, "pass_on", pass_on)
    return done


def test_a_thief_at_the_pipe_stops_nobody(attended: Attended, robbed: threading.Event) -> None:
    """A process can read from its own pipe: what poll() announced is gone, and the rest is shown."""
    os.write(attended.stdout, b"stolen")
    attended.thread.start()
    assert robbed.wait(10)
    os.write(attended.stderr, b"kept")
    assert attended.client.recv(100) == frame(STDERR, b"kept")
    os.write(attended.stdout, b"kept as well")
    assert attended.client.recv(100) == frame(STDOUT, b"kept as well")
    attended.guest.finish(ExitStatus(code=7))
    assert attended.shown() == b""


def test_a_thief_at_the_end(attended: Attended, robbed: threading.Event) -> None:
    """One that was left behind takes what the last look found; the other stream is shown all the same."""
    os.write(attended.stdout, b"stolen")
    os.write(attended.stderr, b"kept")
    attended.guest.finish(ExitStatus(code=7))
    attended.thread.start()
    assert attended.shown() == frame(STDERR, b"kept")
    assert robbed.is_set()


def test_ctrl_c_is_heard_from_a_client_that_takes_nothing(attended: Attended) -> None:
    """What it was to be shown fills the socket, and then our pipe."""
    heard = threading.Event()
    attended.guest.send = lambda number: heard.set()  # type: ignore[method-assign]
    attended.thread.start()
    os.set_blocking(attended.stdout, False)
    poll = select.poll()
    poll.register(attended.stdout, select.POLLOUT)
    while poll.poll(500):
        os.write(attended.stdout, b"x" * select.PIPE_BUF)
    attended.client.sendall(b"\2")
    assert heard.wait(10)
    attended.client.close()
    attended.guest.finish(ExitStatus(code=7))
    attended.thread.join(10)
    assert attended.statuses == [ExitStatus(code=7)]
    attended.guest.close()
