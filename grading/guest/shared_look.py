"""One look for all who ask at the same time: who waits beside others need not cost the guest a look of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SharedLook(Generic[Value]):
    """A look that threads share: its answer is that of all who asked before it began, and of nobody who asked later.

    Args:
        look: is never under way twice at once. What it raises, the one who made it gets; the others look themselves.
    """

    def __init__(self, look: Callable[[], Value]) -> None:
        self._look = look
        self._changed = threading.Condition()
        self._is_looking = False
        self._begun = 0
        self._ended = 0
        self._kept: list[Value] = []
        """The answer of the last look that came to its end, which has the number `_ended`."""

    def __call__(self) -> Value:
        """What there is to see, seen after this was called."""
        seen: list[Value] = []
        mine = 0
        try:
            with self._changed:
                wanted = self._begun + 1
                self._changed.wait_for(lambda: self._ended >= wanted or not self._is_looking)
                if self._ended >= wanted:
                    return self._kept[0]
                mine = self._begun = self._begun + 1
                self._is_looking = True
            seen.append(self._look())
        finally:  # Ctrl-C may come anywhere, and nobody is to wait for a look that never ends
            if mine:
                with self._changed:
                    self._is_looking = False
                    if seen:
                        self._ended, self._kept = mine, seen
                    self._changed.notify_all()
        return seen[0]
