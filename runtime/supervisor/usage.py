"""What a container uses at this moment: its processes, memory and CPU time, read from /proc and its cgroup.

Where there is a cgroup, it knows. Where there is none, the processes are those whose PID
namespace is the container's. Every figure is of a moment, and any process may be gone
before the next line is read: what cannot be read any more counts as nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from supervisor.live import Container

PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")
"""Clock ticks in a second, the unit of CPU time in /proc/PID/stat (proc_pid_stat(5))."""


@dataclass(frozen=True)
class Usage:
    """What a container uses."""

    memory: int  # bytes, as whoever holds its limits counts them
    cpu: float  # seconds of CPU time since its start
    processes: int


@dataclass(frozen=True)
class Process:
    """A process of a container."""

    pid: int  # as the host sees it
    inner: int  # the same in the container's PID namespace
    parent: int  # as the host sees it
    state: str  # R, S, D, T, Z …
    resident: int  # bytes
    cpu: float  # seconds of CPU time
    name: str  # of its program, up to 15 characters
    command: tuple[bytes, ...]  # empty for a zombie


def pids(container: Container) -> list[int]:
    """The processes of a container, by the host's PIDs, in ascending order."""
    if container.cgroup is not None:
        try:
            return sorted(map(int, container.cgroup.read("cgroup.procs").split()))
        except OSError:
            return []
    first = namespace(container.record.pid)
    return [pid for pid in everybody() if first and namespace(pid) == first]


def everybody() -> list[int]:
    """Every process of the host."""
    return sorted(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208


def namespace(pid: int) -> str:
    """What tells the PID namespace of a process from others; empty if the process is gone."""
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")  # noqa: PTH115
    except OSError:
        return ""


def usage(container: Container) -> Usage | None:
    """What a container uses; None unless it runs."""
    if container.record.state != "running":
        return None
    members = pids(container)
    return Usage(
        memory=_memory(container, members),
        cpu=_cpu(container, members),
        processes=len(members),
    )


def _memory(container: Container, members: list[int]) -> int:
    """As the kernel monitor counts: the resident bytes of all. As the cgroup does, where it holds the limits."""
    if container.record.limits == "cgroup" and container.cgroup is not None:
        try:
            return int(container.cgroup.read("memory.current"))
        except OSError:
            return 0
    return sum(map(resident, members))


def _cpu(container: Container, members: list[int]) -> float:
    if container.cgroup is not None:
        try:
            statistics = dict(map(str.split, container.cgroup.read("cpu.stat").splitlines()))
            return int(statistics["usage_usec"]) / 1e6
        except (OSError, KeyError):
            return 0.0
    return sum(process.cpu for pid in members if (process := look(pid)))


def resident(pid: int) -> int:
    """The resident bytes of a process; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def look(pid: int) -> Process | None:
    """What /proc tells of a process; None if it is gone."""
    try:
        head, _, tail = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    fields = tail.split()
    numbers = [line.split() for line in status.splitlines() if line.startswith(b"NSpid:")]
    return Process(
        pid=pid,
        inner=int(numbers[0][-1]) if numbers else pid,
        parent=int(fields[1]),
        state=fields[0].decode(),
        resident=int(fields[21]) * PAGE,
        cpu=(int(fields[11]) + int(fields[12])) / TICKS,
        name=head.partition(b"(")[2].decode("utf-8", "backslashreplace"),
        command=tuple(words.removesuffix(b"\0").split(b"\0")) if words else (),
    )


def processes(container: Container) -> list[Process]:
    """Every process of a container, in the order of their PIDs."""
    return [process for pid in pids(container) if (process := look(pid))]
