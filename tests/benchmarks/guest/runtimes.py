"""Runs in the guest: times the engine, crun, runc and podman in turns.

Usage: runtimes.py ROUNDS ROOTFS. A supervisor is running; ROOTFS is a copy of the base
rootfs. Prints the seconds of each round as JSON.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from common import ask_supervisor, bundle, run, say

PROGRAM = ["/bin/true"]


def jobs(rootfs: str, folder: Path) -> dict[str, Callable[[int], None]]:
    """What is timed: a name, and what one round of it does."""
    found: dict[str, Callable[[int], None]] = {
        "engine": lambda number: ask_supervisor("run", f"bench{number}", rootfs, *PROGRAM),
        "crun": lambda number: run("crun", "run", "--bundle", str(folder), f"bench{number}"),
        "engine run": lambda number: run("engine", "run", f"bench{number}", rootfs, *PROGRAM),
        "runc": lambda number: run("runc", "run", "--bundle", str(folder), f"bench{number}"),
    }
    if shutil.which("podman"):
        # As near as it comes to what the others do: a folder as root, the host's network.
        podman = ("podman", "--cgroup-manager=cgroupfs", "run", "--rm", "--network=host", "--rootfs")
        found["podman"] = lambda _: run(*podman, rootfs, *PROGRAM)
    return found


def main(rounds: int, rootfs: str) -> None:
    """Measure, and print."""
    folder = bundle("bench", Path(rootfs), *PROGRAM)
    times: dict[str, list[float]] = {}
    for name, job in jobs(rootfs, folder).items():
        try:
            job(0)  # warms up, and shows whether it runs here
        except (OSError, subprocess.CalledProcessError) as error:
            sys.stderr.write(f"{name} does not run here: {error}\n")
        else:
            times[name] = []
    for number in range(1, rounds + 1):
        for name, job in jobs(rootfs, folder).items():
            if name in times:
                began = time.perf_counter()
                job(number)
                times[name].append(time.perf_counter() - began)
    say(times)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
