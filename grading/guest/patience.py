"""How long is long: time limits that fit a guest and what its host is doing meanwhile.

A limit is written for a fast machine. A guest is slower by a factor that was measured when it was made,
and slower still while its host is busy with other things. The second is not guessed either: see
`lab.machine.deadline`.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.machine.deadline import Deadline, Times

SHARE = 1 / 8
"""Of the measured slowness. What checks wait for is mostly waiting itself (a timer's period, a time of grace),
which an emulated processor does not lengthen, and limits are many times what a good engine needs."""

UNKNOWN_SHARE = 1 / 4
"""The same where the host's own load cannot be seen."""

MARGIN_SECONDS = 10.0
"""What an answer may take beyond the limit that the guest itself watches, on a fast machine."""

CONTENTION_MOST = 8.0
WINDOW_SECONDS = 4.0
"""So far back contention is looked at."""


class Patience:
    """Makes limits for one guest.

    Args:
        slowness: how much slower than a fast machine it is when its host is idle.
        times: of the threads that run it; None where they cannot be seen.
    """

    def __init__(self, slowness: float, times: Callable[[], Times] | None = None) -> None:
        self._factor = max(1.0, slowness * (UNKNOWN_SHARE if times is None else SHARE))
        self._times: Callable[[], Times] = times or dict
        self._sampled = time.monotonic()
        self._sample = self._times()
        self._contention = 1.0

    def quiet(self, seconds: float) -> float:
        """The limit while nothing else runs on the host."""
        return seconds * self._factor

    def now(self, seconds: float) -> float:
        """The limit for what cannot be given more time later, as it is where the guest itself watches the time."""
        if time.monotonic() - self._sampled > WINDOW_SECONDS:
            self._look()
        return self.quiet(seconds) * self._contention

    def deadline(self, seconds: float) -> Deadline:
        """The limit for what is waited for from now on."""
        return Deadline(self.quiet(seconds), self._times)

    def until(self, given: float) -> Deadline:
        """The limit for the guest to tell the end of what `now` has given so many seconds."""
        return Deadline(given + self.quiet(MARGIN_SECONDS), self._times)

    def _look(self) -> None:
        before, self._sample, self._sampled = self._sample, self._times(), time.monotonic()
        ran = waited = 0.0
        for thread, (runs, waits) in self._sample.items():
            old = before.get(thread, (0.0, 0.0))
            if waits - old[1] >= waited:
                ran, waited = runs - old[0], waits - old[1]
        self._contention = min(max(1.0, (ran + waited) / ran) if ran > 0.1 else 1.0, CONTENTION_MOST)
