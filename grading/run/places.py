"""How many submissions this host can grade at once."""

from __future__ import annotations

import os
from pathlib import Path

MIB_EACH = 1300
"""A graded VM takes 1.1 GiB at its largest (a guest of 1024 MiB and QEMU's own), its worker 0.1 GiB; measured."""

MIB_SPARED = 512
"""For everything else on this host."""


def places(
    meminfo: Path = Path("/proc/meminfo"),
    control_group: Path = Path("/sys/fs/cgroup"),
    cores: int | None = None,
) -> int:
    """As many as there are cores, as far as there is memory for them; at least one.

    No more, though a graded VM waits most of the time: where two share a core, a guest's timers come late and then
    interrupt whatever works. That costs monitors with a wrong timer points that they keep otherwise.
    """
    cores = cores if cores is not None else len(os.sched_getaffinity(0))
    return max(1, min(cores, (available_mib(meminfo, control_group) - MIB_SPARED) // MIB_EACH))


def available_mib(meminfo: Path, control_group: Path) -> int:
    """Memory that can still be had (proc_meminfo(5), MemAvailable), also by the limit of our control group."""
    lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines() if ":" in line)
    found = int(lines["MemAvailable"].split()[0]) // 1024
    try:
        most = (control_group / "memory.max").read_text().strip()
        used = int((control_group / "memory.current").read_text())
    except (OSError, ValueError):
        return found  # no limit here, or another version of control groups
    return found if most == "max" else min(found, (int(most) - used) >> 20)
