"""What the supervisor knows about a container, and how it judges the way it ended.

`reason_for` is the whole policy, a pure function. It needs no guess, because of what PID
1 of a PID namespace is: the kernel lets no signal with default action reach it (pid_namespaces(7)),
not even from outside, but for two kinds. SIGKILL from an ancestor namespace ends it, and a
fault of its own does (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS, SIGTRAP: force_sig in
kernel/signal.c). So SIGKILL came from outside, and every other signal is its own.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass, field
from typing import Literal

State = Literal["starting", "running", "exited"]
Reason = Literal["exited", "stopped", "hard_limit_killed", "killed"]
Limits = Literal["monitor", "cgroup", "none"]

MIB = 1 << 20


def signal_name(number: int) -> str:
    """SIGKILL for 9; a real-time signal as its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


@dataclass(frozen=True)
class ExitStatus:
    """How a process ended: exactly one of the two is set."""

    code: int | None = None
    signal: int | None = None

    def as_shell(self) -> int:
        """As a shell would say it: the exit code, or 128 + the signal."""
        if self.signal is not None:
            return 128 + self.signal
        return self.code or 0


def reason_for(status: ExitStatus, *, stop_requested: bool, hard_limit_hit: bool) -> Reason:
    """Why a container ended.

    Args:
        status: how its PID 1 ended.
        stop_requested: `stop` or the shutdown had asked for it before any signal was sent.
        hard_limit_hit: the monitor (or the cgroup) reported that it killed for the hard limit.
    """
    # region 03.reason
    if stop_requested:
        return "stopped"
    if status.signal != signal.SIGKILL:
        return "exited"
    return "hard_limit_killed" if hard_limit_hit else "killed"
    # endregion 03.reason


@dataclass
class Record:
    """One container, living or gone: what `ps` shows. Changed only under the registry's lock."""

    id: str
    rootfs: str
    command: tuple[bytes, ...]
    soft_limit: int  # bytes
    hard_limit: int  # bytes
    nice: int
    cpuset: str
    log: str
    state: State = "starting"
    pid: int = 0
    started: float = 0.0  # seconds since the epoch, as time.time()
    ended: float = 0.0
    limits: Limits = "none"
    paused: bool = False  # frozen, or about to be
    stop_requested: bool = False  # set before the first signal is sent
    stop_signal: int = signal.SIGTERM  # what it was asked with to end
    soft_limit_hit: bool = False
    hard_limit_hit: bool = False
    status: ExitStatus | None = None
    reason: Reason | None = None
    notes: list[str] = field(default_factory=list)
    settings: dict[str, object] = field(default_factory=dict)  # hostname, volumes, …; JSON with fixed keys

    @property
    def stopped_by(self) -> str | None:
        """Which of the two signals of `stop` ended it, if it was stopped: KILL, or TERM or its like."""
        if self.reason != "stopped" or self.status is None:
            return None
        if self.status.signal == signal.SIGKILL:
            return "KILL"
        return signal_name(self.stop_signal).removeprefix("SIG")

    def finish(self, status: ExitStatus, when: float) -> None:
        """Enter the end."""
        self.reason = reason_for(
            status, stop_requested=self.stop_requested, hard_limit_hit=self.hard_limit_hit
        )
        self.status = status
        self.ended = when
        self.state = "exited"
        self.paused = False
