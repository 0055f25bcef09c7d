"""Runs in the guest: what one look at N processes costs from user space, through /proc.

Usage: polling.py ROUNDS COUNT. Prints the nanoseconds of each look as JSON. It is the peer
of the monitor's scan, which reads the same figures inside the kernel.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from common import say


def main(rounds: int, count: int) -> None:
    """Measure, and print."""
    pids = []
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            signal.pause()
            os._exit(0)
        pids.append(pid)
    files = [Path(f"/proc/{pid}/statm") for pid in pids]
    looks = []
    for _ in range(rounds):
        began = time.perf_counter_ns()
        for file in files:
            int(file.read_text().split()[1])
        looks.append(time.perf_counter_ns() - began)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    say(looks)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
