"""All containers of this supervisor, by id; who may come in, and who shares what with whom."""

from __future__ import annotations

import threading
from collections.abc import Callable

from supervisor.errors import EngineError
from supervisor.events import Journal
from supervisor.live import Container


class Registry:
    """The containers, and the one lock under which their records change."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)  # some record has a new state
        self.events = Journal()
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
            # region 02.identity
            old = self._containers.get(identifier)
            if old is not None and old.record.state != "exited":
                raise EngineError(
                    f"a container {identifier} is {old.record.state} already",
                    f"Take another id, or `engine stop {identifier}` first.",
                )
            for other in self._containers.values():
                if other.record.state != "exited":
                    _check_sharing(container, other)
            # endregion 02.identity
            self._containers.pop(identifier, None)  # the new record goes to the end
            self._containers[identifier] = container

        def withdraw() -> None:
            with self.lock:
                if self._containers.get(identifier) is container:
                    del self._containers[identifier]
                    if old is not None and not old.leaving:
                        self._containers[identifier] = old
                container.exited.set()
                self.changed.notify_all()
            container.changed()

        return withdraw

    def get(self, identifier: str) -> Container | None:
        """The container of that id, if there is one. The caller holds the lock."""
        return self._containers.get(identifier)

    def announce(self, container: Container) -> None:
        """Enter the event that a container has started, once. The caller holds the lock."""
        if not container.announced:
            container.announced = True
            self.events.add("start", container.record.id, pid=container.record.pid)

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

    def remove(self, container: Container) -> None:
        """Forget a container that has ended.

        Raises:
            EngineError: it lives, or is none of ours any more.
        """
        record = container.record
        with self.lock:
            if self._containers.get(record.id) is not container:
                raise EngineError(f"container {record.id} is removed or replaced already")
            if record.state != "exited":
                raise EngineError(
                    f"container {record.id} is {record.state}",
                    f"Use `engine stop {record.id}` first, or `engine rm -f {record.id}`.",
                )
            del self._containers[record.id]
            self.events.add("remove", record.id)  # before the next one of this id can start

    def close(self) -> None:
        """Admit nobody any more."""
        with self.lock:
            self._closed = True


def _check_sharing(container: Container, other: Container) -> None:
    """Make sure that neither of two containers can change what is the other's root.

    Raises:
        EngineError: one can.
    """
    if other.rootfs.overlaps(container.rootfs):
        raise EngineError(
            f"the rootfs {container.rootfs.path} is in use by container {other.record.id}",
            "Give each container a copy of its own.",
        )
    for place in container.shared:
        if place.overlaps(other.rootfs):
            raise EngineError(
                f"the volume {place.path} would share the rootfs of container {other.record.id}",
                "Mount another folder, or this one read-only (:ro).",
            )
    for place in other.shared:
        if place.overlaps(container.rootfs):
            raise EngineError(
                f"the rootfs {container.rootfs.path} is part of a volume of container {other.record.id}",
                "Give each container a copy of its own.",
            )
