"""`run` waits, returns what the container returned, and can be told to end."""

from __future__ import annotations

import signal
from contextlib import suppress
from dataclasses import dataclass, field

from grading.api import check, expect, only_waiting, scenario, wait_until
from grading.api.allowance import BEARS
from grading.api.container import Container, await_told
from grading.api.engine import Engine
from grading.api.listing import Listing
from grading.guest.observer import GuestError, Observer
from grading.guest.records import Finished

LONG_SECONDS = 5
"""The life of a container that is waited for: so long that a busy host does not hide who went before its end."""

PATIENT_SECONDS = 10.0
"""For an answer that did not come within that life."""

TICKS = 100
"""Of a process's start in proc_pid_stat(5), in a second (USER_HZ)."""


@dataclass
class Returned:
    """What `run` returned of containers that ended by themselves."""

    codes: dict[int, Finished] = field(default_factory=dict)
    fault: Finished | None = None
    containers: list[Container] = field(default_factory=list)
    """Those that ended with a code."""
    listing: Listing | None = None
    """When all have returned."""


@scenario(containers=BEARS)  # `run` may hold up all others
def returned(engine: Engine) -> Returned:
    """Run containers that end in different ways."""
    found = Returned()
    for code in (0, 7):
        container, found.codes[code] = engine.run(f"exit {code}", name=f"code{code}")
        found.containers.append(container)
    _, found.fault = engine.run("die 11", name="fault")
    found.listing = await_told(engine, found.containers, 2)
    return found


@check(
    "metadata",
    needs=["control.run_waits"],
    needs_at_2=["control.run_returns_the_exit_code"],
    hint="Who waits for a child takes its status from everybody else: let one place reap, and tell the others.",
)
def test_end_of_a_run_is_told(returned: Returned) -> None:
    """`ps` tells that a container has ended for which `run` has waited."""
    assert returned.listing is not None
    for container in returned.containers:
        entry = returned.listing.entry(container.id)
        expect(
            returned.listing.ended(container.id),
            f"{container.id} has ended",
            entry or "`ps` does not list it",
        )


@dataclass
class Runs:
    """`run` of containers that live a while."""

    killed: Finished | None = None
    long: Finished | None = None
    early: bool = False
    """Whether the client of the long one was gone while its container still ran."""
    gone_at_end: bool = False
    waited: float = 0.0
    """Seconds from the start of the long one's process to the end of its client, by the guest's clock."""
    beside: Finished | None = None
    """`ps`, where it was answered while another `run` waited."""


@scenario(containers=BEARS, waits=LONG_SECONDS)  # `run` may hold up all others
def runs(engine: Engine, observer: Observer) -> Runs:
    """Wait for one that sleeps, and for one that is killed."""
    found = Runs()
    long = engine.begin_run(f"sleep {LONG_SECONDS}", name="long")
    assert long.job is not None
    process = long.await_running()
    asked = engine.begin("ps")
    only_waiting()
    while long.processes:
        found.beside = found.beside or asked.wait(0)
        if long.job.wait(0.05) is not None and long.processes:
            found.early = True
            break
    found.long = engine.await_return(long)
    found.gone_at_end = not long.processes
    found.waited = found.long.ended - process.start / TICKS
    # Not before: where no two `run` can wait at once, the long one would be the one that suffers.
    victim = engine.begin_run("sleep 600", name="victim")
    victim.await_running()
    if found.beside is None:  # a slow machine, or one that is held up: this one lives until it is killed
        asked = engine.begin("ps", timeout=PATIENT_SECONDS)
        found.beside = asked.wait(engine.paced(PATIENT_SECONDS))
    process = victim.init or victim.await_running()
    observer.signal(process.pid, 9, start=process.start)
    found.killed = engine.await_return(victim)
    return found


@check(
    "control",
    points=2,
    needs=["containers.starts"],
    hint="The supervisor's answer to `run` comes when the container has ended, with its status.",
)
def test_run_returns_the_exit_code(returned: Returned) -> None:
    """`run` ends with the container's exit code."""
    for code, done in returned.codes.items():
        expect(
            done.code == code and not done.timed_out,
            f"exit code {code}",
            f"{done.ending}: {done.text[-300:] + done.error_text[-300:]}",
        )


@check("control", needs=["control.run_returns_the_exit_code"], hint="128 + WTERMSIG(status).")
def test_run_returns_the_signal(runs: Runs, returned: Returned) -> None:
    """`run` ends with 128 + the signal, where one ended the container."""
    assert runs.killed is not None and returned.fault is not None
    for done, code, why in ((runs.killed, 137, "SIGKILL"), (returned.fault, 139, "SIGSEGV")):
        expect(done.code == code and not done.timed_out, f"{code} after {why}", done.ending)


@check(
    "control",
    needs=["containers.starts"],
    hint="Wait for the container, not for the request to be taken.",
)
def test_run_waits(runs: Runs) -> None:
    """`run` returns when its container has ended, and not before."""
    assert runs.long is not None
    expect(
        not runs.early and runs.waited >= LONG_SECONDS,
        "the client waits as long as the container lives",
        f"it was gone after {runs.waited:.1f} of {LONG_SECONDS} s",
    )
    expect(runs.gone_at_end and runs.long.code == 0, "it returns 0 at the end", runs.long.ending)


@check(
    "control",
    points=2,
    needs=["control.run_waits"],
    hint="A thread for each client, or one loop that waits for all of them.",
)
def test_run_holds_up_nobody(runs: Runs) -> None:
    """While one client waits in `run`, others are answered."""
    expect(
        runs.beside is not None and not runs.beside.timed_out, "`ps` is answered meanwhile", "it waits, too"
    )
    assert runs.beside is not None
    expect(runs.beside.code == 0, "status 0", runs.beside.code)


@dataclass(frozen=True)
class Interrupted:
    """`run`, told to end."""

    done: Finished | None
    too_early: bool
    """Whether the client was gone before it was told anything."""
    gone: bool
    entry: str
    reason: str
    waited: bool


@scenario(containers=BEARS)  # `run` may hold up all others
def interrupted(engine: Engine) -> dict[str, Interrupted]:
    """SIGINT and SIGTERM to a `run` that waits."""
    found = {}
    for name in ("INT", "TERM"):
        container = engine.begin_run("polite 5 NONCE", name=f"sig{name.lower()}")
        assert container.job is not None
        container.await_running()
        container.await_ready()
        too_early = container.job.wait(0) is not None
        if too_early:
            container.kill()
        else:
            with suppress(GuestError):  # it goes this very moment
                container.job.signal(getattr(signal, f"SIG{name}"))
        gone = container.await_gone(8)
        done = container.job.wait(8)
        listing = engine.ps()
        found[name] = Interrupted(
            done, too_early, gone, listing.entry(container.id), listing.reason(container.id),
            container.handled_sigterm(),
        )  # fmt: skip
        if not gone:  # it would not be otherwise the second time, and nobody asks
            break
    return found


@check(
    "control",
    points=2,
    needs=["control.run_waits", "control.run_holds_up_nobody", "control.stop_ends_a_container"],
    hint="The client's handler sends `stop`, and then goes on reading.",
)
def test_interrupted_run_stops_its_container(interrupted: dict[str, Interrupted]) -> None:
    """SIGINT or SIGTERM to `run` stops the container."""
    for name, each in interrupted.items():
        expect(not each.too_early, f"SIG{name} comes while the client waits", "it had ended already")
        expect(each.gone, f"SIG{name}: the container ends", "it goes on")
        expect(each.done is not None, f"SIG{name}: the client ends, too", "it waits for ever")


@check(
    "control",
    needs=["control.interrupted_run_stops_its_container", "control.run_returns_the_exit_code"],
    hint="EINTR is no end: read again.",
)
def test_interrupted_run_returns_the_final_status(interrupted: dict[str, Interrupted]) -> None:
    """After SIGINT or SIGTERM `run` waits on for the container's own status."""
    for name, each in interrupted.items():
        code = each.done.code if each.done else None
        allowed = (5,) if each.waited else (137, 143)
        expect(code in allowed, f"SIG{name}: {' or '.join(map(str, allowed))}, as the container ended", code)


@check("control", level=2, needs=["control.interrupted_run_stops_its_container"])
def test_interrupted_run_is_a_stop(interrupted: dict[str, Interrupted]) -> None:
    """What `run` was told to end has the reason `stopped`."""
    for each in interrupted.values():
        expect(each.reason == "stopped", "stopped", each.entry)


FIRST_CODE = 213
"""An exit code that is no day, no second, and no other number of a short entry of `ps`."""


@scenario
def reused(engine: Engine) -> tuple[Finished, Listing, str]:
    """An id used again after its container has ended."""
    first = engine.start(f"exit {FIRST_CODE}", name="again", running=False)
    wait_until(
        lambda: engine.ps().ended(first.id),
        10,
        "`ps` tells the first one's end",
        actual=lambda: engine.ps().text,
    )
    other = engine.new_rootfs()
    done = engine("run", first.id, other.path, engine.command(other, "exit 6"))
    return done, engine.ps(), first.id


@check("containers", level=2, needs=["metadata.end_is_told"], hint="The new record replaces the old.")
def test_id_may_be_used_again(reused: tuple[Finished, Listing, str]) -> None:
    """An id is free again once its container has ended."""
    done, listing, identifier = reused
    expect(done.code == 6, "the second container's exit code, 6", f"{done.code}: {done.error_text}")
    is_told = listing.has_number(identifier, FIRST_CODE)
    expect(not is_told, "one record, the new one", listing.entry(identifier))
