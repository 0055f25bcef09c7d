"""Runs in the guest: what the supervisor takes with 100 containers, and after 1,000 more.

Usage: soak.py CONTAINERS CYCLES. Prints JSON: KiB of the supervisor and its zygote with that
many containers alive, of as many conmons, and what there was before and after the cycles.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from common import LOGS, Conmon, ask_supervisor, bundle, pss_kib, rootfs, run, say, supervisor_pids

EVENTS = 2048
"""How many events the supervisor keeps: before the first look it shall have them all."""


def state() -> dict[str, int]:
    """Everything that must not grow."""
    pids = supervisor_pids()
    return {
        "memory_kib": sum(pss_kib(pid) for pid in pids),
        "descriptors": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        "threads": sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "cgroups": sum(1 for path in Path("/sys/fs/cgroup").rglob("*") if path.is_dir()),
    }


def cycle(root: Path) -> None:
    """Start a container and stop it."""
    run("engine", "start", "cycle", str(root), "sleep", "1000")
    run("engine", "stop", "-t", "0", "cycle")


def main(containers: int, cycles: int) -> None:
    """Measure, and print."""
    roots = [rootfs(f"soak{number}") for number in range(containers)]
    for root in roots:
        run("engine", "start", root.name, str(root), "sleep", "10000")
    alive = sum(entry["state"] == "running" for entry in json.loads(run("engine", "ps", "--format", "json")))
    ours = sum(pss_kib(pid) for pid in supervisor_pids())
    for root in roots:
        run("engine", "stop", "-t", "0", root.name)

    peers = [
        Conmon(root.name, bundle(root.name, root, "sleep", "10000"), LOGS / f"{root.name}.conmon")
        for root in roots
    ]
    for peer in peers:
        peer.start()
    theirs = sum(pss_kib(peer.pid) for peer in peers)
    for peer in peers:
        peer.remove()
        peer.wait(60)

    root = roots[0]
    for _ in range(EVENTS // 2):  # a start and an exit each
        ask_supervisor("run", "warm", str(root), "/bin/true")
    for _ in range(10):
        cycle(root)
    before = state()
    for _ in range(cycles):
        cycle(root)
    say({"alive": alive, "supervisor_kib": ours, "conmon_kib": theirs, "before": before, "after": state()})


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
