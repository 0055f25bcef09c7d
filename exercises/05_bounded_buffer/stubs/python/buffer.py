# One thread puts, one thread gets. self._chunks is a deque of chunks that are not empty,
# self._size their length in bytes, self._closed is true after close(). Everything changes
# under self._lock; self._not_full and self._not_empty are conditions of that lock.


def put(self, chunk: Item) -> None:
    """Append a chunk; waits while there is no room for it.

    A chunk longer than the whole buffer goes in when the buffer is empty; an empty one is nothing.

    Raises:
        ValueError: the buffer was closed, also while this waited.
    """
    # Until you do, nothing is kept.


def get(self) -> Item | None:
    """Take the oldest chunk; waits while there is none. None means closed and drained."""
    # Until you do, there is never anything.
    return None


def close(self) -> None:
    """Say that nothing more will come. Wakes both sides, whichever is waiting."""
