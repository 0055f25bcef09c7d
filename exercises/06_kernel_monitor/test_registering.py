"""What the kernel module takes and refuses, driven by our own ioctls, and what it lets go of again."""

from __future__ import annotations

import errno
from dataclasses import dataclass, field

from grading.api import check, expect, only_waiting, scenario, wait_until
from grading.api.module import REGISTER, UNREGISTER, Holder, Line, Module, request, settle
from grading.session import Session

MIB = 1 << 20
LOOK_SECONDS = 2.5
"""In which a monitor has looked, also one that does so every two seconds."""


@dataclass
class Registrations:
    """What the monitor takes, and what it refuses."""

    answers: dict[str, tuple[int, int]] = field(default_factory=dict)
    after_unregister_lives: bool = False
    after_close_lives: bool = False
    unregister_lines: list[Line] = field(default_factory=list)
    reused_lives: bool | None = None
    below_lives: bool = False
    below_lines: list[Line] = field(default_factory=list)
    identifier: str = ""
    pid: int = 0


def grown(holder: Holder) -> None:
    """Wait until it has grown, or was killed meanwhile: that costs the checks of it, and no other."""
    wait_until(lambda: b"held 40" in holder.job.output()[0] or not holder.lives(), 10)


@scenario
def registrations(module: Module, graded: Session) -> Registrations:
    """Good and bad requests, and what they leave behind."""
    found = Registrations()
    holder = module.holder("hold 24")
    holder.await_output(b"held")
    odd = module.holder("hold 4")  # of its own: where a bad request is taken, it may be killed for it
    pid = holder.pid
    found.identifier, found.pid = f"reg-{pid}", pid
    nobody = 4_194_304 - 7  # PID_MAX_LIMIT is 4,194,304; nothing is that far
    with module.opened() as device:

        def ask(name: str, code: int, argument: bytes | None) -> None:
            result, number, _ = device.ioctl(code, argument)
            found.answers[name] = (result, number)

        # Only level 2 asks for refusals; where one is no refusal but an oops, it must not cost what level 1 asks for.
        at_level_2 = ask if graded.level == 2 else lambda *given: None
        at_level_2("unknown pid", REGISTER, request(nobody, MIB, 2 * MIB, "nobody"))
        at_level_2("pid 0", REGISTER, request(0, MIB, 2 * MIB, "zero"))
        at_level_2("negative pid", REGISTER, request(-1, MIB, 2 * MIB, "minus"))
        at_level_2("soft above hard", REGISTER, request(odd.pid, 900 * MIB, 800 * MIB, "crossed"))
        at_level_2("zero limits", REGISTER, request(odd.pid, 0, 0, "zero"))
        at_level_2("no NUL", REGISTER, request(odd.pid, 800 * MIB, 900 * MIB, b"x" * 32))
        at_level_2("unprintable", REGISTER, request(odd.pid, 800 * MIB, 900 * MIB, b"bad\nid"))
        at_level_2("empty id", REGISTER, request(odd.pid, 800 * MIB, 900 * MIB, b""))
        at_level_2("bad pointer", REGISTER, None)
        at_level_2("unknown command", 1 << 30 | 56 << 16 | ord("M") << 8 | 77, request(pid, 1, 2, "x"))
        at_level_2("unregister of a stranger", UNREGISTER, request(pid, 0, 0, "stranger"))
        ask("first", REGISTER, request(pid, 800 * MIB, 900 * MIB, found.identifier))
        at_level_2("twice", REGISTER, request(pid, 800 * MIB, 900 * MIB, found.identifier))
        ask("unregister", UNREGISTER, request(pid, 800 * MIB, 900 * MIB, found.identifier))
        if found.answers["first"][0] == 0 and found.answers["unregister"][0] != 0:
            # Its entry may have been lost meanwhile; see `grading.api.module.tried`.
            ask("first again", REGISTER, request(pid, 800 * MIB, 900 * MIB, found.identifier))
            ask("unregister", UNREGISTER, request(pid, 800 * MIB, 900 * MIB, found.identifier))
        wait_until(lambda: module.log.about(found.identifier, what="Unregister"), 1)
        found.unregister_lines = module.log.about(found.identifier, what="Unregister")
        at_level_2("unregister again", UNREGISTER, request(pid, 0, 0, found.identifier))
        ask("below", REGISTER, request(pid, 100 * MIB, 200 * MIB, f"below-{pid}"))
        unwatched = module.holder("grow 8 400 40")
        # Whose file was closed only level 2 asks; what grows beside another may cost that its entry.
        closed = module.holder("grow 8 400 40" if graded.level == 2 else "hold 4")
        name = f"let-go-{unwatched.pid}"
        device.ioctl(REGISTER, request(unwatched.pid, 20 * MIB, 30 * MIB, name))
        device.ioctl(UNREGISTER, request(unwatched.pid, 20 * MIB, 30 * MIB, name))
        with module.opened() as other:
            other.ioctl(REGISTER, request(closed.pid, 20 * MIB, 30 * MIB, f"closed-{closed.pid}"))
        grown(unwatched)
        if graded.level == 2:
            grown(closed)
        settle(lambda: all(each.lives() for each in (holder, unwatched, closed)), LOOK_SECONDS)
        found.below_lives = holder.lives()
        found.after_unregister_lives = unwatched.lives()
        found.after_close_lives = closed.lives()
        found.below_lines = module.log.about(f"below-{pid}", what="LIMIT")
        ask("unregister below", UNREGISTER, request(pid, 100 * MIB, 200 * MIB, f"below-{pid}"))
    for each in (holder, odd, unwatched, closed):
        each.end()
    return found


def answered(found: Registrations, name: str, *numbers: int) -> None:
    """Fail unless a request was refused so."""
    result, number = found.answers[name]
    words = " or ".join(errno.errorcode[each] for each in numbers)
    got = "it was taken" if result >= 0 else errno.errorcode.get(number, str(number))
    expect(result < 0 and number in numbers, f"{name}: {words}", got)


NEEDS = ["soft.monitor_warns"]


@check(
    "soft",
    stage="before",
    half="monitor",
    needs=NEEDS,
    hint="rss > limit, in bytes on both sides: get_mm_rss() counts pages.",
)
def test_monitor_is_quiet_below_the_limit(registrations: Registrations) -> None:
    """A process below its limits is neither warned of nor killed."""
    expect(
        registrations.answers["below"][0] == 0,
        "MONITOR_REGISTER succeeds after MONITOR_UNREGISTER",
        registrations.answers["below"],
    )
    expect(
        registrations.below_lives and not registrations.below_lines,
        "a living process and no line",
        [line.text for line in registrations.below_lines],
    )


@check(
    "hard",
    stage="before",
    half="monitor",
    needs=["hard.monitor_kills"],
    hint="list_del() under the lock, then free.",
)
def test_unregistered_process_is_let_go(registrations: Registrations) -> None:
    """After MONITOR_UNREGISTER a process may grow as it likes."""
    expect(
        registrations.answers["unregister"][0] == 0,
        "MONITOR_UNREGISTER succeeds",
        registrations.answers["unregister"],
    )
    expect(registrations.after_unregister_lives, "it lives", "it was killed")


@check(
    "hard",
    level=2,
    stage="before",
    half="monitor",
    needs=["hard.monitor_kills"],
    hint="release() drops what the file has registered.",
)
def test_closed_file_lets_its_processes_go(registrations: Registrations) -> None:
    """An entry goes away with the file that registered it."""
    expect(registrations.after_close_lives, "it lives", "it was killed")


@check("soft", level=2, stage="before", half="monitor", needs=NEEDS)
def test_unregister_line_is_exact(registrations: Registrations) -> None:
    """MONITOR_UNREGISTER is logged in the contract's words."""
    line = (
        f"[container_monitor] Unregister request container={registrations.identifier} pid={registrations.pid}"
    )
    expect(
        line in [each.text for each in registrations.unregister_lines],
        line,
        [each.text for each in registrations.unregister_lines],
    )


@check("robustness", level=2, stage="before", half="monitor", needs=NEEDS, hint="find_get_pid() gives NULL.")
def test_monitor_refuses_an_unknown_pid(registrations: Registrations) -> None:
    """A PID that does not exist is refused with ESRCH."""
    answered(registrations, "unknown pid", errno.ESRCH)
    for name in ("pid 0", "negative pid"):
        answered(registrations, name, errno.ESRCH, errno.EINVAL)


@check("robustness", level=2, stage="before", half="monitor", needs=NEEDS)
def test_monitor_refuses_senseless_limits(registrations: Registrations) -> None:
    """A soft limit above the hard one, and zero, are refused with EINVAL."""
    answered(registrations, "soft above hard", errno.EINVAL)
    answered(registrations, "zero limits", errno.EINVAL)


@check(
    "robustness",
    level=2,
    stage="before",
    half="monitor",
    needs=NEEDS,
    hint="strnlen() of 32 is 32: there is no NUL. A newline forges a line in the log.",
)
def test_monitor_refuses_bad_ids(registrations: Registrations) -> None:
    """An id without its NUL, or with unprintable bytes, is refused with EINVAL."""
    answered(registrations, "no NUL", errno.EINVAL)
    answered(registrations, "unprintable", errno.EINVAL)


@check(
    "robustness",
    level=2,
    stage="before",
    half="monitor",
    needs=NEEDS,
    hint="Look through the list before you add to it.",
)
def test_monitor_refuses_the_same_twice(registrations: Registrations) -> None:
    """The same process twice is refused with EEXIST."""
    expect(
        registrations.answers["first"][0] == 0, "the first time it is taken", registrations.answers["first"]
    )
    answered(registrations, "twice", errno.EEXIST)


@check(
    "robustness",
    level=2,
    stage="before",
    half="monitor",
    needs=NEEDS,
    hint="Say what list_for_each_entry found.",
)
def test_unregister_of_a_stranger_is_refused(registrations: Registrations) -> None:
    """MONITOR_UNREGISTER of what is not registered is refused."""
    for name in ("unregister of a stranger", "unregister again"):
        result, _ = registrations.answers[name]
        expect(result < 0, f"{name}: refused", "it was taken")


@check(
    "robustness",
    level=2,
    stage="before",
    half="monitor",
    needs=NEEDS,
    hint="copy_from_user() says how much it could not copy.",
)
def test_monitor_refuses_bad_calls(registrations: Registrations) -> None:
    """A bad pointer is EFAULT, an unknown command ENOTTY."""
    answered(registrations, "bad pointer", errno.EFAULT)
    answered(registrations, "unknown command", errno.ENOTTY)


@scenario
def unprivileged(module: Module) -> str:
    """A process that opened the device as root and then gave up its rights."""
    holder = module.holder("hold 8")
    argument = request(holder.pid, 800 * MIB, 900 * MIB, "unprivileged").hex()
    done = module.observer.run(
        "/run/boxwright-tools/probe", "unprivileged", "/dev/container_monitor", str(REGISTER), argument
    )
    holder.end()
    return done.text.strip()


@check(
    "robustness",
    level=2,
    stage="before",
    half="monitor",
    needs=NEEDS,
    hint="capable(CAP_SYS_ADMIN) at each ioctl: the file may have changed hands.",
)
def test_monitor_asks_for_a_capability(unprivileged: str) -> None:
    """Without CAP_SYS_ADMIN an open device is of no use: EPERM."""
    expect(unprivileged == f"-1 {errno.EPERM}", "EPERM", unprivileged)


@dataclass(frozen=True)
class Reused:
    """A PID that came to name another process."""

    happened: bool
    lives: bool
    lines: list[Line]


@scenario(waits=LOOK_SECONDS)
def reused_pid(module: Module) -> Reused:
    """Register one, let it end, and give its PID to a large stranger before the monitor looks again.

    Others that begin processes meanwhile may take the PID first: then it is tried again, with another one.
    """
    observer = module.observer
    for attempt in range(20):
        first = module.holder("sleep 600")
        with module.opened() as device:
            identifier = f"reuse-{attempt}-{first.pid}"
            device.ioctl(REGISTER, request(first.pid, 4 * MIB, 8 * MIB, identifier))
            first.end()
            wait_until(lambda p=first.pid: not observer.proc(f"{p}/stat"), 2)  # type: ignore[misc]
            # The next fork takes the PID after this one (Documentation/admin-guide/sysctl/kernel.rst, ns_last_pid).
            observer.write("/proc/sys/kernel/ns_last_pid", str(first.pid - 1).encode())
            second = module.stranger("hold 24")
            if second.pid != first.pid:
                second.end()
                continue
            second.await_output(b"held")
            only_waiting()
            lives = settle(second.lives, LOOK_SECONDS)
            lines = module.log.about(identifier, what="LIMIT")
        second.end()
        return Reused(True, lives, lines)
    return Reused(False, True, [])


@check(
    "hard",
    level=2,
    stage="before",
    half="monitor",
    needs=["hard.monitor_kills"],
    hint="Keep a struct pid, not a number.",
)
def test_reused_pid_is_not_punished(reused_pid: Reused) -> None:
    """A process that was given the PID of one that ended is left alone."""
    assert reused_pid.happened, "the PID could not be given away again"
    expect(
        reused_pid.lives and not reused_pid.lines,
        "it lives, and no line names it",
        [line.text for line in reused_pid.lines] or "it was killed",
    )
