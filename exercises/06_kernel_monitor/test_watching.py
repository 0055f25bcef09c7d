"""The kernel module alone, driven by our own ioctls: no engine has to work for this."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from dataclasses import dataclass

from grading.api import check, expect, only_waiting, scenario, wait_until
from grading.api.module import (
    REGISTER,
    UNREGISTER,
    WATCH_SECONDS,
    KernelLog,
    Line,
    Module,
    expect_registered,
    occasions,
    request,
    settle,
    tried,
)
from grading.guest.observer import GuestError
from grading.session import Session

MIB = 1 << 20
SMALL_SECONDS = 1.2
"""A monitor that looks once a second sees it before it grows."""

WAVE_SECONDS = 8.0
"""The most until `probe wave` has grown again."""

BUSY_SECONDS = 4.5
"""The least that a monitor has for a process that never sleeps: one that was killed soon was so by chance."""


@dataclass(frozen=True)
class Watched:
    """A process that grew past its soft limit and stayed below the hard one."""

    registered: tuple[int, int]
    identifier: str
    pid: int
    soft: list[Line]
    lives: bool
    hard: list[Line]
    registering: list[Line]
    soft_bytes: int


@scenario(waits=5)
def watched(module: Module, graded: Session) -> Watched:
    """Register one that then passes its soft limit twice."""
    return tried(
        lambda seconds: watch(module, seconds),
        lambda seen: seen.soft or refused(seen.registered),
        lambda: graded.scenarios.beside_each_other() and module.log.tells("SOFT LIMIT"),
    )


def watch(module: Module, seconds: float) -> Watched:
    """The same, once: looked at while it is small, when it has grown, small again, and when it has grown again."""
    holder = module.holder("wave 28")
    identifier = f"soft-{holder.pid}"
    with module.opened() as device:
        result, number, _ = device.ioctl(REGISTER, request(holder.pid, 12 * MIB, 200 * MIB, identifier))
        waits = not refused((result, number))
        only_waiting()
        settle(
            lambda: not module.log.about(identifier, holder.pid, what="SOFT LIMIT"),
            SMALL_SECONDS if waits else 0,
        )
        with suppress(GuestError):  # a wrong monitor may have killed it
            module.observer.signal(holder.pid, signal.SIGUSR1)
        warned = wait_until(
            lambda: module.log.about(identifier, holder.pid, what="SOFT LIMIT"), seconds if waits else 0
        )
        if warned:
            wait_until(lambda: b"again" in holder.job.output()[0] or not holder.lives(), WAVE_SECONDS)
        lives = settle(holder.lives, 1.2 if warned else 0)
        soft = module.log.about(identifier, holder.pid, what="SOFT LIMIT")
        hard = module.log.about(identifier, holder.pid, what="HARD LIMIT")
        registering = module.log.about(identifier, what="Registering")
        device.ioctl(UNREGISTER, request(holder.pid, 12 * MIB, 200 * MIB, identifier))
    holder.end()
    return Watched((result, number), identifier, holder.pid, soft, lives, hard, registering, 12 * MIB)


def refused(answer: tuple[int, int]) -> bool:
    """Whether an ioctl failed: there is nothing to wait for then, and nothing to try again."""
    return answer[0] < 0


@check(
    "soft",
    points=2,
    stage="before",
    half="monitor",
    needs=["build.monitor_loads"],
    hint="copy_from_user(), find the process, put an entry into the list, look at it periodically.",
)
def test_monitor_warns(watched: Watched, kernel_log: KernelLog) -> None:
    """A registered process that passes its soft limit is warned of in the kernel log."""
    expect_registered(watched.registered)
    kernel_log.expect(watched.soft, "SOFT LIMIT", watched.identifier, watched.pid)


@check("soft", stage="before", half="monitor", needs=["soft.monitor_warns"], hint="A flag in the entry.")
def test_monitor_warns_once(watched: Watched, graded: Session) -> None:
    """The warning comes once, however long the process stays above its limit, and however often it passes it."""
    warnings = watched.soft if graded.level == 2 else occasions(watched.soft)
    expect(len(warnings) == 1, "one warning", [line.text for line in watched.soft])


@check(
    "soft", stage="before", half="monitor", needs=["soft.monitor_warns"], hint="The soft limit only warns."
)
def test_monitor_lets_it_live(watched: Watched) -> None:
    """Above its soft limit and below the hard one a process lives on."""
    expect(
        watched.lives and not watched.hard,
        "a living process and no HARD LIMIT line",
        [line.text for line in watched.hard] or "it is gone",
    )


@check(
    "soft",
    level=2,
    stage="before",
    half="monitor",
    needs=["soft.monitor_warns"],
    hint="The contract has the lines, word for word.",
)
def test_monitor_lines_are_exact(watched: Watched) -> None:
    """Registration and warning are logged in the contract's words, with true numbers."""
    about = f"container={watched.identifier} pid={watched.pid}"
    registering = f"[container_monitor] Registering {about} soft={12 * MIB} hard={200 * MIB}"
    expect(
        [line.text for line in watched.registering] == [registering],
        registering,
        [line.text for line in watched.registering],
    )
    line = watched.soft[0]
    rss = line.number("rss") or 0
    expected = f"[container_monitor] SOFT LIMIT {about} rss={rss} limit={12 * MIB}"
    expect(
        line.text == expected and 12 * MIB < rss < 64 * MIB,
        "SOFT LIMIT container=… pid=… rss=… limit=12582912, with what it holds",
        line.text,
    )


@dataclass(frozen=True)
class Killed:
    """A process that passed its hard limit."""

    registered: tuple[int, int]
    code: int | None
    hard: list[Line]
    soft: list[Line]
    identifier: str
    pid: int
    limit: int


def kill(
    module: Module,
    name: str,
    probe: str,
    soft: int,
    hard: int,
    *,
    ready: bytes = b"",
    seconds: float = WATCH_SECONDS,
) -> Killed:
    """Register a process that will pass its hard limit, once it has said that it is ready; wait for its end."""
    holder = module.holder(probe)
    if ready:
        holder.await_output(ready)
    pid = holder.pid
    identifier = f"{name}-{pid}"
    with module.opened() as device:
        result, number, _ = device.ioctl(REGISTER, request(pid, soft * MIB, hard * MIB, identifier))
        done = holder.gone(0 if refused((result, number)) else seconds)
        hard_lines = module.log.about(identifier, pid, what="HARD LIMIT")
        soft_lines = module.log.about(identifier, pid, what="SOFT LIMIT")
        if done is None:
            device.ioctl(UNREGISTER, request(pid, soft * MIB, hard * MIB, identifier))
    holder.end()
    return Killed(
        (result, number), done.code if done else None, hard_lines, soft_lines, identifier, pid, hard * MIB
    )


@scenario
def idle_killed(module: Module, graded: Session) -> Killed:
    """One that sleeps once it has grown; tried again, it has grown before, and there is nothing to interrupt."""
    first = iter([("grow 4 30 40", b"")])

    def attempt(seconds: float) -> Killed:
        began = time.monotonic()
        probe, ready = next(first, ("hold 40", b"held 40"))
        seen = kill(module, "idle", probe, 8, 20, ready=ready, seconds=seconds)
        if seen.code is not None:
            module.kills_within = time.monotonic() - began
        return seen

    return tried(
        attempt,
        lambda seen: seen.code is not None or refused(seen.registered),
        lambda: graded.scenarios.beside_each_other() and module.log.tells("HARD LIMIT"),
    )


@scenario(exclusive=True)
def busy_killed(module: Module) -> Killed:
    """One that never sleeps; alone, since a timer that is wrong about it is wrong about all others meanwhile.

    Another keeps the other processor busy: there is no task of the host's that a timer could interrupt. That
    leaves nothing for others, so the monitor has twice the time in which it killed the idle one, and no more.
    """
    seconds = min(WATCH_SECONDS, max(BUSY_SECONDS, 2 * module.kills_within))
    other = module.holder("burn 600")
    try:
        seen = kill(module, "busy", "grow 4 30 40 busy", 8, 20, seconds=seconds)
    finally:
        other.end()
    if not refused(seen.registered):
        module.kills_the_busy = seen.code is not None
    return seen


@scenario
def jump_killed(module: Module) -> Killed:
    """One that is far above both limits when it is first looked at."""
    return tried(
        lambda seconds: kill(module, "jump", "hold 48", 8, 20, ready=b"held 48", seconds=seconds),
        lambda seen: seen.code is not None or refused(seen.registered),
    )


@check(
    "hard",
    points=2,
    stage="before",
    half="monitor",
    needs=["build.monitor_loads"],
    hint="send_sig(SIGKILL, …) or kill_pid() from process context.",
)
def test_monitor_kills(idle_killed: Killed) -> None:
    """A registered process that passes its hard limit is killed with SIGKILL."""
    expect_registered(idle_killed.registered)
    expect(idle_killed.code == 137, "it ends by SIGKILL", idle_killed.code or "it lives on")


@check(
    "hard",
    points=2,
    stage="before",
    half="monitor",
    needs=["hard.monitor_kills"],
    hint="A timer runs in whatever task it interrupts; look the process up by a reference that you keep.",
)
def test_monitor_kills_a_busy_process(busy_killed: Killed) -> None:
    """A process that never sleeps is killed like one that does."""
    expect(busy_killed.code == 137, "it ends by SIGKILL", busy_killed.code or "it lives on")


@check("hard", stage="before", half="monitor", needs=["hard.monitor_kills"])
def test_monitor_says_that_it_kills(idle_killed: Killed, kernel_log: KernelLog) -> None:
    """The kernel log has a HARD LIMIT line for it."""
    kernel_log.expect(idle_killed.hard, "HARD LIMIT", idle_killed.identifier, idle_killed.pid)


@check("hard", level=2, stage="before", half="monitor", needs=["hard.monitor_says_that_it_kills"])
def test_monitor_hard_line_is_exact(idle_killed: Killed) -> None:
    """The HARD LIMIT line stands once, in the contract's words, with true numbers."""
    expect(len(idle_killed.hard) == 1, "one line", [line.text for line in idle_killed.hard])
    line = idle_killed.hard[0]
    rss = line.number("rss") or 0
    about = f"container={idle_killed.identifier} pid={idle_killed.pid}"
    expected = f"[container_monitor] HARD LIMIT {about} rss={rss} limit={idle_killed.limit}"
    expect(
        line.text == expected and idle_killed.limit < rss < 128 * MIB,
        "HARD LIMIT container=… pid=… rss=… limit=20971520",
        line.text,
    )


@check(
    "hard",
    level=2,
    stage="before",
    half="monitor",
    needs=["hard.monitor_kills"],
    hint="Two ifs, not if and else.",
)
def test_monitor_warns_before_it_kills(jump_killed: Killed) -> None:
    """Where a process jumps past both limits, the warning still comes, and comes first."""
    expect(jump_killed.code == 137, "it is killed", jump_killed.code or "it lives on")
    expect(
        len(jump_killed.soft) == 1 and jump_killed.hard,
        "a SOFT LIMIT line and a HARD LIMIT line",
        [line.text for line in jump_killed.soft + jump_killed.hard],
    )
    expect(
        jump_killed.soft[0].seconds <= jump_killed.hard[0].seconds,
        "the warning first",
        [line.text for line in jump_killed.hard],
    )
