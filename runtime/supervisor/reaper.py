"""The reaper: one thread that waits for every container, and for what the kernel says of their memory.

A process that has ended stays as a zombie until its parent waits for it; the parent is us.
Waiting is by pidfd, so it needs neither SIGCHLD nor a client that happens to call, and a
PID that is used again cannot fool it. Nothing here waits for a log or for a client.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from supervisor.live import Container, Guest
from supervisor.monitor import Event, Monitor
from supervisor.records import ExitStatus, Record, signal_name
from supervisor.registry import Registry

RETRY = 0.05
"""Seconds until a cgroup that was still busy is tried again."""

FAREWELL = 5.0
"""Seconds, at the shutdown, that what has been told to end may take to be gone."""

PF_FORKNOEXEC = 0x40
"""Forked, but has not executed (linux/sched.h); the ninth field of /proc/PID/stat has the flags."""

Watched = TypeVar("Watched", Container, Guest)


class Reaper:
    """The thread, and what it waits for.

    Args:
    registry: whose lock guards the records.
    say: prints a line for whoever runs the supervisor.
    """

    def __init__(self, registry: Registry, say: Callable[[str], None]) -> None:
        self._registry = registry
        self._say = say
        self._poll = select.epoll()
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._poll.register(self._wake, select.EPOLLIN)
        self._containers: dict[int, Container] = {}  # by pidfd
        self._guests: dict[int, Guest] = {}  # by pidfd
        self._memory: dict[int, Container] = {}  # by descriptor of memory.events
        self._memory_lock = threading.Lock()  # clients' threads enter there what this one takes away
        self._busy: list[Container] = []  # reaped, but their cgroup could not be removed yet
        self._monitor: Monitor | None = None
        self._zygote = -1
        self._zygote_may_end = False
        self._stopping = False
        self._deadline = 0.0  # when to end though something is left
        self._thread = threading.Thread(target=self._work, name="reaper", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def let_zygote_end(self) -> None:
        """Its end is no trouble from now on."""
        self._zygote_may_end = True

    def stop(self) -> None:
        """Wait until the zygote and every container are reaped, then end the thread.

        The zygote has been told to end, and every container stopped.
        """
        self._deadline = time.monotonic() + FAREWELL
        self._stopping = True
        os.eventfd_write(self._wake, 1)
        self._thread.join()
        self._poll.close()
        os.close(self._wake)

    def watch(self, container: Container) -> None:
        """Reap this container when it ends.

        Raises:
            OSError: the kernel refused; whoever has made the process must end and reap it.
        """
        self._watch(container.pidfd, container, self._containers)

    def watch_guest(self, guest: Guest) -> None:
        """Reap this process when it ends: a container is not gone before its last guest is.

        Raises:
            OSError: as `watch`.
        """
        self._watch(guest.pidfd, guest, self._guests)

    def _watch(self, pidfd: int, process: Watched, watched: dict[int, Watched]) -> None:
        watched[pidfd] = process  # first, for it may end before we come back
        try:
            self._poll.register(pidfd, select.EPOLLIN)
        except OSError:
            del watched[pidfd]
            raise

    def watch_zygote(self, pid: int) -> None:
        """Reap the zygote when it ends, and say so if nobody told it to."""
        self._zygote = os.pidfd_open(pid)
        self._poll.register(self._zygote, select.EPOLLIN)

    def watch_memory(self, container: Container) -> None:
        """Hear of it when this container, whose cgroup holds its limits, passes one.

        Raises:
            OSError: the cgroup is gone, because the container has ended.
        """
        cgroup = container.cgroup
        if cgroup is None:
            return  # it has ended, and the reaper was here before us
        events = cgroup.open("memory.events", os.O_RDONLY)
        try:
            os.read(events, 4096)  # the kernel reports changes since the last read
            with self._memory_lock:
                self._poll.register(events, select.EPOLLPRI)
                self._memory[events] = container
        except OSError:
            os.close(events)
            raise
        if container.exited.is_set():  # then the reaper may have come by before there was anything to forget
            self._forget_memory(container)
        else:
            self._ask_cgroup(container)  # what happened before that read

    def watch_monitor(self, monitor: Monitor) -> None:
        """Hear what the kernel monitor has to say."""
        self._monitor = monitor
        self._poll.register(monitor.descriptor, select.EPOLLIN)

    def _work(self) -> None:
        while not self._stopping or self._has_work():
            for descriptor, what in self._poll.poll(RETRY if self._busy or self._stopping else None):
                try:
                    self._attend(descriptor, what)
                except OSError as error:  # whatever it is, the others must still be reaped
                    self._say(f"reaper: {error}")
            self._busy = [container for container in self._busy if not _remove_cgroup(container)]

    def _has_work(self) -> bool:
        """Whether the end must wait: for the zygote, a container or a cgroup, but not for ever."""
        waiting = self._zygote >= 0 or self._containers or self._guests or self._busy
        return bool(waiting) and time.monotonic() < self._deadline

    def _attend(self, descriptor: int, what: int) -> None:
        # By kind first: what was reported with the one before it may be closed since, and its number another's.
        if what & select.EPOLLPRI:
            self._memory_passed(descriptor)
        elif descriptor in self._containers:
            self._reap(descriptor)
        elif descriptor in self._guests:
            self._poll.unregister(descriptor)
            self._guests.pop(descriptor).finish(_wait(descriptor))
        elif descriptor == self._wake:
            os.eventfd_read(self._wake)
        elif self._monitor is not None and descriptor == self._monitor.descriptor:
            self._hear()
        elif descriptor == self._zygote:
            self._poll.unregister(descriptor)
            os.waitid(os.P_PIDFD, descriptor, os.WEXITED)
            os.close(descriptor)
            self._zygote = -1
            if not self._zygote_may_end:
                self._say(
                    "the zygote has ended: no container can be started until the supervisor is restarted"
                )

    def _reap(self, pidfd: int) -> None:
        # region 03.reaper
        container = self._containers.pop(pidfd)
        self._poll.unregister(pidfd)
        record = container.record
        if container.executed is None:
            container.executed = has_executed(record.pid)
        status = _wait(pidfd)
        # What the monitor did to it was queued before it died, so it is there by now.
        self._hear()
        if record.limits == "cgroup" and status.signal == signal.SIGKILL:
            self._ask_cgroup(container)
        with self._registry.lock:
            record.finish(status, time.time())
            if container.executed:  # otherwise it was never more than an attempt
                self._registry.announce(container)
                self._registry.events.add("exit", record.id, **describe_end(record))
            container.exited.set()
            self._registry.changed.notify_all()
        container.changed()
        container.detach()
        self._forget_memory(container)
        if not _remove_cgroup(container):
            self._busy.append(container)
        # endregion 03.reaper

    def _hear(self) -> None:
        """Enter the monitor's events in the records they are about."""
        # region 07.events
        for event in self._monitor.read() if self._monitor is not None else ():
            for container in self._registry.all():
                if _is_about(event, container):
                    self._enter(container, event.kind)
        # endregion 07.events

    def _enter(self, container: Container, kind: str) -> bool:
        """Whether it was not known yet."""
        record = container.record
        with self._registry.lock:
            new = not (record.soft_limit_hit if kind == "soft" else record.hard_limit_hit)
            if kind == "soft":
                record.soft_limit_hit = True
            else:
                record.hard_limit_hit = True
            if new:
                self._registry.announce(container)
                limit = record.soft_limit if kind == "soft" else record.hard_limit
                self._registry.events.add(kind, record.id, limit_bytes=limit)
        return new

    def _memory_passed(self, descriptor: int) -> None:
        """A cgroup's memory.events changed: the soft limit was passed, or the hard one."""
        with self._memory_lock:
            container = self._memory.get(descriptor)
            if container is None:
                return  # it has ended meanwhile, and its descriptor may be another file's by now
            os.lseek(descriptor, 0, os.SEEK_SET)
            os.read(descriptor, 4096)
        self._ask_cgroup(container)

    def _ask_cgroup(self, container: Container) -> None:
        cgroup, record = container.cgroup, container.record
        if cgroup is None:
            return
        events = cgroup.memory_events()
        if events.get("oom_kill", 0) and events.get("oom", 0):
            self._enter(container, "hard")
        if events.get("high", 0) and self._enter(container, "soft"):
            # One warning, and it lives on: above memory.high the kernel would go on to slow it
            # down, until a jump to the hard limit takes minutes.
            with suppress(OSError):
                cgroup.write("memory.high", "max")
            self._say(f"SOFT LIMIT container={record.id} pid={record.pid} limit={record.soft_limit}")

    def _forget_memory(self, container: Container) -> None:
        with self._memory_lock:
            for descriptor in [each for each, owner in self._memory.items() if owner is container]:
                del self._memory[descriptor]
                self._poll.unregister(descriptor)
                os.close(descriptor)


def _wait(pidfd: int) -> ExitStatus:
    """Reap a child that has ended."""
    # region 03.waiting
    result = os.waitid(os.P_PIDFD, pidfd, os.WEXITED)
    assert result is not None
    if result.si_code == os.CLD_EXITED:
        return ExitStatus(code=result.si_status)
    return ExitStatus(signal=result.si_status)
    # endregion 03.waiting


def describe_end(record: Record) -> dict[str, object]:
    """How a container ended, as its event tells."""
    status = record.status
    return {
        "exit_code": status.code if status else None,
        "signal": signal_name(status.signal) if status and status.signal is not None else None,
        "reason": record.reason,
    }


def _is_about(event: Event, container: Container) -> bool:
    record = container.record
    return record.state != "exited" and event.id in ("", record.id) and event.pid in (0, record.pid)


def _remove_cgroup(container: Container) -> bool:
    """Whether the container has no cgroup any more."""
    if container.cgroup is None:
        return True
    if not container.cgroup.remove():
        container.cgroup.kill()
        return False
    container.cgroup = None
    return True


def has_executed(pid: int) -> bool | None:
    """Whether a child of ours, living or zombie, has executed a program; None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return not int(fields[6]) & PF_FORKNOEXEC
