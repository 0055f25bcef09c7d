"""The bounded buffer: one producer, one consumer, and never more than `capacity` bytes between them.

The producer reads a container's pipes, the consumer writes its log. When the disk is
slow the buffer fills, `put` waits, the pipes are not read, they fill, and the container's
own write() waits: so back pressure reaches the one who causes it, and only that one,
because every container has a buffer of its own.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sized
from typing import Generic, TypeVar

Item = TypeVar("Item", bound=Sized)


class BoundedBuffer(Generic[Item]):
    """A queue of chunks, bounded by their total length in bytes: what `len` says of each."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._chunks: deque[Item] = deque()  # none of them empty
        self._size = 0  # their total length; above capacity only for a single, longer chunk
        self._closed = False  # no put() after this; get() still hands out what is left
        self._lock = threading.Lock()
        # Two conditions of one lock: who waits for room, and who waits for bytes. With a
        # single one, a notify could wake the wrong side, and both would sleep for ever.
        self._not_full = threading.Condition(self._lock)
        self._not_empty = threading.Condition(self._lock)

    # region 05.buffer
    def put(self, chunk: Item) -> None:
        """Append a chunk; waits while there is no room for it.

        A chunk longer than the whole buffer goes in when the buffer is empty.

        Raises:
            ValueError: the buffer was closed.
        """
        with self._lock:
            # `while`, not `if`: what was true at notify() need not be true when we wake.
            while self._size and self._size + len(chunk) > self.capacity and not self._closed:
                self._not_full.wait()
            if self._closed:
                raise ValueError("put() after close()")
            if len(chunk):
                self._chunks.append(chunk)
                self._size += len(chunk)
                self._not_empty.notify()

    def get(self) -> Item | None:
        """Take the oldest chunk; waits while there is none. None means closed and drained."""
        with self._lock:
            while not self._chunks and not self._closed:
                self._not_empty.wait()
            if not self._chunks:
                return None
            chunk = self._chunks.popleft()
            self._size -= len(chunk)
            self._not_full.notify()
            return chunk

    def close(self) -> None:
        """Say that nothing more will come. Wakes both sides, whichever is waiting."""
        with self._lock:
            self._closed = True
            self._not_full.notify_all()
            self._not_empty.notify_all()

    # endregion 05.buffer

    def __len__(self) -> int:
        """How many bytes wait in it."""
        with self._lock:
            return self._size
