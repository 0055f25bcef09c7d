"""Engine and monitor together: limits that hold, and reasons that are true."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from grading.api import check, expect, look_until, only_waiting, scenario, wait_until
from grading.api.allowance import BEARS
from grading.api.container import Container, and_said, await_all_gone
from grading.api.engine import Engine
from grading.api.listing import Listing
from grading.api.module import (
    REGISTER,
    UNREGISTER,
    WATCH_SECONDS,
    KernelLog,
    Line,
    Module,
    occasions,
    request,
    settle,
    tried,
)
from grading.api.starts import start_several
from grading.guest.observer import Observer
from grading.guest.records import Finished, Process
from grading.guest.vm import Guest
from grading.session import Session

MIB = 1 << 20
UNSEEN_SECONDS = 1.2
"""Between two looks at one that never sleeps."""

FOR_OTHER_ENDS = frozenset(("stopped", "exited"))
"""Words that `ps` has for a stop and for an end of its own, or that a reader takes for that."""


@dataclass(frozen=True)
class Warned:
    """A container that passed its soft limit, and one that did not."""

    container: Container
    mib: tuple[int, int]
    """Its limits, soft and hard."""
    init: Process
    soft: list[Line]
    hard: list[Line]
    registering: list[Line]
    lives: bool
    quiet_lines: list[Line]
    listing: Listing
    unregistered: list[Line]
    default_lines: list[Line] = field(default_factory=list)
    """Of one of 48 MiB with no limits of its own; only where the first was warned of."""


@scenario(containers=9, waits=4)
def warned(engine: Engine, kernel_log: KernelLog, own: Callable[[str], Mapping[str, str | int]]) -> Warned:
    """One grows past its soft limit and goes on; another stays small.

    The limits are the student's own (16 to 24 and 48 to 64 MiB) where it is known whose work it is.
    """
    mib = int(own("07").get("soft_mib", 14)), int(own("07").get("hard_mib", 120))
    seen = tried(
        lambda seconds: warn(engine, kernel_log, mib, seconds),
        lambda seen: seen.soft or not kernel_log.names(seen.container.id, seen.init.pid),
        lambda: engine.is_shared() and kernel_log.tells("SOFT LIMIT"),
    )
    if not seen.soft:
        return seen
    lines, _ = tried(
        lambda seconds: above_the_default(engine, kernel_log, seconds),
        lambda told: told[0] or not told[1],
        engine.is_shared,
    )
    return replace(seen, default_lines=lines)


def above_the_default(engine: Engine, kernel_log: KernelLog, seconds: float) -> tuple[list[Line], bool]:
    """What is told of the limits of a container of 48 MiB that has none of its own; and whether any line names it."""
    container = engine.start("told NONCE 4 40 48" if engine.level == 2 else "hold 48", name="default")
    pid = (container.init or container.await_running()).pid
    if engine.level == 2:
        container.grow_past(44)
    lines = wait_until(lambda: kernel_log.about(container.id, pid, what="LIMIT"), seconds)
    engine.stop(container.id)
    return lines, kernel_log.names(container.id, pid)


def warn(engine: Engine, kernel_log: KernelLog, mib: tuple[int, int], seconds: float) -> Warned:
    """The same, once."""
    quiet = engine.start("hold 6", name="cool", soft=30, hard=60)  # it sleeps when the other grows
    # At level 1 at once: a timer that was set when it was registered finds it grown and idle.
    growing = "grow 4 40 28" if seconds == WATCH_SECONDS else "hold 28"  # tried again: see `tried`
    probe = "told NONCE 4 40 28" if engine.level == 2 else growing
    container = engine.start(probe, name="warm", soft=mib[0], hard=mib[1])
    init = container.init or container.await_running()
    if engine.level == 2:
        container.grow_past(24)  # from here on a wrong monitor may kill it
    only_waiting()
    told = wait_until(lambda: kernel_log.about(container.id, init.pid, what="SOFT LIMIT"), seconds)
    lives = settle(lambda: bool(container.processes), 2.5 if told else 0)
    listing = engine.ps(container)
    soft = kernel_log.about(container.id, init.pid, what="SOFT LIMIT")
    hard = kernel_log.about(container.id, init.pid, what="HARD LIMIT")
    registering = kernel_log.about(container.id, init.pid, what="Registering")
    quiet_init = quiet.init or quiet.await_running()
    quiet_lines = kernel_log.about(quiet.id, quiet_init.pid, what="LIMIT")
    for each in (container, quiet):
        engine.stop(each.id)
    unregistered = kernel_log.about(container.id, what="Unregister")
    return Warned(container, mib, init, soft, hard, registering, lives, quiet_lines, listing, unregistered)


BOTH = ["containers.starts", "build.monitor_loads"]


@check(
    "soft",
    points=2,
    half="both",
    needs=BOTH,
    hint="The engine registers the container's host PID by ioctl, with its limits in bytes.",
)
def test_soft_limit_is_told(warned: Warned, kernel_log: KernelLog) -> None:
    """A container above its soft limit is warned of in the kernel log."""
    kernel_log.expect(warned.soft, "SOFT LIMIT", warned.container.id, warned.init.pid)


@check("soft", half="both", needs=["soft.soft_limit_is_told"])
def test_soft_limit_is_told_once(warned: Warned, graded: Session) -> None:
    """The warning comes once for a container."""
    warnings = warned.soft if graded.level == 2 else occasions(warned.soft)
    expect(len(warnings) == 1, "one warning", [line.text for line in warned.soft])


@check("soft", half="both", needs=["soft.soft_limit_is_told"])
def test_warned_container_lives_on(warned: Warned) -> None:
    """After the warning the container lives on, and is told to be running."""
    expect(warned.lives and not warned.hard, "it runs", [line.text for line in warned.hard] or "it is gone")
    entry = warned.listing.entry(warned.container.id)  # that there is one is asked elsewhere
    expect(not entry or warned.listing.runs(warned.container.id), "`ps` says so", entry)


@check(
    "soft", half="both", needs=["soft.soft_limit_is_told"], hint="40 and 64 MiB where nothing else is said."
)
def test_default_limits_hold(warned: Warned) -> None:
    """A container without limits of its own is warned of above 40 MiB, and lives."""
    expect(
        warned.default_lines and not any(line.tells("HARD LIMIT") for line in warned.default_lines),
        "a SOFT LIMIT line for one of 48 MiB, and no HARD LIMIT",
        [line.text for line in warned.default_lines] or "no line names it",
    )


@check("soft", half="both", needs=["soft.soft_limit_is_told"])
def test_small_container_is_not_mentioned(warned: Warned) -> None:
    """A container below its limits is not warned of."""
    expect(not warned.quiet_lines, "no LIMIT line", [line.text for line in warned.quiet_lines])


@check("soft", level=2, half="both", needs=["soft.soft_limit_is_told"], hint="MiB are 1,048,576 bytes each.")
def test_registered_as_asked(warned: Warned) -> None:
    """The monitor is told the container's id, its host PID, and the limits in bytes."""
    about = f"container={warned.container.id} pid={warned.init.pid}"
    soft, hard = (each * MIB for each in warned.mib)
    line = f"[container_monitor] Registering {about} soft={soft} hard={hard}"
    expect(
        [each.text for each in warned.registering] == [line], line, [each.text for each in warned.registering]
    )


@dataclass(frozen=True)
class Killed:
    """Containers that passed their hard limit."""

    idle: Container
    idle_init: Process
    idle_gone: bool
    crowd_gone: bool
    hard: list[Line]
    soft: list[Line]
    listing: Listing
    neighbour_lives: bool
    supervisor_said: str
    exited: Container
    stopped: Container


@dataclass(frozen=True)
class Hog:
    """One that sleeps once it has grown past its hard limit."""

    container: Container
    init: Process
    gone: bool
    done: Finished | None
    """The end of its `run`, where it was run."""


def hog(engine: Engine, seconds: float, *, run: bool = False) -> Hog:
    """Start or run one, and wait for its end; tried again, it grows in one step: see `tried`."""
    begin = engine.begin_run if run else engine.start
    probe = "told NONCE 4 60 48" if seconds == WATCH_SECONDS else "told NONCE 48 0 48"
    container = begin(probe, name="ran" if run else "idle", soft=10, hard=26)
    init = container.init or container.await_running()
    container.grow_past(40)  # from here on it does not live for long
    only_waiting()
    job = container.job
    wait_until(lambda: not container.processes and (job is None or job.wait(0)), seconds)
    found = Hog(container, init, not container.processes, job.wait(0) if job else None)
    container.kill()  # not by `stop`: a supervisor that waits in `run` would not hear it
    return found


@scenario(containers=BEARS)  # `run` may hold up all others
def run_killed(engine: Engine, kernel_log: KernelLog) -> Finished | None:
    """The end of a `run` of a hog."""
    return tried(
        lambda seconds: hog(engine, seconds, run=True),
        lambda seen: seen.done or not kernel_log.names(seen.container.id, seen.init.pid),
        lambda: engine.is_shared() and kernel_log.tells("HARD LIMIT"),
    ).done


@scenario(containers=7, waits=2)
def killed(engine: Engine, kernel_log: KernelLog) -> Killed:
    """An idle hog, a crowd; and a small neighbour."""
    probes = {"near": "hold 4", "ended": "exit 0", "asked": "polite 0 NONCE"}
    neighbour, exited, stopped = start_several(engine, probes, running=("near", "asked")).values()
    crowds = []  # only level 2 asks for the whole container
    if engine.level == 2:
        crowds.append(engine.start("crowd 6 8", name="crowd", soft=12, hard=30, running=False))
    seen = tried(
        lambda seconds: hog(engine, seconds),
        lambda seen: seen.gone or not kernel_log.names(seen.container.id, seen.init.pid),
        lambda: engine.is_shared() and kernel_log.tells("HARD LIMIT"),
    )
    idle, init = seen.container, seen.init
    # Where the hog goes on, the crowd, which came before it, has had its time.
    crowd_gone = await_all_gone(crowds, WATCH_SECONDS if seen.gone else 0)
    engine.stop(stopped.id)
    listing = look_until(
        lambda: engine.ps(idle, exited, stopped), lambda told: told.ended(idle.id), 4 if seen.gone else 0
    )
    hard = kernel_log.about(idle.id, init.pid, what="HARD LIMIT")
    soft = kernel_log.about(idle.id, init.pid, what="SOFT LIMIT")
    lives = bool(neighbour.processes)
    for each in (neighbour, *([] if crowd_gone else crowds)):
        engine.stop(each.id)
    return Killed(
        idle, init, seen.gone, crowd_gone, hard, soft, listing, lives,
        and_said(engine.supervisors_words), exited, stopped,
    )  # fmt: skip


@scenario(exclusive=True)
def busy_hog(engine: Engine, module: Module) -> bool:
    """Whether a hog that never sleeps is gone; nobody waits for it where the module alone was seen to miss such a one.

    Alone: a timer that looks its processes up in the namespace of the task that it interrupts finds none while
    this one runs, and that would cost all others their verdicts. The other processor is kept busy in the same way.
    """
    if module.kills_the_busy is False:
        return False
    other = engine.start("burn 600", name="other")
    if engine.level == 1:
        busy = engine.start("grow 4 60 48 busy", name="busy", soft=10, hard=26)
        gone = unseen(module, lambda: not busy.processes)
    else:
        busy = engine.start("told NONCE 4 60 48 busy", name="busy", soft=10, hard=26)
        busy.grow_past(40)
        gone = busy.await_gone(WATCH_SECONDS)
    if not gone:
        engine.stop(busy.id)
    for each in (busy, other):
        each.kill()  # what goes on would hold up all that follows
    return gone


def unseen(module: Module, has_happened: Callable[[], bool]) -> bool:
    """Whether something happens within `WATCH_SECONDS` in which hardly anybody looks.

    A timer that interrupts one of our own looks finds the process after all, and a wrong monitor passes by chance.
    """
    for _ in range(round(WATCH_SECONDS / UNSEEN_SECONDS)):
        module.let_timers_go_off(UNSEEN_SECONDS)
        if has_happened():
            return True
    return False


@check("hard", half="both", needs=BOTH)
def test_hard_limit_kills(killed: Killed) -> None:
    """A container above its hard limit is killed."""
    expect(killed.idle_gone, "it ends", f"it goes on; the supervisor ran {killed.supervisor_said}")


@check("hard", half="both", needs=["hard.hard_limit_kills"])
def test_hard_limit_is_told(killed: Killed, kernel_log: KernelLog) -> None:
    """The kernel log has a HARD LIMIT line for the container."""
    kernel_log.expect(killed.hard, "HARD LIMIT", killed.idle.id, killed.idle_init.pid)


@check(
    "hard",
    points=2,
    half="both",
    needs=["hard.hard_limit_kills"],
    hint="A timer runs in whatever task it interrupts, and find_vpid() looks in that task's namespace. Where "
    "hard.monitor_kills_a_busy_process fails, too, it is the same bug.",
)
def test_hard_limit_kills_the_busy(busy_hog: bool) -> None:
    """A container that never sleeps is killed like one that does."""
    expect(busy_hog, "it ends", "it goes on")


@check("hard", half="both", needs=["hard.hard_limit_kills"])
def test_neighbour_lives_on(killed: Killed) -> None:
    """A small container beside it lives on."""
    expect(killed.neighbour_lives, "it runs", "it is gone")


@check(
    "hard", half="both", needs=["hard.hard_limit_kills", "control.run_returns_the_exit_code"], hint="128 + 9."
)
def test_run_tells_the_kill(run_killed: Finished | None) -> None:
    """`run` of a container that is killed for its memory ends with 137."""
    expect(run_killed is not None, "`run` ends, with 137", "it waits on")
    assert run_killed is not None
    expect(run_killed.code == 137 and not run_killed.timed_out, "137", run_killed.ending)


@check(
    "hard",
    points=2,
    half="both",
    needs=["hard.hard_limit_kills"],
    hint="SIGKILL, no stop requested, and the limit was the cause.",
)
def test_ps_tells_the_hard_limit(killed: Killed) -> None:
    """`ps` tells a container killed for its memory from one that ended and from one that was stopped."""
    words = [killed.listing.words(each.id) for each in (killed.idle, killed.exited, killed.stopped)]
    entries = [killed.listing.entry(each.id) for each in (killed.idle, killed.exited, killed.stopped)]
    # A stop may be told beside a word that both have, as in `killed` and `killed, stopped by the user`.
    expect(
        words[0] - words[1] - FOR_OTHER_ENDS
        and (words[0] - words[2] - FOR_OTHER_ENDS or words[2] - words[0]),
        "other words for it than for a stop and for an end of its own",
        entries,
    )
    expect(killed.listing.ended(killed.idle.id), "it is told to have ended", entries[0])


@check("hard", level=2, half="both", needs=["hard.ps_tells_the_hard_limit"])
def test_reason_is_hard_limit_killed(killed: Killed) -> None:
    """The reason is `hard_limit_killed`, and nobody else's is."""
    expect(
        killed.listing.reason(killed.idle.id) == "hard_limit_killed",
        "hard_limit_killed",
        killed.listing.entry(killed.idle.id),
    )
    for each, reason in ((killed.exited, "exited"), (killed.stopped, "stopped")):
        expect(killed.listing.reason(each.id) == reason, reason, killed.listing.entry(each.id))


@check(
    "hard",
    level=2,
    points=2,
    half="both",
    needs=["hard.hard_limit_kills"],
    hint="The monitor sums over the container's PID namespace.",
)
def test_limit_is_for_the_whole_container(killed: Killed) -> None:
    """Many small processes count as much as one large one."""
    expect(killed.crowd_gone, "the crowd ends", "it goes on")


@check("hard", level=2, half="both", needs=["hard.hard_limit_is_told"])
def test_warning_comes_before_the_kill(killed: Killed) -> None:
    """The soft warning comes before the kill, once."""
    expect(
        len(killed.soft) == 1 and len(killed.hard) == 1,
        "one line of each",
        [line.text for line in killed.soft + killed.hard],
    )
    expect(killed.soft[0].seconds <= killed.hard[0].seconds, "the warning first", killed.hard[0].text)


@scenario
def crowd_killed(module: Module) -> int | None:
    """The status of a crowd in a PID namespace whose first process is registered; None where it lives on."""
    holder = module.holder("crowd 6 8")
    with module.opened() as device:
        device.ioctl(REGISTER, request(holder.pid, 12 * MIB, 30 * MIB, f"crowd-{holder.pid}"))
        done = holder.gone(WATCH_SECONDS)
        if done is None:
            device.ioctl(UNREGISTER, request(holder.pid, 0, 0, f"crowd-{holder.pid}"))
    holder.end()
    return done.code if done else None


@check(
    "hard",
    level=2,
    points=2,
    stage="before",
    half="monitor",
    needs=["hard.monitor_kills"],
    hint="Sum over all processes in the PID namespace of the registered one.",
)
def test_monitor_counts_the_whole_container(crowd_killed: int | None) -> None:
    """All processes in the PID namespace count, not only the registered one.

    Else a container escapes its limit by a fork.
    """
    expect(crowd_killed == 137, "it ends by SIGKILL", crowd_killed or "it lives on")


@scenario
def cgroups(engine: Engine, observer: Observer) -> list[str]:
    """The cgroups of two containers, as the host sees them: from inside, a cgroup namespace shows each its own root."""
    both = [engine.start("sleep 600", name="grouped") for _ in range(2)]
    found = [observer.proc(f"{container.await_running().pid}/cgroup") for container in both]
    for container in both:
        engine.stop(container.id)
    return found


@check(
    "containers",
    level=2,
    needs=["containers.starts"],
    hint="A directory below /sys/fs/cgroup for each; CLONE_INTO_CGROUP, or its pid in cgroup.procs.",
)
def test_own_cgroup(cgroups: list[str], guest: Guest) -> None:
    """Each container is in a cgroup of its own, where cgroup v2 is mounted."""
    theirs = guest.observer.proc("1/cgroup")
    expect(cgroups[0] != cgroups[1], "two cgroups", cgroups)
    expect(theirs not in cgroups, "none of them the host's", cgroups)
