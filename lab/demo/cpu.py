"""Demonstration 7: nice -5 against nice 10 on one processor, beside what the weights predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.demo.facts import Unreadable, fields
from lab.demo.model import Condition, Evidence, Figure, Verdict
from lab.demo.stage import NICE_ALPHA, NICE_BETA, PINNED_CPU, Stage

WEIGHTS: Mapping[int, int] = {NICE_ALPHA: 3121, NICE_BETA: 110}
"""sched_prio_to_weight of kernel/sched/core.c, for the two nice values. A step of one is a
factor of 1.25; CFS and EEVDF both give processor time in proportion to the weights."""

STEP = 1.25
TOLERANCE_STEPS = 2
"""How many nice steps the measured ratio may be off; between the two hogs lie fifteen.

What disturbs it: an emulated processor that the host sets aside goes on being counted for
whoever held it. If beta did for 150 ms, it is in debt, and gets nothing for the four
seconds in which alpha is paid back. So the window begins where the hogs do: debt and
payment then both lie in it, but for the last. Seen on a host with a load of five to a
processor: 0.01 to 0.15 steps, and 0.9 and 2.6 in windows of 10 s that began later."""

WINDOW_SECONDS = 15.0
"""At least. Beta is due 510 ms of it."""

LEAST_USE = 0.5
"""Of one processor, by both together: less, and something else had it, so nothing was shown."""
MOST_USE = 1.1
"""More, and they were not on one processor."""


@dataclass(frozen=True)
class Shares:
    """Processor time of the two hogs over a window."""

    times: Sequence[float]
    """Seconds since the window began."""
    alpha: Sequence[float]
    """Seconds of processor time since then, as for beta."""
    beta: Sequence[float]

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.times[-1]

    @property
    def share(self) -> float:
        """Of the time both got, how much beta got: 0 to 1."""
        return self.beta[-1] / (self.alpha[-1] + self.beta[-1])

    @property
    def use(self) -> float:
        """How much of one processor both got together."""
        return (self.alpha[-1] + self.beta[-1]) / self.seconds


def predicted_share() -> float:
    """The share of beta that the weights predict."""
    return WEIGHTS[NICE_BETA] / sum(WEIGHTS.values())


def steps_off(shares: Shares) -> float:
    """By how many nice steps the measured ratio of processor times differs from the weights' ratio."""
    from math import inf, log

    if min(shares.alpha[-1], shares.beta[-1]) <= 0:
        return inf
    measured = shares.alpha[-1] / shares.beta[-1]
    return log(measured / (WEIGHTS[NICE_ALPHA] / WEIGHTS[NICE_BETA]), STEP)


def show_shares(stage: Stage) -> tuple[Verdict, tuple[Figure, ...]]:
    """Read what was measured since both hogs have been there."""
    hogs = stage.hogs()
    stage.recall(stage.hogs_started)
    processors = int(stage.show("nproc").text)
    pids = (hogs.alpha.pid or 0, hogs.beta.pid or 0)
    affinity = stage.show(f"grep -H Cpus_allowed_list /proc/{pids[0]}/status /proc/{pids[1]}/status").text
    stage.show(f"ps -o pid,ni,psr,pcpu,args -p {pids[0]},{pids[1]}")
    stage.audience.runs(f"measuring processor time for at least {WINDOW_SECONDS:.0f} s")
    stage.until(
        "the processor time was not measured",
        lambda: _seconds(stage.look(f"tail -n 1 {stage.cpu_output}")) >= WINDOW_SECONDS,
        WINDOW_SECONDS + 15,
    )
    rows = stage.look(f"cat {stage.cpu_output}")
    stage.add(Evidence(stage.cpu_command, rows, 0, 0))
    shares = read_shares(rows)
    from lab.demo.plots import cpu_figure

    return judge_shares(shares, affinity, processors), (cpu_figure(shares),)


def _seconds(row: str) -> float:
    """The first number of a row; 0 where it is the heading, or nothing yet."""
    try:
        return float(row.split()[0])
    except (IndexError, ValueError):
        return 0.0


def read_shares(text: str) -> Shares:
    """What `guest/cpu.py` printed, of alpha and beta."""
    try:
        rows = [[float(word) for word in line.split()] for line in text.splitlines()[1:]]
        times, alpha, beta = zip(*rows, strict=True)
    except ValueError as error:
        raise Unreadable("the processor time was not measured") from error
    if times[-1] <= 0 or alpha[-1] + beta[-1] <= 0:
        raise Unreadable("the measurement of processor time broke off")
    return Shares(times, alpha, beta)


def judge_shares(shares: Shares, affinity: str, processors: int) -> Verdict:
    """Whether the processor was shared as the weights say.

    Args:
        shares: what was measured.
        affinity: Cpus_allowed_list of both, as in /proc/PID/status.
        processors: how many the guest has.
    """
    off = steps_off(shares)
    return Verdict(
        (
            Condition(
                f"both are allowed on processor {PINNED_CPU} and no other (the guest has {processors})",
                fields(affinity, "Cpus_allowed_list") == [str(PINNED_CPU)] * 2,
            ),
            Condition(
                f"together they got {shares.use:.2f} of one processor (from {LEAST_USE} to {MOST_USE})",
                LEAST_USE <= shares.use <= MOST_USE,
            ),
            Condition(
                f"the ratio of their shares is {off:+.2f} nice steps off the weights' (at most {TOLERANCE_STEPS})",
                abs(off) <= TOLERANCE_STEPS,
            ),
        ),
        f"alpha (nice {NICE_ALPHA}) got {1 - shares.share:.1%} and beta (nice {NICE_BETA}) {shares.share:.1%}; "
        f"the weights {WEIGHTS[NICE_ALPHA]} : {WEIGHTS[NICE_BETA]} predict {1 - predicted_share():.1%} and "
        f"{predicted_share():.1%}.",
        f"{1 - shares.share:.1%} to {shares.share:.1%}",
    )
