"""What has happened to containers: a ring of the latest events, for any number of readers.

The ring is one for all. A reader holds the number of the event it wants next, and nothing
of its own; one that is too slow finds that the ring has moved on, and is told how many
events it has missed. So a client that stops reading costs a thread, and no memory.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from supervisor.bell import Bell

LENGTH = 2048
"""Events in the ring: at a few hundred bytes each, under a megabyte."""

KINDS = (
    "start",
    "soft",
    "hard",
    "stop",
    "kill",
    "pause",
    "unpause",
    "exec",
    "exec_exit",
    "exit",
    "remove",
)
"""Every kind of event there is."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a container."""

    time: float  # seconds since the epoch
    kind: str  # one of KINDS
    id: str
    details: dict[str, object] = field(default_factory=dict)


class Journal:
    """The ring. Safe to use from any thread, and with the registry's lock held."""

    def __init__(self, length: int = LENGTH) -> None:
        self._lock = threading.Lock()
        self._ring: deque[Event] = deque(maxlen=length)
        self._next = 0  # the number of the next event
        self.bell = Bell()
        self.closed = False  # no event will come any more

    def add(self, kind: str, identifier: str, **details: object) -> None:
        """Enter an event that happens now."""
        with self._lock:
            self._ring.append(Event(time.time(), kind, identifier, details))
            self._next += 1
        self.bell.ring()

    @property
    def next(self) -> int:
        """The number that the next event will have."""
        with self._lock:
            return self._next

    def read(self, start: int, most: int = 64) -> tuple[list[Event], int, int]:
        """Events from number `start` on.

        Returns:
            At most so many of them, the number to go on from, and how many were not to be
            had because the ring has moved on.
        """
        with self._lock:
            first = self._next - len(self._ring)
            lost = max(0, first - start)
            start = max(start, first)
            end = min(self._next, start + most)
            return [self._ring[number - first] for number in range(start, end)], end, lost

    def close(self) -> None:
        """Say that no more events will come."""
        self.closed = True
        self.bell.ring()
