"""Rude clients and hard times: each with a supervisor that lives through it, or ends in order."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from grading.api import check, expect, scenario
from grading.api.container import await_all_gone
from grading.api.engine import Engine
from grading.api.starts import start_several
from grading.guest.observer import Observer


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
        second.refuses and not second.crashed,
        "a message and a status other than 0",
        second.ending,
    )
    expect(second.error_text.strip(), "words on standard error", "none")
    engine.answers()


@dataclass(frozen=True)
class Orphaned:
    """What came of a supervisor's death by SIGKILL."""

    gone: bool
    restarted: bool
    why: str


@scenario
def orphaned(engine: Engine) -> Orphaned:
    """Kill the supervisor under two containers; then start another."""
    probes = {"orphan": "stubborn", "other": "deaf"}
    containers = start_several(engine, probes, running=probes).values()
    engine.stop_supervisor(signal.SIGKILL)
    gone = await_all_gone(containers, 5)
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
    needs=["robustness.second_supervisor_refuses"],
    hint="Nobody answers on a stale socket: unlink it, then bind().",
)
def test_stale_socket_is_taken_over(orphaned: Orphaned) -> None:
    """After a supervisor that was killed, the next one starts and works."""
    expect(orphaned.restarted, "a supervisor that answers and starts containers", orphaned.why)
