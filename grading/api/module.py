"""The submission's kernel module as a check drives it: load, ioctl, the lines it writes, unload."""

from __future__ import annotations

import errno
import os
import re
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial

from grading.api.expectations import LOOK_SECONDS_MOST, Disturbed, Value, expect, wait_until
from grading.guest.observer import GuestError, Handle, Job, Observer
from grading.guest.records import Finished, KernelRecord
from grading.guest.tools import Tools
from grading.guest.vm import TOOLS

DEVICE = "/dev/container_monitor"
REQUEST = struct.Struct("<i4xQQ32s")
"""struct monitor_request, ABI version 1, as the contract lays it out: 56 bytes."""

# _IOW('M', n, 56 bytes): include/uapi/asm-generic/ioctl.h.
REGISTER = 1 << 30 | REQUEST.size << 16 | ord("M") << 8 | 1
UNREGISTER = 1 << 30 | REQUEST.size << 16 | ord("M") << 8 | 2

WATCH_SECONDS = 6.0
"""Within these the monitor must have seen what it watches; a period of a second or two is usual."""

WATCH_AGAIN_SECONDS = 4.0
"""More than one that looks every two seconds, and acts a second later, takes."""

MORE_ATTEMPTS = 4
"""See `tried`. A timer of 100 ms looks forty times in an attempt, and each look may be the wrong one."""

AT_ONCE_SECONDS = 0.08
"""Lines so close together tell of one look of a monitor's, in several sentences. One that repeats itself at each
look does so for seconds, and shows all the same."""

KNOWN_PLACE = re.compile(r"\[<0>\] (?!0x)\S")
"""A first line of /proc/pid/stack with the symbol that the address belongs to (fs/proc/base.c, proc_pid_stack)."""

PROCESSOR = re.compile(r"cpu\d")
"""A processor that is there, in /proc/stat (proc(5)); a first line is for all of them."""

SLEEPS = re.compile(r"\) [SDI] ")
"""The state in /proc/pid/stat, after the name in parentheses."""

TAG = re.compile(r"\[?container_monitor\]?", re.IGNORECASE)


def expect_registered(answer: tuple[int, int]) -> None:
    """Fail the check unless the kernel answered MONITOR_REGISTER with 0.

    Args:
        answer: what ioctl(2) returned, and errno.
    """
    result, number = answer
    told = f"it returned {result}"
    if result < 0:
        told = f"{errno.errorcode.get(number, number)} ({os.strerror(number)})"
    if number in (errno.ENOTTY, errno.EINVAL):
        told += (
            "; where the module does not know the command: its number is made of 'M', 1 and the size of "
            f"struct monitor_request, which has {REQUEST.size} bytes in ABI version 1 of the contract, with its fields "
            "at 0, 8, 16 and 24"
        )
    expect(result == 0, "MONITOR_REGISTER succeeds", told)


@dataclass(frozen=True)
class Line:
    """A line of the monitor's in the kernel's log."""

    text: str
    seconds: float
    """Since boot."""

    def tells(self, what: str) -> bool:
        """Whether it holds this, in any case."""
        return what.lower() in self.text.lower()

    def number(self, key: str) -> int | None:
        """The number after `key=`."""
        found = re.search(rf"\b{key}=(\d+)", self.text)
        return int(found[1]) if found else None


class KernelLog:
    """What the kernel wrote since the observer came: nothing takes a line back out of it.

    Only records of the kernel itself count; what a program writes to /dev/kmsg has another facility.
    """

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def records(self) -> list[KernelRecord]:
        """All records of the kernel itself."""
        self._observer.proc("uptime")  # what was written before has arrived with this answer
        return [record for record in list(self._observer.kernel) if record.facility == 0]

    def monitor_lines(self) -> list[Line]:
        """The monitor's lines."""
        return [Line(record.text, record.seconds) for record in self.records() if TAG.search(record.text)]

    def about(self, *any_of: str | int, what: str = "") -> list[Line]:
        """The monitor's lines that name one of these (an id or a PID, as a word), and say `what`."""
        names = _words(any_of)
        return [line for line in self.monitor_lines() if line.tells(what) and names.search(line.text)]

    def names(self, *any_of: str | int) -> bool:
        """Whether the kernel has said anything about one of these: only limits need the monitor's tag at level 1."""
        names = _words(any_of)
        return any(names.search(record.text) for record in self.records())

    def tells(self, what: str) -> bool:
        """Whether any of the monitor's lines says this, of whomever."""
        return any(line.tells(what) for line in self.monitor_lines())

    def expect(self, found: list[Line], what: str, *any_of: str | int) -> None:
        """Fail where `about` found nothing, and show all lines of the kernel that name one of these."""
        names = _words(any_of)
        expect(
            found,
            f"a line with container_monitor, {what} and {' or '.join(map(str, any_of))}",
            [record.text for record in self.records() if names.search(record.text)] or "no line names it",
        )

    def mark(self) -> int:
        """How many records there are: a place to look from."""
        return len(self.records())

    def since(self, mark: int) -> list[str]:
        """The kernel's lines after that place."""
        return [record.text for record in self.records()[mark:]]


def _words(any_of: Sequence[str | int]) -> re.Pattern[str]:
    """Finds one of these as a word; a sentence may end with it, an id may go on after a full stop or a hyphen."""
    return re.compile(rf"(?<![\w.-])(?:{'|'.join(re.escape(str(word)) for word in any_of)})(?!\w|[.-]+\w)")


@dataclass
class Holder:
    """A process outside of any engine that holds memory, for a test of the monitor alone."""

    job: Job
    pid: int
    """Of the probe, as the host numbers it."""

    def await_output(self, text: bytes, seconds: float = 10) -> None:
        """Wait until it has said this."""
        wait_until(lambda: text in self.job.output()[0], seconds, f"the probe says {text!r}")

    def gone(self, seconds: float) -> Finished | None:
        """Its end, or None where it lives on."""
        return self.job.wait(seconds)

    def lives(self) -> bool:
        """Whether it has not ended yet."""
        return self.gone(0) is None

    def end(self) -> None:
        """Kill it and what is in its namespace."""
        with suppress(GuestError):
            self.job.signal(9, group=True)
        self.job.wait(5)


class Module:
    """The monitor in a guest.

    Args:
        observer: of the guest.
        path: of the module there; empty where there is none.
        tools: names the probe.
    """

    def __init__(self, observer: Observer, path: str, tools: Tools) -> None:
        self.observer = observer
        self.path = path
        self.tools = tools
        self.log = KernelLog(observer)
        self.name = path.rpartition("/")[2].removesuffix(".ko").replace("-", "_")
        self.loading: Finished | None = None
        self.is_stood_in_for = False
        """Whether it could not be loaded, and another one is, for the engine's sake."""
        self.kills_the_busy: bool | None = None
        """Whether it was seen to kill a process that never sleeps; None where it has not taken one."""
        self.kills_within = WATCH_SECONDS
        """Seconds in which it was seen to kill a process that grew past its hard limit."""
        self._threads_before: frozenset[int] = frozenset()

    @property
    def loaded(self) -> bool:
        """As the kernel's own list has it."""
        return any(line.split()[0] == self.name for line in self.observer.proc("modules").splitlines())

    def load(self) -> Finished:
        """insmod(8)."""
        self._threads_before = self.observer.kernel_threads()
        self.loading = self.observer.run("insmod", self.path, timeout=20)
        return self.loading

    def unload(self) -> Finished:
        """rmmod(8).

        Raises:
            Unmet: it is not loaded, but another one in its place.
        """
        self._expect_itself()
        return self.observer.run("rmmod", self.name, timeout=20)

    def threads_left(self, seconds: float = 2) -> list[str]:
        """Names of kernel threads that have come since it was loaded, and run its code though it is unloaded.

        While such a thread sleeps, the kernel cannot say where: what it returns to belongs to nothing any more
        (proc(5), /proc/pid/stack). Work queues make threads of their own as they need them, and these are none.
        """

        def look() -> dict[int, str]:
            new = self.observer.kernel_threads() - self._threads_before
            names = {pid: self.observer.proc(f"{pid}/comm").strip() for pid in new}
            return {pid: name for pid, name in names.items() if name and not name.startswith("kworker")}

        def lost() -> list[str]:
            return [name for pid, name in look().items() if self._is_nowhere(pid)]

        if not look():
            return []
        return wait_until(lost, seconds)

    def let_timers_go_off(self, seconds: float) -> None:
        """Until each of the guest's processors has handled what was due within so many seconds.

        A host may let a processor of the guest stand still for longer than that while the clock goes on. So a process
        sleeps on each of them: when it wakes up there, the kernel has seen to its timers in the same interrupt.
        """
        names = [line.split()[0] for line in self.observer.proc("stat").splitlines() if PROCESSOR.match(line)]
        start = partial(self.observer.start, timeout=20)
        sleepers = [start("taskset", "--cpu-list", name[3:], "sleep", str(seconds)) for name in names]
        for done in [sleeper.wait() for sleeper in sleepers]:
            assert done is not None
            expect(done.code == 0, "a process sleeps, and wakes up", done.error_text or f"status {done.code}")

    def _expect_itself(self) -> None:
        expect(
            not self.is_stood_in_for, "your module, loaded", "it cannot be",
            why="Another one was loaded in its place, so that the engine has a monitor; it is not graded.",
        )  # fmt: skip

    def _is_nowhere(self, pid: int) -> bool:
        """Whether a kernel thread sleeps in what is not loaded."""
        stack = self.observer.proc(f"{pid}/stack")
        return bool(SLEEPS.search(self.observer.proc(f"{pid}/stat"))) and not KNOWN_PLACE.match(stack)

    @contextmanager
    def opened(self) -> Iterator[Handle]:
        """The device, open; as the monitor sees it, an engine's.

        Raises:
            Unmet: it cannot be opened; or is another module's, since this one could not be loaded.
        """
        self._expect_itself()
        try:
            handle = self.observer.open(DEVICE)
        except GuestError as error:
            expect(False, f"{DEVICE} can be opened by root", error.strerror or str(error))
            raise
        try:
            yield handle
        finally:
            if self.loaded:  # else closing it would call what is not there any more
                with suppress(GuestError):
                    handle.close()

    def holder(self, probe: str) -> Holder:
        """A process that runs the probe, as PID 1 of a PID namespace of its own: what a container is to the monitor."""
        words = ["unshare", "--pid", "--fork", "--kill-child", "--", f"{TOOLS}/probe", *probe.split()]
        job = self.observer.start(*words, timeout=120)
        found = wait_until(
            lambda: [p for p in self.observer.processes() if p.parent == job.pid and p.space_pids[-1:] == (1,)],
            10, "a process in a PID namespace of its own",
        )  # fmt: skip
        return Holder(job, found[0].pid)

    def stranger(self, probe: str) -> Holder:
        """A process that runs the probe in the host's own namespaces."""
        job = self.observer.start(f"{TOOLS}/probe", *probe.split(), timeout=120)
        return Holder(job, job.pid)


def request(pid: int, soft: int, hard: int, identifier: bytes | str) -> bytes:
    """The argument of both ioctls.

    Args:
        pid: in the observer's namespace, the host's.
        soft: bytes.
        hard: bytes.
        identifier: at most 31 bytes and a NUL; 32 bytes leave no NUL.
    """
    raw = identifier.encode() if isinstance(identifier, str) else identifier
    return REQUEST.pack(pid, soft, hard, raw)


def tried(
    attempt: Callable[[float], Value],
    is_as_asked: Callable[[Value], object],
    others_did: Callable[[], bool] = lambda: False,
) -> Value:
    """What was seen of an attempt that came out as asked, or of the last one.

    Args:
        attempt: told how many seconds the monitor has.
        is_as_asked: whether it did what was to be seen.
        others_did: whether it did so to others, of whom some are under way now: then they may be why it did not.

    Raises:
        Disturbed: they may.

    A monitor whose timer looks processes up in the namespace of the task that it interrupts loses those whose
    look falls into a moment in which anything of a container runs. The checks on a busy process find that every
    time; wherever else it would be chance, an attempt may be made again, with a process that does less. Where the
    monitor never heard of the process, it is as asked, too: another time would be no other.
    """
    seen = attempt(WATCH_SECONDS)
    for _ in range(MORE_ATTEMPTS):
        if is_as_asked(seen):
            break
        seen = attempt(WATCH_AGAIN_SECONDS)
    else:
        if not is_as_asked(seen) and others_did():
            raise Disturbed("the monitor does to this process what it did to another", "it did not")
    return seen


def occasions(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines put together where they were written at once: a monitor may tell of one thing in two lines.

    For level 1: only level 2 asks how a warning is worded, and on how many lines.

    Args:
        lines: in the order in which they were written.
    """
    found: list[list[Line]] = []
    for line in lines:
        if found and line.seconds - found[-1][0].seconds <= AT_ONCE_SECONDS:
            found[-1].append(line)
        else:
            found.append([line])
    return found


def settle(look: Callable[[], bool], seconds: float) -> bool:
    """Whether something stays true for so many seconds, looked at a few times and at their end."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        if not look():
            return False
        time.sleep(min(LOOK_SECONDS_MOST, left))
    return look()
