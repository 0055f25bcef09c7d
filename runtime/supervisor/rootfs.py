"""The directory that a container lives in: found as the client meant it, known by what it is."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass

from supervisor.errors import EngineError


@dataclass(frozen=True)
class Rootfs:
    """A directory that is to be a container's root, known by what it is and not by its name."""

    path: str  # without symbolic links
    lineage: tuple[tuple[int, int], ...]  # (device, inode) of itself, its parent, … up to the host's /

    @property
    def key(self) -> tuple[int, int]:
        """What it is: device and inode."""
        return self.lineage[0]

    def overlaps(self, other: Rootfs) -> bool:
        """Whether one of the two is, or lies inside, the other."""
        # region 02.sharing
        return self.key in other.lineage or other.key in self.lineage
        # endregion 02.sharing


def find_rootfs(path: str, directory: str) -> Rootfs:
    """Look at a rootfs that a client named, seen from the client's working directory.

    Raises:
        EngineError: it is not a directory, or it is the host's own root.
    """
    full = os.path.join(directory, path)  # noqa: PTH118 - pathlib would tidy the `..` that symlinks give sense to
    try:
        place = find_place(full, os.O_DIRECTORY)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise EngineError(
            f"the rootfs {full!r} cannot be used: {why}",
            "Give a folder that holds a root file system, such as a copy of the base rootfs.",
        ) from error
    if len(place.lineage) == 1:
        raise EngineError("the host's own root directory cannot be a container's", "Give a copy of one.")
    return place


def find_place(path: str, flags: int = 0) -> Rootfs:
    """Look at a file or a directory: what it is, and what it lies in.

    Args:
        path: where it is; links are followed.
        flags: O_DIRECTORY if nothing else will do.

    Raises:
        OSError, ValueError: it is not there.
    """
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC | flags)
    try:
        real = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            return Rootfs(real, tuple(_lineage(descriptor)))
    finally:
        os.close(descriptor)
    parent = find_place(os.path.dirname(real), os.O_DIRECTORY)  # noqa: PTH120
    return Rootfs(real, ((status.st_dev, status.st_ino), *parent.lineage))


def _lineage(descriptor: int) -> Iterator[tuple[int, int]]:
    """(device, inode) of a directory and of each one above it."""
    current = os.dup(descriptor)
    try:
        previous = None
        while True:
            status = os.fstat(current)
            key = (status.st_dev, status.st_ino)
            if not stat.S_ISDIR(status.st_mode) or key == previous:
                return
            yield key
            previous = key
            parent = os.open("..", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=current)
            os.close(current)
            current = parent
    finally:
        os.close(current)
