"""Watch how much processor time some processes get.

    python3 cpu.py SECONDS PID...

Prints a row each second: seconds since the beginning (CLOCK_MONOTONIC), and for each PID the
seconds it has spent on a processor since then. These are the scheduler's own figures:
usage_usec of the process's cgroup (its children are counted), or else the process's schedstat.
Ends after SECONDS, or as soon as one of the processes is gone.
"""

import contextlib
import os
import sys
import time
from pathlib import Path

PAUSE = 1.0  # seconds between two looks


def cgroup_of(pid: int) -> Path | None:
    """The folder of a process's cgroup, version 2 (cgroups(7)); None if it has none of its own."""
    for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        hierarchy, _, path = line.split(":", 2)
        folder = Path("/sys/fs/cgroup") / path.lstrip("/")
        if hierarchy == "0" and (folder / "cgroup.procs").exists():
            members = (folder / "cgroup.procs").read_text().split()
            if members == [str(pid)]:
                return folder
    return None


def used(pid: int, cgroup: Path | None) -> float:
    """Seconds spent on a processor."""
    if cgroup is not None:
        for line in (cgroup / "cpu.stat").read_text().splitlines():
            name, value = line.split()
            if name == "usage_usec":
                return int(value) / 1e6
    # First field: nanoseconds (Documentation/scheduler/sched-stats.rst).
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def main(seconds: float, pids: list[int]) -> None:
    """Watch, from another processor than the one that is watched, where there is another."""
    own = os.sched_getaffinity(0)
    watched = set().union(*(os.sched_getaffinity(pid) for pid in pids))
    if own - watched:
        os.sched_setaffinity(0, own - watched)
    cgroups = {pid: cgroup_of(pid) for pid in pids}
    print("seconds", *(f"PID {pid}".rjust(10) for pid in pids))  # noqa: T201
    begin = time.monotonic()
    first = [used(pid, cgroups[pid]) for pid in pids]
    for look in range(round(seconds / PAUSE) + 1):
        time.sleep(max(0.0, begin + look * PAUSE - time.monotonic()))
        row = [used(pid, cgroups[pid]) - at_first for pid, at_first in zip(pids, first, strict=True)]
        now = time.monotonic() - begin
        print(f"{now:7.3f}", *(f"{value:10.4f}" for value in row), flush=True)  # noqa: T201


if __name__ == "__main__":
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        main(float(sys.argv[1]), [int(pid) for pid in sys.argv[2:]])
