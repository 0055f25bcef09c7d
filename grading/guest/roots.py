"""Root file systems for containers in a graded guest: made within a moment, of what its warm state has ready."""

from __future__ import annotations

from grading.guest.observer import GuestError, Observer
from grading.guest.tools import BASE, POOL, ROOTS
from grading.guest.vm import TOOLS
from lab.deploy import ROOTFS_BASE
from lab.errors import LabError


def make_base(observer: Observer) -> None:
    """Make the base rootfs for the supervisor, where it is not there yet.

    Raises:
        LabError: the guest could not.
    """
    if observer.stat(BASE) is None:
        observer.run("mkdir", "-p", ROOTS)
        make_root(observer, BASE, "probe")


def make_root(observer: Observer, path: str, probe: str) -> None:
    """Make one of the lab's base rootfs, with the probe in it.

    Args:
        observer: of the guest.
        path: of the new one.
        probe: the name of the probe in its top folder.

    Raises:
        LabError: the guest could not.
    """
    try:
        # Hard links: no check writes to a file that was there.
        observer.make_root(ROOTFS_BASE, path, f"{TOOLS}/probe", probe, POOL)
    except GuestError as error:
        raise LabError("The guest could not make a rootfs", detail=str(error)) from error
