"""Rude clients: each with a supervisor that goes on answering the others."""

from __future__ import annotations

import errno
import random
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from grading.api import check, expect, wait_until
from grading.api.engine import PROMPT_SECONDS, Engine
from grading.api.sockets import ABSTRACT, in_pieces, open_files
from grading.guest.observer import GuestError, Handle, Observer
from grading.session import Session

POLL_SECONDS = 2.5
"""A client that does not wait to be told, but asks, asks more often than that."""

ANSWER_SECONDS = 1.0
"""For an answer to what is no request; there need not be one."""

UNANSWERED_SECONDS = 0.2
"""The same, of one that has left such a client without an answer before."""


def a_socket(engine: Engine) -> tuple[str, int]:
    """The control socket's path and type, found in the kernel's tables."""
    found = [
        (path, kind)
        for path, kind in engine.sockets.items()
        if path.startswith(ABSTRACT) or engine.observer.stat(path)
    ]
    expect(found, "a UNIX socket on which the supervisor takes requests", "none in /proc/net/unix")
    return found[0]


def connected(engine: Engine, address: tuple[str, int]) -> Handle:
    """A connection to the control socket; where its queue is full, as soon as there is room: a client waits, too."""

    def tried() -> Handle | None:
        try:
            return engine.observer.connect(*address)
        except GuestError as error:
            if error.errno != errno.EAGAIN:  # unix(7), connect(2)
                raise
            return None

    try:
        if (handle := wait_until(tried, PROMPT_SECONDS)) is not None:
            return handle
        raise GuestError(errno.EAGAIN, "its queue is full, and stays so")
    except GuestError as error:  # an earlier client has ended the supervisor, as SIGPIPE does
        ended = engine.supervisor and engine.supervisor.wait(0)
        expect(
            False, f"a supervisor that takes requests on {address[0]}",
            f"it has ended with status {ended.ending}" if ended else error.strerror or str(error),
        )  # fmt: skip
        raise


def is_connected(observer: Observer, pid: int) -> bool:
    """Whether a client has a socket open; false where it has gone."""
    return any(target.startswith("socket:") for _, target in open_files(observer, pid))


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """Let the supervisor do nothing meanwhile."""
    supervisor = engine.supervisor
    assert supervisor is not None
    with suppress(GuestError):  # if it has ended, its clients will say so
        supervisor.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(GuestError):
            supervisor.signal(signal.SIGCONT)


@check(
    "robustness",
    points=2,
    stage="alone",
    needs=["containers.starts"],
    hint="accept() in one thread, read() in another; or poll, and never wait for one client.",
)
def test_silent_client(engine: Engine) -> None:
    """A client that connects and says nothing holds up nobody."""
    address = a_socket(engine)
    silent = [connected(engine, address) for _ in range(3)]
    try:
        engine.answers()
    finally:
        for handle in silent:
            handle.close()


@check(
    "robustness",
    stage="alone",
    needs=["containers.starts"],
    hint="Look at what was read before you believe it; a length is only a number.",
)
def test_malformed_request(engine: Engine, graded: Session) -> None:
    """Bytes that are no request disturb nobody."""
    noise = random.Random(graded.seed)
    address, seconds = a_socket(engine), ANSWER_SECONDS
    for content in (noise.randbytes(3000), b"\0" * 300, b"\xff" * 64, b"start\n", b"A" * 5000):
        handle = connected(engine, address)
        with suppress(GuestError):  # it may have hung up already
            handle.send(content, last=True)
            handle.receive(seconds)  # one that goes at once is another check's
            if not handle.ended:
                seconds = UNANSWERED_SECONDS
        handle.close()
    engine.answers()


@check(
    "robustness",
    stage="alone",
    needs=["containers.starts"],
    hint="read() gives what there is; gather until it is whole, or the other side has gone. "
    "Writing to one that has gone is SIGPIPE.",
)
def test_half_a_request(engine: Engine) -> None:
    """A client that vanishes in the middle of its request disturbs nobody.

    The supervisor is held meanwhile: else an answer may come before the client has gone, or after.
    """
    address = a_socket(engine)
    for content in (b"s", b"bx", b"\1\0\0"):
        with held(engine):
            handle = connected(engine, address)
            with suppress(GuestError):  # it has ended: told below
                handle.send(content)
            handle.close()
    engine.answers()


@check(
    "robustness",
    level=2,
    points=2,
    stage="alone",
    needs=["containers.starts", "robustness.half_a_request"],
    hint="recv() gives what has come so far. Keep it, and look whether it is a whole request; only then obey.",
)
def test_request_in_pieces(engine: Engine) -> None:
    """A request that arrives in pieces is carried out when it is whole.

    A stream carries bytes, not messages. On an idle machine a short request comes in one piece; a long one, or one
    of a client that is interrupted, does not. Sockets that keep messages apart have no pieces.
    """
    path, kind = a_socket(engine)
    if kind != socket.SOCK_STREAM:
        return
    with in_pieces(engine.observer, path):
        container = engine.begin_start("sleep 600", name="pieces")
        engine.await_start(container, running=True)
    container.kill()
    engine.answers()


@check(
    "robustness",
    stage="alone",
    needs=["containers.starts"],
    needs_at_2=["robustness.half_a_request"],
    hint="listen() has a backlog; a mutex guards the table of containers.",
)
def test_many_clients_at_once(engine: Engine, observer: Observer) -> None:
    """A dozen clients at once are all answered.

    The supervisor is held until all of them wait for it: else the first are gone before the last have come.
    """
    with held(engine):
        jobs = [engine.begin("ps", timeout=3 * PROMPT_SECONDS) for _ in range(12)]

        def wait_for_it() -> bool:
            asleep = {each.pid for each in observer.processes() if each.state == "S"}
            return all(job.wait(0) is not None or job.pid in asleep for job in jobs)

        # Twice: one that reads its own program from the disk is asleep for a moment, too.
        wait_until(lambda: wait_for_it() and wait_for_it(), 6)
    ended = [job.wait() for job in jobs]
    codes = [each.code if each else None for each in ended]
    expect(codes == [0] * 12, "status 0 for each", codes)


@check(
    "robustness",
    stage="alone",
    needs=["control.run_waits", "control.run_holds_up_nobody"],
    hint="Writing to a client that has gone is EPIPE, and SIGPIPE unless it is ignored.",
)
def test_vanished_run_client(engine: Engine) -> None:
    """A `run` client that is killed takes neither its container nor the supervisor with it."""
    container = engine.begin_run("sleep 600", name="left")
    container.await_running()
    assert container.job is not None
    # The supervisor is held: a client that asks now and again has a request under way when it is killed.
    with held(engine):
        wait_until(partial(is_connected, engine.observer, container.job.pid), POLL_SECONDS)
        with suppress(GuestError):  # one that did not wait has gone by itself
            container.job.signal(signal.SIGKILL)
        container.job.wait(5)
    engine.answers()
    expect(container.processes, "the container lives on", "it is gone")
    stopped = engine.stop(container.id)
    expect(stopped.code == 0 and container.await_gone(8), "it can be stopped", f"status {stopped.code}")
    engine.answers()
