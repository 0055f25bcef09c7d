"""Names of graded machines: they say which process made them, so that what a killed one left can be removed."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from lab import lifecycle
from lab.errors import LabError
from lab.machine.record import machine_names

NAME = re.compile(r"grade-(\d+)-(\d+)-\d+")


def name(slot: int) -> str:
    """The name of this process's machine number `slot`; no other process ever has it."""
    return f"grade-{os.getpid()}-{_started(os.getpid())}-{slot}"


def remove(machine: str) -> None:
    """Take a machine away, whatever state it is in; nothing happens where there is none.

    Raises:
        OSError: this host does not let us.
    """
    with contextlib.suppress(LabError):  # there is none
        lifecycle.destroy(machine)


def sweep() -> list[str]:
    """Remove the machines of processes that were killed; returns their names."""
    removed = []
    for machine in machine_names():
        match = NAME.fullmatch(machine)
        if match and _started(int(match[1])) != int(match[2]):
            remove(machine)
            removed.append(machine)
    return removed


def _started(pid: int) -> int:
    """When a process started, in clock ticks since boot (field 22 of proc_pid_stat(5)); 0 where there is none."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:
        return 0
