"""All containers of this supervisor, by id; who may come in, and who shares what with whom."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.errors import EngineError

if TYPE_CHECKING:
    from supervisor.live import Container


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
        return self.key in other.lineage or other.key in self.lineage


def find_rootfs(path: str, directory: str) -> Rootfs:
    """Look at a rootfs that a client named, seen from the client's working directory.

    Raises:
        EngineError: it is not a directory, or it is the host's own root.
    """
    full = os.path.join(directory, path)  # noqa: PTH118 - pathlib would tidy the `..` that symlinks give sense to
    try:
        descriptor = os.open(full, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise EngineError(
            f"the rootfs {full!r} cannot be used: {why}",
            "Give a folder that holds a root file system, such as a copy of the base rootfs.",
        ) from error
    try:
        lineage = tuple(_lineage(descriptor))
        real = os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115
    finally:
        os.close(descriptor)
    if len(lineage) == 1:
        raise EngineError("the host's own root directory cannot be a container's", "Give a copy of one.")
    return Rootfs(real, lineage)


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


class Registry:
    """The containers, and the one lock under which their records change."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)  # some record has a new state
        self._containers: dict[str, Container] = {}  # in the order they were started
        self._closed = False  # no further starts

    def admit(self, container: Container) -> Callable[[], None]:
        """Record a container as starting; gives a function that takes it back out.

        Raises:
            EngineError: its id or its rootfs belongs to a living container, or the
                supervisor is shutting down.
        """
        identifier = container.record.id
        with self.lock:
            if self._closed:
                raise EngineError("the supervisor is shutting down")
            old = self._containers.get(identifier)
            if old is not None and old.record.state != "exited":
                raise EngineError(
                    f"a container {identifier} is {old.record.state} already",
                    f"Take another id, or `engine stop {identifier}` first.",
                )
            for other in self._containers.values():
                if other.record.state != "exited" and other.rootfs.overlaps(container.rootfs):
                    raise EngineError(
                        f"the rootfs {container.rootfs.path} is in use by container {other.record.id}",
                        "Give each container a copy of its own.",
                    )
            self._containers.pop(identifier, None)  # the new record goes to the end
            self._containers[identifier] = container

        def withdraw() -> None:
            with self.lock:
                if self._containers.get(identifier) is container:
                    del self._containers[identifier]
                    if old is not None:
                        self._containers[identifier] = old
                self.changed.notify_all()

        return withdraw

    def find(self, identifier: str) -> Container:
        """The container of that id.

        Raises:
            EngineError: there is none.
        """
        with self.lock:
            container = self._containers.get(identifier)
        if container is None:
            raise EngineError(f"there is no container {identifier}", "`engine ps` lists those there are.")
        return container

    def __contains__(self, container: Container) -> bool:
        """Whether it is (still) one of them. The caller holds the lock."""
        return self._containers.get(container.record.id) is container

    def all(self) -> list[Container]:
        """Every container, the oldest first."""
        with self.lock:
            return list(self._containers.values())

    def close(self) -> None:
        """Admit nobody any more."""
        with self.lock:
            self._closed = True
