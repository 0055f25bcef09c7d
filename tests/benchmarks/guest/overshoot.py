"""Runs in the guest: how far a container gets past its hard limit before it is dead.

Usage: overshoot.py ROUNDS CHUNK_MIB SLEEP_MS. memory_hog takes so much at a time; the most its
cgroup ever held is read from memory.peak until the cgroup is gone. Whoever holds the limits,
the kernel monitor or memory.max, is whoever the supervisor uses now. Prints bytes past the
limit in each round, and who held it, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from common import rootfs, run, say

HARD_MIB = 64


def peak_of(process: subprocess.Popen[bytes]) -> int:
    """The most that the container's cgroup held, in bytes."""
    most = 0
    path: Path | None = None
    while process.poll() is None:
        path = path or next(iter(Path("/sys/fs/cgroup/boxwright").glob("greedy-*/memory.peak")), None)
        try:
            if path is not None:
                most = max(most, int(path.read_text()))
        except OSError:
            path = None
    return most


def main(rounds: int, chunk: str, sleep: str) -> None:
    """Measure, and print."""
    root = rootfs("greedy")
    past: list[int] = []
    by = ""
    for _ in range(rounds):
        command = ["engine", "run", "greedy", str(root), "/memory_hog", chunk, sleep]
        limits = ["--soft-mib", "32", "--hard-mib", str(HARD_MIB)]
        with subprocess.Popen(
            [*command, *limits], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            past.append(peak_of(process) - (HARD_MIB << 20))
        [record] = [
            each for each in json.loads(run("engine", "ps", "--format", "json")) if each["id"] == "greedy"
        ]
        if record["reason"] != "hard_limit_killed":
            raise ValueError(f"the container was not killed for its limit: {record}")
        by = record["limits"]
    say({"past": past, "by": by})


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
