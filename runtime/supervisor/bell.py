"""A bell: something has changed. Whoever waits for it waits on a descriptor, beside others.

A condition variable wakes a thread that waits for nothing else. A worker waits for news and
for its client, in one poll(2); so each listener has an eventfd, and ringing never blocks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Bell:
    """Rings in every listener's eventfd."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: set[int] = set()

    def listen(self) -> int:
        """An eventfd that becomes readable with the next ring. To be given back with `leave`."""
        listener = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        with self._lock:
            self._listeners.add(listener)
        return listener

    def leave(self, listener: int) -> None:
        """Close a listener's eventfd."""
        with self._lock:
            self._listeners.discard(listener)
        os.close(listener)

    @contextmanager
    def heard(self) -> Iterator[int]:
        """Such an eventfd for the length of a `with` block."""
        listener = self.listen()
        try:
            yield listener
        finally:
            self.leave(listener)

    def ring(self) -> None:
        """Wake every listener. Never blocks."""
        if not self._listeners:
            return
        with self._lock:
            for listener in self._listeners:
                os.eventfd_write(listener, 1)
