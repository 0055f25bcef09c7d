"""Runs in the guest: 200 MiB through the engine's log, through `cat`, and through conmon, in turns.

Usage: logs.py ROUNDS WRITERS. The same bytes each time, lines of 4,000 characters, shared among
the writers, each through a pipe into a file of its own on the same disk. All writers are there
and wait at a FIFO before the time is taken: it is the log that is measured, not the start of
containers. `cat` is two processes, `cat BLOB | cat > FILE`: what a pipe and a disk can do at
all. conmon writes the field's usual format, with a time before each line, which makes it the
slower, the shorter they are; it takes so long that it runs in every third round only. Prints
MiB/s of each round as JSON.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from common import LOGS, Conmon, bundle, rootfs, run, say, until

TOTAL = 200 << 20
LINE = (b"".join(b"%d" % (n % 10) for n in range(3999))) + b"\n"
LONG = 300.0
CONMON_EVERY = 3
WRITER = ("sh", "-c", "read -r _ < /go; cat /blob")


def released(roots: list[Path]) -> float:
    """Let all writers begin, once each of them waits; tells when that was."""
    gates = [os.open(root / "go", os.O_WRONLY) for root in roots]  # waits for the reader
    began = time.perf_counter()
    for gate in gates:
        os.close(gate)
    return began


def by_engine(roots: list[Path], size: int) -> float:
    """One container a writer."""
    names = [f"writer{number}" for number in range(len(roots))]
    for name, root in zip(names, roots, strict=True):
        run("engine", "start", name, str(root), *WRITER)
    began = released(roots)
    for name in names:
        log = LOGS / f"{name}.log"
        until(lambda log=log: log.stat().st_size == size, LONG, "the engine's log")  # type: ignore[misc]
    return time.perf_counter() - began


def by_cat(roots: list[Path], size: int) -> float:
    """A pair of processes a writer."""
    logs = [LOGS / f"cat{number}.log" for number in range(len(roots))]
    line = '{ read -r _ < "$1/go"; cat "$1/blob"; } | cat > "$2"'
    pairs = [
        subprocess.Popen(["sh", "-c", line, "sh", str(root), str(log)])
        for root, log in zip(roots, logs, strict=True)
    ]
    began = released(roots)
    for pair in pairs:
        pair.wait()
    took = time.perf_counter() - began
    for log in logs:
        if log.stat().st_size != size:
            raise ValueError(f"{log} is not whole")
    return took


def by_conmon(roots: list[Path], size: int) -> float:
    """A conmon and a container of crun's a writer."""
    containers = [
        Conmon(f"conmon{number}", bundle(f"conmon{number}", root, *WRITER), LOGS / f"conmon{number}.log")
        for number, root in enumerate(roots)
    ]
    for container in containers:
        container.start()
    began = released(roots)
    for container in containers:
        container.wait(LONG)
    took = time.perf_counter() - began
    for container in containers:
        container.remove()
        if (LOGS / f"{container.name}.log").stat().st_size < size:
            raise ValueError(f"the log of {container.name} is not whole")
    return took


def clear() -> None:
    """Nothing of a round shall cost the next one: logs go, and what is unwritten is written."""
    for log in LOGS.glob("*.log"):
        log.unlink()
    os.sync()


def main(rounds: int, writers: int) -> None:
    """Measure, and print."""
    size = TOTAL // writers // len(LINE) * len(LINE)
    roots = [rootfs(f"writer{number}") for number in range(writers)]
    for root in roots:
        (root / "blob").write_bytes(LINE * (size // len(LINE)))
        os.mkfifo(root / "go")
    jobs: dict[str, Callable[[list[Path], int], float]] = {
        "engine": by_engine, "cat": by_cat, "conmon": by_conmon
    }  # fmt: skip
    rates: dict[str, list[float]] = {name: [] for name in jobs}
    for number in range(-1, rounds):
        for name, job in jobs.items():
            if name == "conmon" and number % CONMON_EVERY:
                continue
            clear()
            took = job(roots, size)
            if number >= 0:  # the first round only warms up
                rates[name].append(writers * size / (1 << 20) / took)
    clear()
    say(rates)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
