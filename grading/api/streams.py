"""Where the outputs of a container lead, and who has their other ends: as the kernel tells it, in /proc/PID/fd."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grading.api.sockets import open_files
from grading.guest.observer import GuestError, Observer
from grading.guest.records import Process, descendants

if TYPE_CHECKING:
    from grading.api.container import Container

OUTPUTS = {1: "standard output", 2: "standard error"}

MODE = 3
WRITES_ONLY = 1
"""O_WRONLY of open(2), among the flags in /proc/PID/fdinfo (proc_pid_fdinfo(5))."""

MASTER = re.compile(r"/dev/(?:pts/)?ptmx")
"""The other end of a pseudo-terminal (pts(4))."""


@dataclass(frozen=True)
class Stream:
    """One output of a container."""

    target: str
    """As readlink(2) of the descriptor has it: `pipe:[4711]`, or a path."""
    kind: str
    """`pipe`, `socket`, `terminal`; `file` for all else."""
    is_read: bool
    """Whether the supervisor has the other end, or a helper of its outside of the container."""

    def __str__(self) -> str:
        return self.target if self.is_read or self.kind == "file" else f"{self.target}, which nobody reads"


@dataclass(frozen=True)
class _Open:
    """A descriptor of a process outside."""

    pid: int
    name: str
    target: str


def streams_of(container: Container) -> dict[int, Stream]:
    """Both outputs of a container that runs, by descriptor."""
    observer = container.engine.observer
    process = container.await_running()
    targets = {number: observer.link(f"proc:{process.pid}/fd/{number}") for number in OUTPUTS}
    kinds = {number: _kind(observer, target) for number, target in targets.items()}
    if set(kinds.values()) == {"file"}:
        return {number: Stream(target, "file", False) for number, target in targets.items()}
    outside = [
        _Open(each, name, target)
        for each in _outside(container, process)
        for name, target in open_files(observer, each)
    ]
    return {
        number: Stream(target, kinds[number], _is_read(observer, target, kinds[number], outside))
        for number, target in targets.items()
    }


def _kind(observer: Observer, target: str) -> str:
    if target.startswith(("pipe:", "socket:")):
        return target.partition(":")[0]
    if target.startswith("/dev/pts/"):
        return "terminal"
    try:
        status = observer.stat(target) if target.startswith("/") else None
    except GuestError:
        status = None
    return "pipe" if status is not None and status.kind == "p" else "file"  # a FIFO is a pipe with a name


def _outside(container: Container, process: Process) -> list[int]:
    """The supervisor, its helpers, and who started the container, as far as they are not in it."""
    engine = container.engine
    everybody = {each.pid: each for each in engine.observer.processes()}
    found = {engine.supervisor.pid} if engine.supervisor else set()
    for each in [*found]:
        found |= {child.pid for child in descendants(everybody.values(), each)}
    parent = everybody.get(process.parent)
    while parent is not None and parent.pid not in found:  # a helper that was given away to PID 1
        found.add(parent.pid)
        parent = everybody.get(parent.parent)
    inside = {each.pid for each in container.processes}
    return sorted(pid for pid in found - inside if pid not in everybody or len(everybody[pid].space_pids) < 2)


def _is_read(observer: Observer, target: str, kind: str, outside: list[_Open]) -> bool:
    """Whether one of these descriptors is the other end; of a socket the kernel's files do not tell which."""
    if kind == "terminal":
        return any(MASTER.fullmatch(each.target) for each in outside)
    if kind == "socket":
        return any(each.target.startswith("socket:") and each.target != target for each in outside)
    same = [each for each in outside if each.target == target]
    return kind == "pipe" and any(_can_read(observer, each) for each in same)


def _can_read(observer: Observer, opened: _Open) -> bool:
    flags = re.search(
        r"^flags:\s*([0-7]+)$", observer.proc(f"{opened.pid}/fdinfo/{opened.name}"), re.MULTILINE
    )
    return flags is not None and int(flags[1], 8) & MODE != WRITES_ONLY
