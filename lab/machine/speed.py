"""How much slower than a fast machine a guest is, and what that means for time limits.

Under emulation a guest takes ten to twenty times as long for the same work. A time limit
is therefore written for a fast machine and scaled by what was measured in the guest.
"""

from __future__ import annotations

from lab.errors import MachineError
from lab.machine.connection import Connection

LOOP = "for i in range(1000000): pass"
FAST_SECONDS = 0.035
"""What the loop takes under KVM on a processor of 2020 (Python 3.11 to 3.13 differ by less than a third)."""

MOST = 12.0
"""Above this a machine is not slow but stuck, and a longer wait would not help."""


def measure_slowness(connection: Connection) -> float:
    """Time a loop of Python in the guest; 1.0 is a fast machine, larger is slower."""
    program = f"import time; t = time.perf_counter()\n{LOOP}\nprint(time.perf_counter() - t)"
    result = connection.run(f"python3 -I -S -c '{program}'", timeout=120)
    try:
        seconds = float(result.text)
    except ValueError:
        raise MachineError(f"The guest's Python answered {result.text[:80]!r} instead of a time") from None
    return min(max(seconds / FAST_SECONDS, 1.0), MOST)
