"""The end of everything: the supervisor's, and the module's."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass

from grading.api import check, expect, look_until, scenario, wait_until
from grading.api.container import and_said
from grading.api.engine import Engine
from grading.api.starts import start_several
from grading.guest.observer import GuestError, Observer
from grading.guest.records import Finished
from grading.guest.vm import Guest
from grading.session import Session

END_SECONDS = 15.0
"""In which a supervisor ends, with a time of grace for its containers."""

DEAF_SECONDS = 6.0
"""The same, of one that went on after SIGTERM when it had no container."""

ASKED_SECONDS = 1.0
"""In which a supervisor that was told to end has asked its containers; that one has, its own files tell."""

LATE_SECONDS = 2.0
"""In which a client that is answered at all has its answer, and what it started runs."""

KEPT_SECONDS = 1.0
"""In which a line is in the log of one that goes on; an engine that writes it later does so in the end."""


@dataclass(frozen=True)
class Shutdown:
    """A supervisor that was asked to end while containers ran."""

    ended: Finished | None
    left: list[str]
    sockets_left: list[str]
    log: bytes | None
    """Of the polite one, from the file that held its first line; None where no such file was found."""
    last_words: bytes
    asked: bool
    zombies: list[str]
    said: str
    """What the supervisor printed."""


def zombies_of(guest: Guest) -> list[str]:
    """Processes that ended and that nobody has waited for."""
    return [f"{each.pid} {each.name}" for each in guest.newcomers() if each.state == "Z"]


def shut_down(
    engine: Engine, guest: Guest, number: int, *, hard_to_end: bool = True, seconds: float = END_SECONDS
) -> Shutdown:
    """Ask a supervisor with containers to end, and look at what stays.

    Args:
        engine: whose supervisor.
        guest: it is in.
        number: the signal.
        hard_to_end: also with containers that do not end on SIGTERM, which takes a time of grace.
        seconds: the most until it has ended.
    """
    observer = guest.observer
    if not engine.supervisor_lives:
        engine.start_supervisor()
    probes = {"polite": "polite 0 NONCE"}
    if hard_to_end:  # the second has no handler of its own, and is PID 1: see pid_namespaces(7)
        probes |= {"stubborn": "stubborn", "plain": "deaf"}
    polite, *_ = containers = [*start_several(engine, probes, running=probes).values()]
    word = f"{polite.rootfs.nonce} ready".encode()
    polite.await_ready()
    sockets = [path for path in engine.sockets if observer.stat(path)]
    paths = wait_until(lambda: polite.log_files(word), KEPT_SECONDS)
    ended = engine.stop_supervisor(number, seconds)
    wait_until(lambda: not any(each.processes for each in containers), 3)
    left = [f"{each.id}: {len(each.processes)}" for each in containers if each.processes]
    # What ended with its supervisor is PID 1's to reap, a moment later.
    zombies = look_until(lambda: zombies_of(guest), lambda found: not found, 2)
    paths = paths or polite.log_files(word)  # what was written all at once, at the end
    log = observer.read(paths[0]) if paths else None
    found = Shutdown(
        ended, left, [path for path in sockets if observer.stat(path)], log, f"{polite.rootfs.nonce} bye".encode(),
        polite.handled_sigterm(), zombies,
        and_said(engine.supervisors_words),
    )  # fmt: skip
    for each in containers:
        each.kill()
    if ended is None:
        engine.stop_supervisor(signal.SIGKILL)
    return found


@scenario
def terminated(engine: Engine, guest: Guest, graded: Session) -> Shutdown:
    """SIGTERM, as those have it that end when they are asked."""
    seconds = DEAF_SECONDS if graded.ignores_sigterm else END_SECONDS
    return shut_down(engine, guest, signal.SIGTERM, hard_to_end=False, seconds=seconds)


@scenario
def broken_off(engine: Engine, guest: Guest) -> Shutdown:
    """SIGINT, with some that do not end when they are asked.

    Apart from the others: a supervisor that waits for these for ever may put everything in order else.
    """
    return shut_down(engine, guest, signal.SIGINT)


@dataclass(frozen=True)
class LateStart:
    """A `start` that came while the supervisor was ending."""

    answer: Finished | None
    """None where no supervisor was left to be asked: all had ended at once."""
    ran: bool
    level: int


@scenario(containers=2)
def late_start(engine: Engine, observer: Observer) -> LateStart:
    """A client that comes while the supervisor, told to end, waits for a container that does not listen.

    Apart from the others: what is started after all may keep the supervisor from its end.
    """
    if not engine.supervisor_lives:
        engine.start_supervisor()
    supervisor = engine.supervisor
    assert supervisor is not None
    stubborn = engine.start("stubborn NONCE", name="stubborn")
    stubborn.await_ready()
    mark = f"{stubborn.rootfs.path}/term-{stubborn.rootfs.nonce}"
    with suppress(GuestError):  # it has ended by itself
        supervisor.signal(signal.SIGTERM)
    wait_until(lambda: observer.stat(mark) or not stubborn.processes, ASKED_SECONDS)

    def is_asleep() -> bool:
        states = {each.pid: each.state for each in observer.processes()}
        return states.get(supervisor.pid, "S") == "S"

    # It may ask its containers first and shut its door then; who waits for them has done both.
    wait_until(lambda: is_asleep() and is_asleep(), ASKED_SECONDS)
    if not stubborn.processes:
        engine.stop_supervisor(signal.SIGKILL)
        return LateStart(None, False, engine.level)
    late = engine.begin_start("view NONCE 600", name="late")
    client = late.client
    assert client is not None
    view = f"{late.rootfs.path}/view-{late.rootfs.nonce}"

    def runs() -> bool:
        return bool(late.processes) or observer.stat(view) is not None

    wait_until(lambda: runs() or client.wait(0), LATE_SECONDS)
    if (answer := client.wait(0)) and answer.code == 0:
        wait_until(runs, LATE_SECONDS)  # at level 1 it may be told before the program is executed
    ran = runs()
    stubborn.kill()  # the rest of its time of grace tells nothing
    supervisor.wait(LATE_SECONDS if ran else END_SECONDS)
    engine.stop_supervisor(signal.SIGKILL)
    found = LateStart(client.wait(), ran or runs(), engine.level)
    late.kill()
    return found


NEEDS = ["containers.starts"]


@check(
    "teardown",
    points=2,
    stage="alone",
    needs=NEEDS,
    hint="A handler that sets a flag or writes to a pipe; the loop sees it, unless SA_RESTART lets it wait on.",
)
def test_supervisor_ends_on_sigterm(terminated: Shutdown) -> None:
    """SIGTERM ends the supervisor in order, with status 0."""
    expect(terminated.ended is not None, "it ends", f"it goes on; the supervisor ran {terminated.said}")
    assert terminated.ended is not None
    expect(
        terminated.ended.code == 0,
        "status 0",
        f"{terminated.ended.code}: {terminated.ended.error_text[-500:]}",
    )


@check("teardown", stage="alone", needs=NEEDS, hint="The same handler.")
def test_supervisor_ends_on_sigint(broken_off: Shutdown) -> None:
    """SIGINT ends the supervisor in order, with status 0; also where a container does not listen to SIGTERM."""
    expect(broken_off.ended is not None, "it ends", f"it goes on; the supervisor ran {broken_off.said}")
    assert broken_off.ended is not None
    expect(
        broken_off.ended.code == 0,
        "status 0",
        f"{broken_off.ended.code}: {broken_off.ended.error_text[-500:]}",
    )


@check(
    "teardown", points=2, stage="alone", needs=NEEDS, hint="Stop every container, wait for each, then leave."
)
def test_no_container_stays(terminated: Shutdown, broken_off: Shutdown) -> None:
    """With the supervisor end all of its containers, stubborn ones too."""
    for seen in (terminated, broken_off):
        expect(not seen.left, "none", seen.left)
        # One that goes on may be held up by anything, and loses its points for that.
        if seen.ended is not None:
            expect(not seen.zombies, "no zombie either", seen.zombies)


@check(
    "teardown", stage="alone", needs=["teardown.supervisor_ends_on_sigterm"], hint="SIGTERM first, here too."
)
def test_containers_are_asked_to_end(terminated: Shutdown) -> None:
    """At the supervisor's end containers are asked before they are killed."""
    expect(terminated.asked, "the program's handler of SIGTERM has run", "it has not")


@check(
    "teardown",
    stage="alone",
    needs=["logs.output_is_kept", "teardown.containers_are_asked_to_end"],
    hint="Join the consumer after the producers, and let it empty the buffer first.",
)
def test_logs_are_flushed(terminated: Shutdown) -> None:
    """What containers write at their end is in their logs."""
    expect(terminated.log is not None, "a log file with what it wrote before", "none was found")
    expect(terminated.last_words in (terminated.log or b""), "its last words", (terminated.log or b"")[-300:])


@check("teardown", stage="alone", needs=["teardown.supervisor_ends_on_sigterm"], hint="unlink() it.")
def test_socket_is_removed(terminated: Shutdown) -> None:
    """The supervisor removes its socket."""
    expect(not terminated.sockets_left, "no socket", terminated.sockets_left)


@check(
    "teardown",
    stage="alone",
    needs=["teardown.supervisor_ends_on_sigterm"],
    hint="Shut the door before you stop the first container: close the listening socket, or refuse from then on.",
)
def test_no_new_requests(late_start: LateStart) -> None:
    """A supervisor that was told to end starts no container any more, also while it waits for another's end.

    What is started behind its back is in none of its lists: nobody stops it, and nobody waits for it.
    """
    expect(not late_start.ran, "nothing runs", "a container was started")
    if late_start.level == 2 and late_start.answer is not None:
        expect(late_start.answer.code != 0, "`start` fails", f"status 0: {late_start.answer.said}")
