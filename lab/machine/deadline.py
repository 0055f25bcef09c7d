"""A moment by which something must have happened in a guest, which moves away while the guest is kept from running.

How long that was is not guessed: the kernel tells how long each thread of QEMU was ready to run and did not get
a processor (`schedstat`, field 2, in ns: Documentation/scheduler/sched-stats.rst). A wait is longer by just that.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

Times = Mapping[int, tuple[float, float]]
"""For each thread: seconds on a processor, and seconds ready without one."""


def thread_times(pid: int) -> Times:
    """Of all threads of a process; empty where it is gone or the kernel does not tell."""
    found = {}
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return {}
    for path in threads:
        with suppress(OSError, ValueError):  # it has ended meanwhile, as QEMU's idle workers do
            ran, waited, *_ = (path / "schedstat").read_text().split()
            found[int(path.name)] = (int(ran) / 1e9, int(waited) / 1e9)
    return found


class Deadline:
    """A moment that moves away while the guest is kept from running."""

    def __init__(self, seconds: float, times: Callable[[], Times]) -> None:
        self._seconds = seconds
        self._times = times
        self._began = time.monotonic()
        self._before = times() if seconds > 0 else {}

    def left(self) -> float:
        """Seconds; negative once it has passed."""
        left = self._seconds - (time.monotonic() - self._began)
        if left > 0 or not self._before:
            return left
        return left + max(
            (
                waited - self._before.get(thread, (0.0, 0.0))[1]
                for thread, (_, waited) in self._times().items()
            ),
            default=0.0,
        )


PASSED = Deadline(0, dict)
"""Now: for a look that does not wait."""
