"""Brings a used guest back to what it was, where that can be done: seconds are saved beside a fresh one."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Sequence

from grading.guest.tools import ROOTS
from grading.guest.vm import Guest
from lab.errors import LabError

CLEAN_SECONDS = 10.0

LEFT = (
    "/run/boxwright",
    "/var/log/bwstray.log",
    "/run/engine-c",
    "/var/log/engine-c",
    "/var/log/boxwright",
)
"""What an engine leaves on the disk."""


def cleaned(guest: Guest, left: Sequence[str], token: str) -> bool:
    """End and remove what was done in a guest; false where that does not give a guest as good as new.

    Args:
        guest: which; nobody uses it.
        left: paths to be removed.
        token: another one each time, for the name of what is removed meanwhile.
    """
    try:
        observer = guest.observer
        deadline = guest.patience.deadline(CLEAN_SECONDS)
        while newcomers := guest.newcomers():
            if deadline.left() < 0:
                return False
            for process in newcomers:
                with contextlib.suppress(OSError):  # it ended meanwhile
                    observer.signal(process.pid, signal.SIGKILL, start=process.start)
        for name in guest.modules() - guest.baseline.modules:
            observer.run("rmmod", name, timeout=10)
        for line in sorted(set(guest.mounts()) - set(guest.baseline.mounts), reverse=True):
            observer.run("umount", "-l", line.split()[1])
        observer.write("/proc/sys/kernel/hostname", guest.baseline.hostname.encode())
        observer.run("rm", "-rf", "--one-file-system", *left)
        observer.run("mv", ROOTS, f"/srv/gone-{token}")
        observer.start("nice", "rm", "-rf", f"/srv/gone-{token}", timeout=0)  # meanwhile
        whole = (
            guest.modules() == guest.baseline.modules
            and tuple(guest.mounts()) == guest.baseline.mounts
            and tuple(guest.propagation()) == guest.baseline.propagation
            and observer.proc("sys/kernel/hostname").strip() == guest.baseline.hostname
            and observer.stat("/dev/container_monitor") is None
            and guest.trouble() is None
        )
        observer.kernel.clear()  # lines of the last one would answer for the next
        observer.jobs.clear()
    except (LabError, OSError):
        return False
    return whole
