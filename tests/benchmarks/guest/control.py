"""Runs in the guest: how long `engine ps` takes while four containers log at full speed.

Usage: control.py ROUNDS. The peer is `crun list` beside the same four; both also when nothing
else goes on. The logs are holes but for their ends, so that no disk fills up. Prints the
seconds of each call as JSON.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from common import LOGS, rootfs, run, say

NAMES = [f"noisy{number}" for number in range(4)]


def calls(rounds: int, *command: str) -> list[float]:
    """How long each call of a command takes."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        run(*command)
        times.append(time.perf_counter() - began)
    return times


def punch(stop: threading.Event) -> None:
    """Give back to the disk what the logs hold (fallocate(1))."""
    while not stop.wait(0.5):
        for name in NAMES:
            log = LOGS / f"{name}.log"
            size = log.stat().st_size // 4096 * 4096
            subprocess.run(
                ["fallocate", "--punch-hole", "--offset", "0", "--length", str(size or 4096), str(log)],
                check=False,
            )


def main(rounds: int) -> None:
    """Measure, and print."""
    commands = {"engine": ("engine", "ps"), "crun": ("crun", "list")}
    found = {f"{name} idle": calls(rounds, *command) for name, command in commands.items()}
    for name in NAMES:
        run("engine", "start", name, str(rootfs(name)), "yes", "a line that is written again and again")
    stop = threading.Event()
    puncher = threading.Thread(target=punch, args=(stop,))
    puncher.start()
    for name, command in commands.items():
        found[f"{name} busy"] = calls(rounds, *command)
    for name in NAMES:
        run("engine", "stop", "-t", "0", name)
    stop.set()
    puncher.join()
    say(found)


if __name__ == "__main__":
    main(int(sys.argv[1]))
