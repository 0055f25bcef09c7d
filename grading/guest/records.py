"""What the observer tells of a guest: programs that ended, processes, files, lines of the kernel's log."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finished:
    """A program in the guest that has ended, with what it printed. Bytes: it may have printed anything."""

    words: tuple[str, ...]
    status: int
    """As waitpid(2) tells it."""
    stdout: bytes
    stderr: bytes
    stdout_bytes: int
    """How many it wrote, also beyond the limit."""
    stderr_bytes: int
    began: float
    """Seconds of the guest's CLOCK_MONOTONIC."""
    ended: float
    timed_out: bool
    """Whether its time limit was reached, and it was killed for that."""

    @property
    def code(self) -> int:
        """Its exit code, or 128 and the signal's number, as a shell tells it."""
        return 128 + os.WTERMSIG(self.status) if os.WIFSIGNALED(self.status) else os.WEXITSTATUS(self.status)

    @property
    def refuses(self) -> bool:
        """Whether it says no: it came to its end by itself, with a status other than 0."""
        return self.code != 0 and not self.timed_out

    @property
    def crashed(self) -> bool:
        """Whether a signal ended it that was not sent for its time limit: that says nothing, not even no."""
        return os.WIFSIGNALED(self.status) and not self.timed_out

    @property
    def ending(self) -> str:
        """Its exit code, and whether it had to be ended; for the student."""
        return f"{self.code}{' after the time limit' if self.timed_out else ''}"

    @property
    def seconds(self) -> float:
        """How long it ran."""
        return self.ended - self.began

    @property
    def text(self) -> str:
        """Standard output as text; undecodable bytes are shown as `\\xNN`."""
        return self.stdout.decode("utf-8", "backslashreplace")

    @property
    def error_text(self) -> str:
        """Standard error, likewise."""
        return self.stderr.decode("utf-8", "backslashreplace")

    @property
    def said(self) -> str:
        """Both outputs, standard output first, without blanks around them."""
        return (self.text + self.error_text).strip()


@dataclass(frozen=True)
class Process:
    """One process of the guest, as its kernel tells it (proc(5))."""

    pid: int
    parent: int
    name: str
    state: str
    """A letter: `R` runs, `S` sleeps, `Z` is a zombie."""
    start: int
    """In clock ticks since boot; with the PID it names a process for ever."""
    cpu_ticks: int
    """Of processor time, user and system."""
    nice: int
    threads: int
    space_pids: tuple[int, ...]
    """Its PIDs in the nested PID namespaces, its innermost last (`NSpid`)."""
    rss_bytes: int
    spaces: dict[str, str]
    """Its namespaces by `pid`, `mnt`, `uts`, `ipc`; a zombie has none."""
    words: tuple[str, ...]
    """Its command line."""


def descendants(processes: Iterable[Process], pid: int) -> list[Process]:
    """The children of a process, theirs, and so on, as far as their parents live."""
    found: list[Process] = []
    left, parents = list(processes), {pid}
    while children := [each for each in left if each.parent in parents]:
        found += children
        left = [each for each in left if each.parent not in parents]
        parents = {each.pid for each in children}
    return found


@dataclass(frozen=True)
class FileStatus:
    """What lstat(2) tells of a file."""

    kind: str
    """`f` file, `d` folder, `l` link, `c` character device, `b` block device, `s` socket, `p` FIFO."""
    mode: int
    size: int
    device: int
    inode: int
    device_number: int
    links: int


@dataclass(frozen=True)
class Executor:
    """A process that was about to execute a file, as it was just before."""

    pid: int
    permitted: int
    """Its permitted capabilities, a bit for each; those of root after exec are the bounding set (capabilities(7))."""
    seals: int
    """Of the file that it was executed from itself, F_SEAL_* (fcntl(2)); -1 for one that cannot be sealed."""
    device: int
    inode: int
    path: str
    """As the kernel tells it (proc_pid_exe(5))."""

    @property
    def is_sealed(self) -> bool:
        """Whether nobody can write to that file, whoever it is."""
        return self.seals >= 0 and bool(self.seals & fcntl.F_SEAL_WRITE)


@dataclass(frozen=True)
class KernelRecord:
    """One record of the kernel's log (Documentation/ABI/testing/dev-kmsg)."""

    sequence: int
    facility: int
    """0 is the kernel itself; what a program writes to /dev/kmsg never has it."""
    level: int
    seconds: float
    """Since boot."""
    text: str


def read_executors(received: bytes) -> list[Executor]:
    """What a look-out for executors has received (`executors` in handles.c)."""
    found = []
    for line in received.split(b"\0")[:-1]:
        pid, permitted, *numbers, path = line.decode("utf-8", "backslashreplace").split(" ", 5)
        seals, device, inode = map(int, numbers)
        found.append(Executor(int(pid), int(permitted, 16), seals, device, inode, path))
    return found


def socket_address(name: str) -> str:
    """The address of a UNIX socket, of its name in proc_net(5): there `@` stands for the NULs of an abstract one.

    Those at its end belong to the name where a program has bound the whole structure. One in the middle is an `@`.
    """
    if not name.startswith("@"):
        return name
    middle = name[1:].rstrip("@")
    return "\0" + middle + "\0" * (len(name) - 1 - len(middle))


def read_process(fields: list[bytes]) -> Process:
    """One process of the observer's answer to `processes` (looking.c)."""
    pid, stat, space_pids, rss, *rest = fields
    name, _, after = stat.decode("utf-8", "backslashreplace").partition("(")[2].rpartition(")")
    values = after.split()  # from field 3 of proc_pid_stat(5) on
    words = rest[4].split(b"\0")
    return Process(
        pid=int(pid),
        parent=int(values[1]),
        name=name,
        state=values[0],
        start=int(values[19]),
        cpu_ticks=int(values[11]) + int(values[12]),
        nice=int(values[16]),
        threads=int(values[17]),
        space_pids=tuple(int(number) for number in space_pids.split()),
        rss_bytes=int(rss.split()[0]) * 1024 if rss.split() else 0,
        spaces={kind: rest[at].decode() for at, kind in enumerate(("pid", "mnt", "uts", "ipc"))},
        words=tuple(word.decode("utf-8", "backslashreplace") for word in words[:-1]),
    )


def read_kernel_record(raw: bytes) -> KernelRecord | None:
    """A record as a read of /dev/kmsg gives it; None where it is none."""
    head, _, text = raw.partition(b";")
    values = head.split(b",")
    try:
        priority, sequence, microseconds = (int(value) for value in values[:3])
    except ValueError:
        return None
    line = text.split(b"\n")[0].decode("utf-8", "backslashreplace")
    return KernelRecord(sequence, priority >> 3, priority & 7, microseconds / 1e6, line)
