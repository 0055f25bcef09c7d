"""The machine in which the figures are taken: fresh, with this checkout deployed and a supervisor running."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import lifecycle
from lab.console import Progress
from lab.deploy import MONITOR_MODULE, ROOTFS_BASE, deploy
from lab.errors import MachineError
from lab.machine.qemu import QemuMachine

GUEST = Path(__file__).with_name("guest")
PROGRAMS = "/root/benchmarks"
LONGEST = 1800.0
"""Seconds that a program in the guest may take on a fast machine."""


class Stage:
    """Runs measuring programs in one guest."""

    def __init__(self, machine: QemuMachine, progress: Progress) -> None:
        self.machine = machine
        self.progress = progress

    def prepare(self) -> None:
        """Put the programs there, load the monitor and start the supervisor."""
        self.machine.put(GUEST, PROGRAMS)
        self.machine.run(f"insmod {MONITOR_MODULE}")
        self.start_supervisor()

    def start_supervisor(self) -> None:
        """As a service, so that no session of ours is its parent; returns when it answers."""
        self.machine.run(f"systemd-run --quiet --unit=bench engine supervisor {ROOTFS_BASE}")
        self.machine.run(
            "for i in $(seq 100); do engine ps > /dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1"
        )

    def stop_supervisor(self) -> None:
        """And wait until it is gone."""
        self.machine.run("systemctl stop bench")

    def measure(self, program: str, *arguments: object) -> Any:
        """Run one of `guest/`, and give what its last line says."""
        words = " ".join(str(argument) for argument in arguments)
        self.progress.step(f"Measuring: {program} {words}")
        done = self.machine.run(f"cd {PROGRAMS} && python3 {program}.py {words}", timeout=LONGEST)
        try:
            return json.loads(done.text.splitlines()[-1])
        except (IndexError, ValueError):
            raise MachineError(
                f"{program} printed no figures", detail=done.text[-500:] + done.error_text
            ) from None


@contextmanager
def stage(name: str, progress: Progress) -> Iterator[Stage]:
    """A machine of that name for as long as the block lasts."""
    machine = lifecycle.up(name, progress)
    try:
        deploy(machine, progress, fresh=True)
        found = Stage(machine, progress)
        found.prepare()
        yield found
    finally:
        machine.close()
        lifecycle.destroy(name)
