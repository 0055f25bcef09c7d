"""A container while it lives: its record, and what the supervisor holds of it."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress

from supervisor.bell import Bell
from supervisor.cgroup import Cgroup
from supervisor.container import Spec
from supervisor.logs import ContainerLog
from supervisor.records import ExitStatus, Record
from supervisor.rootfs import Rootfs


class Container:
    """The handle of one container. What it holds is given back by the reaper."""

    def __init__(self, record: Record, rootfs: Rootfs) -> None:
        self.record = record
        self.rootfs = rootfs
        self.shared: list[Rootfs] = []  # what else of the host it can change: the sources of its volumes
        self.spec: Spec | None = None  # what it was cloned with
        self.log: ContainerLog | None = None
        self.cgroup: Cgroup | None = None
        self.exited = threading.Event()  # reaped, and its record says how it ended; or it was never started
        self.executed: bool | None = None  # whether it ever became its program; None while unknown
        self.guarded = False  # a thread sees to `--timeout` and `--rm`
        self.leaving = False  # `--rm`: its record is being removed
        self.removed = threading.Event()  # and has been, and its log
        self.announced = False  # the event that it has started is in the journal
        self.guests: list[Guest] = []  # processes that `exec` has put into it; under the registry's lock
        self.bell = Bell()  # rings whenever its log has grown, and at its end
        self._pidfd = -1
        self._lock = threading.Lock()  # of the pidfd

    def attach(self, pidfd: int) -> None:
        """Take over the descriptor of its first process."""
        with self._lock:
            self._pidfd = pidfd

    @property
    def pidfd(self) -> int:
        """The descriptor of its first process; -1 before it is cloned and after it is reaped."""
        return self._pidfd

    def detach(self) -> None:
        """Close the descriptor of a process that has been reaped."""
        with self._lock:
            os.close(self._pidfd)
            self._pidfd = -1

    def send(self, number: int) -> None:
        """Send a signal to its first process, to no other, and to nobody once it is reaped."""
        with self._lock:
            if self._pidfd >= 0:
                with suppress(ProcessLookupError):  # a zombie that the reaper is about to collect
                    signal.pidfd_send_signal(self._pidfd, number)

    def exists(self) -> bool:
        """Whether its first process is there, if only as a zombie: its PID is no other's until then."""
        with self._lock:
            if self._pidfd < 0:
                return False
            try:
                signal.pidfd_send_signal(self._pidfd, 0)
            except ProcessLookupError:
                return False
            return True

    def copy_pidfd(self) -> int:
        """A descriptor of its first process for the caller to keep; -1 once it is reaped."""
        with self._lock:
            return os.dup(self._pidfd) if self._pidfd >= 0 else -1

    def watch(self) -> int:
        """An eventfd that becomes readable whenever the log has grown or the container has ended."""
        return self.bell.listen()

    def unwatch(self, watcher: int) -> None:
        """Close such an eventfd."""
        self.bell.leave(watcher)

    def changed(self) -> None:
        """Wake everybody who watches. Never blocks."""
        self.bell.ring()


class Guest:
    """A process that `exec` has put into a container. The reaper waits for it, a worker attends to it."""

    def __init__(self, pid: int, pidfd: int, command: tuple[bytes, ...]) -> None:
        self.pid = pid
        self.command = command
        self.status: ExitStatus | None = None
        self.ended = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)  # readable when `status` is there
        self._pidfd = pidfd
        self._lock = threading.Lock()  # of the pidfd

    @property
    def pidfd(self) -> int:
        """Its descriptor; -1 once it is reaped."""
        return self._pidfd

    def send(self, number: int) -> None:
        """Send it a signal; to nobody once it is reaped."""
        with self._lock:
            if self._pidfd >= 0:
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(self._pidfd, number)

    def finish(self, status: ExitStatus) -> None:
        """Enter how it ended, now that it is reaped."""
        with self._lock:
            os.close(self._pidfd)
            self._pidfd = -1
            self.status = status
            if self.ended >= 0:
                os.eventfd_write(self.ended, 1)

    def close(self) -> None:
        """Attend to it no more."""
        with self._lock:
            os.close(self.ended)
            self.ended = -1
