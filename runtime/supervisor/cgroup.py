"""A cgroup for each container: accounting, a kill that misses nobody, CPU weight, and limits
where no kernel monitor is loaded. cgroup v2 only (Documentation/admin-guide/cgroup-v2.rst).

A nice value compares processes of one cgroup; between cgroups the kernel compares their
cpu.weight. So the container's nice value is written to its cpu.weight.nice as well:
otherwise two containers would get half of the CPU each, whatever their nice values.
"""

from __future__ import annotations

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

CONTROLLERS = ("cpu", "memory", "pids", "cpuset")
PARENT = "boxwright"


class Cgroup:
    """The cgroup of one container."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()  # the reaper removes it while others may be at work in it
        path.mkdir()
        try:
            self.descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            path.rmdir()
            raise

    def open(self, name: str, flags: int) -> int:
        """Open one of its files.

        Raises:
            OSError: the controller is not there, or the cgroup is gone.
        """
        with self._lock:
            if self.descriptor < 0:
                raise FileNotFoundError(errno.ENOENT, "the cgroup is gone", str(self.path))
            return os.open(name, flags | os.O_CLOEXEC, dir_fd=self.descriptor)

    def copy_descriptor(self) -> int:
        """A descriptor of it for the caller to keep; -1 once it is removed."""
        with self._lock:
            return os.dup(self.descriptor) if self.descriptor >= 0 else -1

    def write(self, name: str, value: str | int) -> None:
        """Write one of its files.

        Raises:
            OSError: the kernel refused, or the controller is not there.
        """
        file = self.open(name, os.O_WRONLY)
        try:
            os.write(file, str(value).encode())
        finally:
            os.close(file)

    def read(self, name: str) -> str:
        """Read one of its files.

        Raises:
            OSError: the controller is not there, or the cgroup is gone.
        """
        with os.fdopen(self.open(name, os.O_RDONLY)) as file:
            return file.read()

    def limit(self, soft: int, hard: int) -> None:
        """Let the kernel hold the limits: memory.high warns, memory.max kills the whole container."""
        self.write("memory.high", soft)
        self.write("memory.max", hard)
        self.write("memory.oom.group", 1)
        with suppress(FileNotFoundError):  # a kernel without swap
            self.write("memory.swap.max", 0)

    def memory_events(self) -> dict[str, int]:
        """How often what happened to its memory; empty where it is not counted."""
        try:
            return dict(
                (key, int(value)) for key, value in map(str.split, self.read("memory.events").splitlines())
            )
        except OSError:
            return {}

    def kill(self) -> None:
        """SIGKILL to every process in it, also to those being forked at this moment (Linux 5.14)."""
        with suppress(OSError):
            self.write("cgroup.kill", 1)

    def remove(self) -> bool:
        """Take it away; False while a process in it is still ending."""
        with self._lock:
            try:
                self.path.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return False
            os.close(self.descriptor)
            self.descriptor = -1
        return True


class Cgroups:
    """The folder of all our cgroups.

    Args:
        root: where cgroup v2 is mounted.
        tag: what tells the cgroups of this supervisor from those of another.
    """

    def __init__(self, root: Path, tag: str) -> None:
        self._tag = tag
        self._folder = root / PARENT
        self._count = 0
        self._folder.mkdir(exist_ok=True)
        self.controllers = [name for name in CONTROLLERS if self._enable(root, name)]
        self._sweep()

    # region 07.cgroup
    @classmethod
    def find(cls, tag: str) -> Cgroups | None:
        """Those of this machine; None where cgroup v2 is not mounted or cannot be written."""
        for line in Path("/proc/self/mountinfo").read_text().splitlines():
            fields, _, kind = line.partition(" - ")
            if kind.startswith("cgroup2 "):
                try:
                    return cls(Path(fields.split()[4]), tag)
                except OSError:
                    return None
        return None

    def create(self, identifier: str) -> Cgroup:
        """A new cgroup, for a container of this id.

        Raises:
            OSError: the kernel refused.
        """
        while True:
            self._count += 1
            with suppress(FileExistsError):  # left by a supervisor that was killed, and still not empty
                return Cgroup(self._folder / f"{identifier}-{self._tag}-{self._count}")

    def _enable(self, root: Path, controller: str) -> bool:
        try:
            for folder in (root, self._folder):
                (folder / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            return False  # not in this kernel, or owned by cgroup v1
        return True

    # endregion 07.cgroup

    def _sweep(self) -> None:
        """Remove what a supervisor that was killed has left here."""
        for leftover in self._folder.glob(f"*-{self._tag}-*"):
            try:
                (leftover / "cgroup.kill").write_text("1")
                leftover.rmdir()
            except OSError:
                continue  # its last process is still ending; the next start will find it
