"""A container that is paused stands still, and goes on afterwards."""

from __future__ import annotations

from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.engine import Engine
from grading.guest.observer import Observer
from grading.guest.records import Finished

HALF_A_SECOND = 50
"""Ticks of processor time (USER_HZ is 100)."""


@dataclass(frozen=True)
class Held:
    """One of two hogs, paused and let go on."""

    paused: Finished
    ticks: int
    """That it had while the other had half a second."""
    unpaused: Finished
    goes_on: bool


@scenario
def held(engine: Engine, observer: Observer) -> Held:
    """Two hogs, of which one is paused until the other has worked for half a second."""
    still, other = engine.start("burn 600", name="still"), engine.start("burn 600", name="other")
    pids = still.await_running().pid, other.await_running().pid

    def ticks() -> tuple[int, int]:
        now = {each.pid: each.cpu_ticks for each in observer.processes()}
        return now.get(pids[0], -1), now.get(pids[1], -1)

    paused = engine("pause", still.id)
    begin = ticks()
    wait_until(lambda: ticks()[1] - begin[1] >= HALF_A_SECOND, 20)
    end = ticks()
    unpaused = engine("unpause", still.id)
    goes_on = wait_until(lambda: ticks()[0] - end[0] >= HALF_A_SECOND // 5, 20)
    for hog in (still, other):
        engine.stop(hog.id)
    return Held(paused, end[0] - begin[0], unpaused, bool(goes_on))


@check(
    "control", points=2, level=2, beyond=True, needs=["containers.starts"],
    hint="cgroup.freeze of the container's cgroup; cgroup.events tells when all of it stands still.",
)  # fmt: skip
def test_pause_holds_a_container(held: Held) -> None:
    """When `pause` has been answered, the container has no processor time any more.

    Whoever copies its files then relies on it.
    """
    expect(held.paused.code == 0, "`engine pause` succeeds", held.paused.error_text)
    # The kernel divides its exact account into user and system time: one tick may move.
    expect(abs(held.ticks) <= 1, "no processor time while it is paused", f"{held.ticks} ticks of 10 ms")


@check(
    "control", level=2, beyond=True, needs=["control.pause_holds_a_container"],
    hint="A 0 in cgroup.freeze lets it go on.",
)  # fmt: skip
def test_unpause_lets_it_go_on(held: Held) -> None:
    """After `unpause` the container works on."""
    expect(held.unpaused.code == 0, "`engine unpause` succeeds", held.unpaused.error_text)
    expect(held.goes_on, "processor time again", "none")
