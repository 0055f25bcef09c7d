"""Rude clients and hard times: each with a supervisor that lives through it, or ends in order."""

from __future__ import annotations

import random
import signal
from contextlib import suppress
from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.engine import Engine
from grading.guest.observer import GuestError, Observer
from grading.guest.records import Finished
from grading.session import Session

PROMPT = 10.0
"""Seconds on a fast machine in which a client must be answered whatever others do."""


def answers(engine: Engine) -> Finished:
    """`ps`, which must be answered."""
    done = engine("ps", timeout=PROMPT)
    expect(
        done.code == 0 and not done.timed_out,
        "`ps` is answered",
        f"status {done.code}{' after the time limit' if done.timed_out else ''}: {done.error_text[-300:]}",
    )
    expect(engine.supervisor_lives, "the supervisor lives", "it has ended")
    return done


def a_socket(engine: Engine) -> tuple[str, int]:
    """The control socket's path and type, found in the kernel's tables."""
    found = [(path, kind) for path, kind in engine.sockets.items() if engine.observer.stat(path)]
    expect(found, "a UNIX socket on which the supervisor takes requests", "none in /proc/net/unix")
    return found[0]


@check(
    "robustness",
    points=2,
    stage="alone",
    needs=["containers.starts"],
    hint="accept() in one thread, read() in another; or poll, and never wait for one client.",
)
def test_silent_client(engine: Engine, observer: Observer) -> None:
    """A client that connects and says nothing holds up nobody."""
    silent = [observer.connect(*a_socket(engine)) for _ in range(3)]
    try:
        answers(engine)
    finally:
        for handle in silent:
            handle.close()


@check(
    "robustness",
    stage="alone",
    needs=["containers.starts"],
    hint="Look at what was read before you believe it; a length is only a number.",
)
def test_malformed_request(engine: Engine, observer: Observer, graded: Session) -> None:
    """Bytes that are no request disturb nobody."""
    noise = random.Random(graded.seed)
    address = a_socket(engine)
    for content in (noise.randbytes(3000), b"\0" * 300, b"\xff" * 64, b"start\n", b"A" * 5000):
        handle = observer.connect(*address)
        with suppress(GuestError):  # it may have hung up already
            handle.send(content, last=True)
        handle.close()
    answers(engine)


@check(
    "robustness",
    stage="alone",
    needs=["containers.starts"],
    hint="read() gives what there is; gather until it is whole, or the other side has gone.",
)
def test_half_a_request(engine: Engine, observer: Observer) -> None:
    """A client that vanishes in the middle of its request disturbs nobody."""
    address = a_socket(engine)
    for content in (b"s", b"bx", b"\1\0\0"):
        handle = observer.connect(*address)
        handle.send(content)
        handle.close()
    answers(engine)


@check(
    "robustness",
    stage="alone",
    needs=["containers.starts"],
    hint="listen() has a backlog; a mutex guards the table of containers.",
)
def test_many_clients_at_once(engine: Engine) -> None:
    """A dozen clients at once are all answered."""
    jobs = [engine.begin("ps") for _ in range(12)]
    ended = [job.wait() for job in jobs]
    codes = [each.code if each else None for each in ended]
    expect(codes == [0] * 12, "status 0 for each", codes)


@check(
    "robustness",
    stage="alone",
    needs=["control.run_returns_the_exit_code"],
    hint="Writing to a client that has gone is EPIPE, and SIGPIPE unless it is ignored.",
)
def test_vanished_run_client(engine: Engine) -> None:
    """A `run` client that is killed takes neither its container nor the supervisor with it."""
    container = engine.begin_run("sleep 600", name="left")
    container.await_running()
    assert container.job is not None
    container.job.signal(signal.SIGKILL)
    container.job.wait(5)
    answers(engine)
    expect(container.processes, "the container lives on", "it is gone")
    stopped = engine.stop(container.id)
    expect(stopped.code == 0 and container.await_gone(8), "it can be stopped", f"status {stopped.code}")
    answers(engine)


@check(
    "robustness",
    stage="alone",
    needs=["containers.starts"],
    hint="close() on every path, that of an error too.",
)
def test_descriptors_do_not_grow(engine: Engine) -> None:
    """Requests and containers leave no descriptor behind in the supervisor."""

    def round_of_requests() -> None:
        for _ in range(5):
            engine("ps")
            engine("stop", "nobody-here")
        for _ in range(3):
            engine.start("exit 0", name="fd", running=False).await_gone(5)

    round_of_requests()
    wait_until(lambda: False, 0.3)  # what belongs to the last container is closed a moment later
    before = engine.descriptor_count()
    round_of_requests()
    round_of_requests()
    wait_until(lambda: engine.descriptor_count() <= before, 3)
    after = engine.descriptor_count()
    expect(after <= before + 1, f"about as many as before, {before}", after)


@check(
    "robustness",
    level=2,
    stage="alone",
    needs=["containers.starts"],
    hint="A lock that the kernel lets go of: flock(), or the socket answers.",
)
def test_second_supervisor_refuses(engine: Engine, observer: Observer) -> None:
    """A second supervisor refuses to start while one lives."""
    engine("ps")
    second = observer.run(*engine.words, "supervisor", engine.base, folder=engine.folder, timeout=5)
    expect(
        second.code != 0 and not second.timed_out,
        "a message and a status other than 0",
        f"{second.code}{' after the time limit' if second.timed_out else ''}",
    )
    expect(second.error_text.strip(), "words on standard error", "none")
    answers(engine)


@dataclass(frozen=True)
class Orphaned:
    """What came of a supervisor's death by SIGKILL."""

    gone: bool
    restarted: bool
    why: str


@scenario
def orphaned(engine: Engine) -> Orphaned:
    """Kill the supervisor under two containers; then start another."""
    containers = [engine.start("stubborn NONCE", name="orphan"), engine.start("sleep 600", name="orphan")]
    engine.stop_supervisor(signal.SIGKILL)
    gone = all(container.await_gone(5) for container in containers)
    for container in containers:
        for process in container.processes:
            engine.observer.signal(process.pid, 9, start=process.start)
    try:
        engine.start_supervisor()
        engine.start("exit 0", name="again", running=False)
    except AssertionError as error:
        return Orphaned(gone, False, str(error))
    return Orphaned(gone, True, "")


@check(
    "teardown",
    level=2,
    points=2,
    stage="alone",
    needs=["containers.starts"],
    hint="prctl(PR_SET_PDEATHSIG, SIGKILL) in the child, and look whether the parent is still there.",
)
def test_no_container_outlives_its_supervisor(orphaned: Orphaned) -> None:
    """If the supervisor dies by SIGKILL, its containers die with it."""
    expect(orphaned.gone, "no process of its containers is left", "some are")


@check(
    "robustness",
    level=2,
    stage="alone",
    needs=["containers.starts"],
    hint="Nobody answers on a stale socket: unlink it, then bind().",
)
def test_stale_socket_is_taken_over(orphaned: Orphaned) -> None:
    """After a supervisor that was killed, the next one starts and works."""
    expect(orphaned.restarted, "a supervisor that answers and starts containers", orphaned.why)
