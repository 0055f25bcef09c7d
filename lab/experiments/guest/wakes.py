"""Measure how late a container that sleeps or waits for the disk comes to run after it was woken.

    python3 -m lab.experiments.guest.wakes JSON

The scheduler tells it itself: `sched_waking` is the moment at which somebody wakes the process (a
timer, the end of a write), `sched_switch` the one at which a processor goes on with it
(Documentation/trace/events.rst). Between the two it could have run, and waited. Prints a row for
each: seconds since the first, and the microseconds between.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.experiments.guest import containers

TRACING = Path("/sys/kernel/tracing")
INSTANCE = TRACING / "instances/boxwright"
"""A buffer of our own: nobody else's tracing is disturbed."""

_EVENT = re.compile(r"\s(\d+\.\d+): sched_(waking|switch):")


def pairs(lines: Iterable[str]) -> Iterator[tuple[float, float]]:
    """From the trace of one process to (when it was woken, in seconds; microseconds until it ran).

    A switch to it without a waking before is one after it had been set aside, and tells nothing.
    """
    woken: float | None = None
    for line in lines:
        event = _EVENT.search(line)
        if event and event[2] == "waking":
            woken = float(event[1])
        elif event and woken is not None:
            yield woken, round((float(event[1]) - woken) * 1e6, 1)
            woken = None


@contextlib.contextmanager
def traced(pid: int) -> Iterator[int]:
    """Trace the wakings of a process while the block runs; yields a descriptor to read from.

    Raises:
        containers.Failed: this kernel has no tracing of the scheduler.
    """
    ours = not (TRACING / "instances").is_dir()
    if ours:
        subprocess.run(["mount", "-t", "tracefs", "none", str(TRACING)], check=False, capture_output=True)
    if not (TRACING / "events/sched/sched_waking").is_dir():
        raise containers.Failed("the guest's kernel cannot trace the scheduler (CONFIG_EVENT_TRACING)")
    INSTANCE.mkdir(exist_ok=True)
    pipe = os.open(INSTANCE / "trace_pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        (INSTANCE / "trace_clock").write_text("mono")
        for event, field in (("sched_waking", "pid"), ("sched_switch", "next_pid")):
            (INSTANCE / f"events/sched/{event}/filter").write_text(f"{field} == {pid}")
            (INSTANCE / f"events/sched/{event}/enable").write_text("1")
        yield pipe
    finally:
        os.close(pipe)
        INSTANCE.rmdir()
        if ours:
            subprocess.run(["umount", str(TRACING)], check=False, capture_output=True)


def lines(pipe: int, seconds: float) -> Iterator[str]:
    """What the trace tells, line by line, for so long."""
    end, rest = time.monotonic() + seconds, ""
    while (left := end - time.monotonic()) > 0:
        select.select([pipe], [], [], min(left, 0.5))
        try:
            rest += os.read(pipe, 65536).decode(errors="replace")
        except BlockingIOError:
            continue
        *whole, rest = rest.split("\n")
        yield from whole


def main(asked: dict[str, object]) -> None:
    """Start the hogs and the sleeper on one processor, and print how late it comes.

    Args:
        asked: `containers` (each as for `containers.start_command`; the last one is the sleeper),
            `cpus` that all are bound to, `wakes` to wait for, `seconds` at most, `patience` for the
            engine in seconds.

    Raises:
        containers.Failed: the engine did not start or stop one, or the sleeper woke too seldom.
    """
    wanted, cpus, wakes = asked["containers"], asked["cpus"], asked["wakes"]
    assert isinstance(wanted, list) and isinstance(cpus, list) and isinstance(wakes, int)
    own = os.sched_getaffinity(0)
    if own - set(cpus):
        os.sched_setaffinity(0, own - set(cpus))
    pids: list[int] = []
    seen = 0
    first = None
    try:
        for container in wanted:
            pids.append(containers.start(container, float(str(asked["patience"]))))
            os.kill(pids[-1], signal.SIGSTOP)
        with traced(pids[-1]) as pipe:
            containers.hold(pids, cpus)
            for at, late in pairs(lines(pipe, float(str(asked["seconds"])))):
                first = at if first is None else first
                print(f"{at - first:.6f} {late}")  # noqa: T201
                seen += 1
                if seen == wakes:
                    break
    finally:
        containers.stop((str(container["id"]) for container in wanted[: len(pids)]), pids)
    if seen < wakes:
        raise containers.Failed(f"it woke {seen} times in {asked['seconds']} s, and not {wakes}")


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    except (containers.Failed, ProcessLookupError) as error:
        sys.exit(str(error))
