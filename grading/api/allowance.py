"""How many containers one supervisor is asked for.

Neither the course nor the contract says how many a supervisor must bear in its life, and tables of
ten are seen in practice, the ended ones included. At level 1 scenarios are therefore spread over
as many supervisors as it takes; else what one starts would cost another its verdict. For the same
reason one that may hold up a supervisor which serves one client after the other has a supervisor of
its own: it asks for all that any bears.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.errors import LabError

BEARS = 10
"""Containers that any supervisor bears; the smallest table seen in a submission. Who says that it may start so
many has a supervisor of its own, that nobody uses afterwards."""


class Allowance:
    """Room for containers in the supervisor that runs, shared by scenarios beside each other.

    Args:
        most: containers that one supervisor is asked for; None for any number.
        renew: ends the supervisor; called while nobody has room.
        is_strict: whether asking for more than was said is an error, of whoever wrote the scenario.
    """

    def __init__(self, most: int | None, renew: Callable[[], None], *, is_strict: bool = False) -> None:
        self._most = most
        self._renew = renew
        self._is_strict = is_strict
        self._changed = threading.Condition()
        self._taken = 0
        """Asked for, or promised to those that have room."""
        self._inside = 0
        self._own = threading.local()
        """`left`: what this thread has been promised and not asked for."""

    @contextmanager
    def room(self, containers: int) -> Iterator[None]:
        """Have room for so many containers; waits for others, and for another supervisor, where there is none."""
        with self._changed:
            self._changed.wait_for(lambda: self._fits(containers) or not self._inside)
            if not self._fits(containers):
                self._renew()
                self._taken = 0
            self._taken += containers
            self._inside += 1
        self._own.left = containers
        try:
            yield
        finally:
            with self._changed:
                if containers < (self._most or math.inf):
                    self._taken -= max(0, self._own.left)
                self._inside -= 1
                self._changed.notify_all()
            del self._own.left

    def ask(self) -> None:
        """Note that the supervisor is asked for one more.

        Raises:
            LabError: more than there is room for, where that is strict.
        """
        left = getattr(self._own, "left", None)
        if left is None:
            return  # not for a scenario, nor for a check
        self._own.left = left - 1
        if left <= 0:
            with self._changed:
                self._taken += 1
            if self._is_strict:
                raise LabError(
                    "More containers are started than the scenario or check says",
                    "Say `@scenario(containers=N)` or `@check(…, containers=N)`, with the most that it may start.",
                )

    def has_room(self) -> bool:
        """Whether one more may be asked for that nobody has said he would start."""
        with self._changed:
            return self._most is None or self._taken < self._most

    def _fits(self, containers: int) -> bool:
        return self._most is None or not self._taken or self._taken + containers <= self._most
