"""A machine that runs already and is graded as it stands: a student's VM, put back afterwards as far as that goes.

Nothing of it is ours but the observer. Its owner is root on it, so what it tells is worth as much as its
owner's word; `grade run` with a fresh VM is for marks that must hold.
"""

from __future__ import annotations

import contextlib
import posixpath
import shlex
import signal
from typing import Any

from grading.guest.delivery import TREE
from grading.guest.observer import GuestError
from grading.guest.records import Process
from grading.guest.tools import ROOTS, Tools
from grading.guest.vm import SETTINGS, TOOLS, Guest
from grading.halves import REFERENCE
from lab.deploy import ROOTFS_BASE
from lab.errors import LabError, MachineError
from lab.machine import kinds
from lab.machine.remote import RemoteMachine

PLACES = (TREE, REFERENCE, ROOTS)
"""What grading makes on a machine, besides `TOOLS`."""

MODULE = "monitor"
"""The name of the kernel module, whoever wrote it."""

ROUNDS = 5
"""Of killing: a process may start others while it is looked for."""

PASSING = ("/run", "/tmp", "/dev/shm")
"""Folders that a restart empties: what is new in them, an engine's socket for one, is taken away."""

NOT_OURS = ("systemd", "user", "ssh", "sudo", "udev", "log", "lock", "snap")
"""How names begin that may come there without us."""

KEPT_MOUNTS = ("/run/user/", "/run/credentials/", "/proc/sys/fs/binfmt_misc")
"""Below these systemd mounts by itself."""


class StandingGuest(Guest):
    """A guest that goes on after it was graded."""

    def __init__(self, machine: RemoteMachine[Any], tools: Tools) -> None:
        self._settings = _prepare(machine)
        for name in ("observer", "probe"):
            machine.write(f"{TOOLS}/{name}", tools.program(name).read_bytes(), mode=0o755)
        super().__init__(machine, machine.connection.talk(f"exec {TOOLS}/observer"))
        self._passing = self._listed()

    def _listed(self) -> set[str]:
        found = set()
        for folder in PASSING:
            with contextlib.suppress(OSError):
                names = self.observer.names(folder)
                found |= {f"{folder}/{name}" for name in names if not name.lstrip(".").startswith(NOT_OURS)}
        return found

    def close(self) -> None:
        """Put the machine back as it was, as far as that goes, and let go of it."""
        with contextlib.suppress(LabError, OSError):  # it may be gone, or not let us
            self._put_back()
        self.observer.close()
        with contextlib.suppress(LabError, OSError):
            self.machine.run(f"umount -l {TOOLS}; rmdir {TOOLS}", check=False, timeout=20)
        self.machine.close()

    def _put_back(self) -> None:
        observer = self.observer
        for _ in range(ROUNDS):
            ours = self._ours()
            for process in ours:
                with contextlib.suppress(GuestError):  # it has ended meanwhile
                    observer.signal(process.pid, signal.SIGKILL, start=process.start)
            if not ours:
                break
        for line in sorted(set(self.mounts()) - set(self.baseline.mounts), reverse=True):
            point = line.split()[1]
            if not point.startswith((*KEPT_MOUNTS, TOOLS)):
                observer.run("umount", "-l", _unescaped(point))
        for name in sorted(self.modules() - self.baseline.modules):
            if name == MODULE or self._is_no_part_of_the_kernel(name):
                observer.run("rmmod", name)
        observer.write("/proc/sys/kernel/hostname", self.baseline.hostname.encode())
        for name, value in self._settings.items():
            with contextlib.suppress(OSError):
                observer.write(f"/proc/sys/{name}", value.encode())
        left = sorted(self._listed() - self._passing)
        observer.run("rm", "-rf", "--one-file-system", "--", *PLACES, *left, timeout=60)

    def _ours(self) -> list[Process]:
        """Processes that grading brought: below the observer, in its places, or in namespaces of their own."""
        processes = {process.pid: process for process in self.observer.processes(everybody=True)}
        first = processes.get(1)
        host = first.spaces if first else {}
        found = []
        for process in self.newcomers():
            if process.parent == 2 or process.state == "Z" or not process.words:
                continue  # the kernel's own, or ended
            elsewhere = any(
                process.spaces.get(kind) not in ("", None, host.get(kind)) for kind in ("pid", "mnt")
            )
            if elsewhere or self._is_at_our_places(process):
                found.append(process)
        return found

    def _is_at_our_places(self, process: Process) -> bool:
        told = list(process.words)
        for link in ("exe", "cwd"):
            with contextlib.suppress(OSError):
                told.append(self.observer.link(f"/proc/{process.pid}/{link}"))
        return any(f"{text}/".startswith(f"{place}/") for text in told for place in PLACES)

    def _is_no_part_of_the_kernel(self, name: str) -> bool:
        """Whether a module was built outside its kernel's tree (Documentation/admin-guide/tainted-kernels.rst)."""
        try:
            return b"O" in self.observer.read(f"/sys/module/{name}/taint", most=64)
        except OSError:
            return False


def standing_guest(name: str, tools: Tools) -> StandingGuest:
    """A guest on a machine of the lab that runs already.

    Raises:
        LabError: it does not answer, is not provisioned, or is in use in a way that grading would disturb.
    """
    machine = kinds.find(name)
    try:
        return StandingGuest(machine, tools)
    except BaseException:
        machine.close()
        raise


def _prepare(machine: RemoteMachine[Any]) -> dict[str, str]:
    """Look whether it can be graded, make room for the observer, and return the settings that will be changed."""
    asked = machine.run(
        f"test -d {ROOTFS_BASE} || echo rootfs; "
        f"for place in {' '.join(PLACES)}; do "
        f"test ! -e $place || test -e {TOOLS}/observer || echo $place; done; "
        f"! grep -q '^{MODULE} ' /proc/modules || rmmod {MODULE} 2>/dev/null || echo {MODULE}",
        timeout=30,
    )
    missing = asked.text.split()
    if "rootfs" in missing:
        raise MachineError(
            f"Machine {machine.name!r} has no {ROOTFS_BASE}, from which containers are made",
            f"`lab add {machine.name} USER@HOST` brings it, and all else that a lab VM contains.",
        )
    if MODULE in missing:
        raise MachineError(
            f"A module {MODULE} is in use on machine {machine.name!r}",
            "End the engine there, and `rmmod monitor`.",
        )
    if missing:
        raise MachineError(
            f"Machine {machine.name!r} has {missing[0]} already, which grading would overwrite",
            "Move it away.",
        )
    # /run may be mounted without the right to execute.
    machine.run(
        f"umount -l {TOOLS} 2>/dev/null; mkdir -p {TOOLS} && mount -t tmpfs -o mode=755,size=16m tmpfs {TOOLS}"
        f" && rm -rf --one-file-system {' '.join(PLACES)}",
        timeout=60,
    )
    names = list(SETTINGS)
    said = machine.run(
        "; ".join(
            f"cat {shlex.quote(posixpath.join('/proc/sys', name))} 2>/dev/null || echo" for name in names
        ),
        timeout=20,
    ).text.splitlines()
    return {name: value for name, value in zip(names, said, strict=False) if value}


def _unescaped(point: str) -> str:
    """A mount point as mountinfo tells it, where spaces are `\\040` (proc_pid_mountinfo(5))."""
    return point.encode().decode("unicode_escape") if "\\" in point else point
