"""Nice values that reach the scheduler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from grading.api import check, expect, look_until, scenario
from grading.api.engine import Engine
from grading.guest.observer import Observer
from grading.session import Session

ENOUGH_TICKS = 200
"""Two seconds of processor time (USER_HZ is 100): one tick more or less does not matter then."""

MARGIN = 8.6
"""Percentage points that the first may get less, or more: such a short time is not divided evenly."""

LEAST_PART = 0.5
"""The second gets at least this part of what the weights give it, also where that is less than the margin."""

MOST_TICKS = 800
"""Where the first gets too much, it is looked at for so long: of the 3 % that the weights may give the second, an
interruption of the whole guest takes as much as it has in two seconds."""


@dataclass(frozen=True)
class Shares:
    """Two hogs on one processor."""

    asked: tuple[int, int]
    """The nice values that the engine was told."""
    nice: tuple[int, int]
    ticks: tuple[int, int]

    @property
    def predicted(self) -> float:
        """The first one's share by the weights, of which each is 1.25 times the next; in percent."""
        return 100 / (1 + 1.25 ** (self.asked[0] - self.asked[1]))

    @property
    def measured(self) -> float:
        """The first one's share, in percent."""
        return 100 * self.ticks[0] / max(sum(self.ticks), 1)

    @property
    def most(self) -> float:
        """The most that the first may get, in percent: beyond, the second is starved."""
        return self.predicted + min(MARGIN, LEAST_PART * (100 - self.predicted))


@scenario(exclusive=True)
def shares(engine: Engine, observer: Observer, graded: Session) -> Shares:
    """Two nice values, both bound to one processor; measured by the kernel's own accounts.

    They are the student's own where it is known whose work it is, else -5 and 10.
    """
    own: Mapping[str, str | int] = graded.own("08")
    asked = int(own.get("nice_fast", -5)), int(own.get("nice_slow", 10))
    hogs = (
        engine.start("burn 600", name="fast", nice=asked[0]),
        engine.start("burn 600", name="slow", nice=asked[1]),
    )
    processes = []
    for hog in hogs:
        process = hog.await_running()
        observer.run("taskset", "-p", "1", str(process.pid))
        processes.append(process)

    def ticks() -> tuple[int, int]:
        told = (observer.proc(f"{each.pid}/stat") for each in processes)
        first, second = (sum(map(int, text.rpartition(")")[2].split()[11:13])) for text in told)
        return first, second  # utime and stime of proc_pid_stat(5)

    begin = ticks()

    def seen() -> Shares:
        end = ticks()
        return Shares(asked, asked, (end[0] - begin[0], end[1] - begin[1]))

    def is_enough(so_far: Shares) -> bool:
        wanted = ENOUGH_TICKS if so_far.measured < so_far.most else MOST_TICKS
        return sum(so_far.ticks) >= wanted

    found = look_until(seen, is_enough, 20)
    found = replace(found, nice=(hogs[0].await_running().nice, hogs[1].await_running().nice))
    for hog in hogs:
        engine.stop(hog.id)
        hog.kill()  # what goes on would hold up all that follows
    graded.measured["share_fast"] = round(found.measured, 1)
    return found


@check("scheduling", needs=["containers.starts"], hint="setpriority() or nice() in the child, before exec.")
def test_nice_reaches_the_process(shares: Shares) -> None:
    """The container's process has the nice value that was asked for."""
    expect(shares.nice == shares.asked, f"{shares.asked[0]} and {shares.asked[1]}", shares.nice)


@check(
    "scheduling",
    points=2,
    needs=["containers.starts"],
    hint="Weights of -5 and 10 are 3121 and 110: 96.6 % of one processor for the first.",
)
def test_shares_follow_the_weights(shares: Shares) -> None:
    """On one processor, the smaller nice value gets more of the time, as the weights say, and no more than that.

    The scheduler's weights for -5 and 10 are 3121 and 110 (kernel/sched/core.c), so 96.6 % and 3.4 %.
    """
    expect(
        shares.predicted - MARGIN < shares.measured < shares.most,
        f"about {shares.predicted:.0f} % for nice {shares.asked[0]} beside nice {shares.asked[1]}",
        f"{shares.measured:.1f} %",
    )
