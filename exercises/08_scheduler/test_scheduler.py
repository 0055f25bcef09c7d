"""Nice values that reach the scheduler."""

from __future__ import annotations

from dataclasses import dataclass

from grading.api import check, expect, scenario, wait_until
from grading.api.engine import Engine
from grading.guest.observer import Observer

ENOUGH_TICKS = 200
"""Two seconds of processor time (USER_HZ is 100): one tick more or less does not matter then."""


@dataclass(frozen=True)
class Shares:
    """Two hogs on one processor."""

    nice: tuple[int, int]
    ticks: tuple[int, int]


@scenario(exclusive=True)
def shares(engine: Engine, observer: Observer) -> Shares:
    """Nice -5 against nice 10, both bound to one processor; measured by the kernel's own accounts."""
    hogs = engine.start("burn 600", name="fast", nice=-5), engine.start("burn 600", name="slow", nice=10)
    processes = []
    for hog in hogs:
        process = hog.await_running()
        observer.run("taskset", "-p", "1", str(process.pid))
        processes.append(process)

    def ticks() -> tuple[int, int]:
        now = {each.pid: each.cpu_ticks for each in observer.processes()}
        return now[processes[0].pid], now[processes[1].pid]

    begin = ticks()
    wait_until(lambda: sum(ticks()) - sum(begin) >= ENOUGH_TICKS, 20)
    end = ticks()
    nice = tuple(each.nice for each in (hogs[0].await_running(), hogs[1].await_running()))
    for hog in hogs:
        engine.stop(hog.id)
    return Shares((nice[0], nice[1]), (end[0] - begin[0], end[1] - begin[1]))


@check("scheduling", needs=["containers.starts"], hint="setpriority() or nice() in the child, before exec.")
def test_nice_reaches_the_process(shares: Shares) -> None:
    """The container's process has the nice value that was asked for."""
    expect(shares.nice == (-5, 10), "-5 and 10", shares.nice)


@check(
    "scheduling",
    points=2,
    needs=["containers.starts"],
    hint="Weights of -5 and 10 are 3121 and 110: 96.6 % of one processor for the first.",
)
def test_shares_follow_the_weights(shares: Shares) -> None:
    """On one processor, nice -5 gets nearly all of the time beside nice 10.

    The scheduler's weights for -5 and 10 are 3121 and 110 (kernel/sched/core.c), so 96.6 % and 3.4 %.
    """
    total = sum(shares.ticks)
    expect(
        total > 0 and shares.ticks[0] / total > 0.88,
        "about 97 %",
        f"{100 * shares.ticks[0] / max(total, 1):.1f} %",
    )
