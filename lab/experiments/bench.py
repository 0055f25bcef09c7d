"""The bench of an experiment: one machine, its engine under a supervisor of ours, and nothing left behind.

The engine is whatever `/usr/local/bin/engine` is in the machine. Supervisor, monitor and root
file systems are set up as the demonstrations do it (`lab.demo.stage`).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from importlib import resources
from typing import Any

from lab.demo.stage import Stage
from lab.demo.terminal import Silence
from lab.deploy import ENGINE, MONITOR_MODULE, ROOTFS_BASE
from lab.errors import CommandFailed, LabError, MachineError
from lab.machine.protocol import Machine

FOLDER = "/run/boxwright-experiment"
"""In the guest: the measuring programs, as packages, and the PID of the one that runs."""

PACKAGES = ("lab", "lab.demo", "lab.demo.guest", "lab.experiments", "lab.experiments.guest")
"""What of this checkout the measuring programs are made of; of those that are no `guest`, only the name."""

INTERVAL = "/sys/module/monitor/parameters/scan_interval_ms"

PATIENCE = 15.0
"""Seconds within which an engine starts or ends a container, on a fast machine."""

CLEARED_SECONDS = 90.0

_CLEAR = f"""
stop() {{ kill -$1 $2 2>/dev/null; for i in $(seq $3); do kill -0 $2 2>/dev/null || return; sleep 0.1; done; }}
end() {{ test ! -f {FOLDER}/asked.json || (cd {FOLDER} && python3 -s -m lab.experiments.guest.ending <asked.json); }}
measuring=$(cat {FOLDER}/measuring 2>/dev/null)
grep -aqs lab.experiments.guest /proc/$measuring/cmdline && stop TERM $measuring 20
end
for shell in $(pgrep -f '^sh -c {ENGINE} supervisor'); do
    for supervisor in $(pgrep -P $shell); do
        stop TERM $supervisor 200
        stop KILL $supervisor 20
    done
done
end
rmdir /sys/fs/cgroup/boxwright/*/ 2>/dev/null
rmdir /sys/kernel/tracing/instances/boxwright 2>/dev/null
rmmod monitor 2>/dev/null
rm -rf {FOLDER}
"""
"""Shell: the measuring program ends, then the containers, then the supervisor.

A student's engine may leave containers and cgroups behind (exercise 09), so both are looked for after it.
"""


class Bench:
    """A machine set up for the repetitions of one experiment; from `bench`."""

    def __init__(self, machine: Machine, stage: Stage) -> None:
        self.machine = machine
        self._stage = stage
        self.is_clear = False
        """Whether `clear` has come to its end, and found nothing left."""

    def container(
        self, identifier: str, root: int, argv: Sequence[str], options: Sequence[str]
    ) -> dict[str, object]:
        """What the measuring programs start a container from (`guest/containers.py`).

        Args:
            identifier: its id.
            root: which root file system, from 0; no two at the same time have the same.
            argv: its program and arguments.
            options: of `engine start`.
        """
        rootfs = self._stage.rootfs(f"experiment-{root}")
        return {"id": identifier, "rootfs": rootfs, "argv": list(argv), "options": list(options)}

    def seconds(self, seconds: float) -> float:
        """A time on a fast machine, as long as it has to be on this one."""
        return self.machine.deadline(seconds)

    def cpus(self, count: int) -> list[int]:
        """The first CPUs of the guest.

        Raises:
            LabError: it has fewer.
        """
        has = int(self.machine.run("nproc").text)
        if count > has:
            raise LabError(
                f"Machine {self.machine.name!r} has {has} CPU, and the experiment wants {count}",
                "`lab up NAME --cpus 2` makes one that has two.",
            )
        return list(range(count))

    def measure(self, program: str, asked: dict[str, Any], seconds: float) -> str:
        """Run a program of `guest/`, and return what it printed.

        Args:
            program: its name.
            asked: its argument; `patience` is added.
            seconds: how long it takes, about.

        Raises:
            LabError: it failed; in its words.
        """
        told = json.dumps({"patience": self.seconds(PATIENCE), **asked})
        self.machine.write(f"{FOLDER}/asked.json", told.encode())
        try:
            return self.machine.run(
                f"cd {FOLDER} && echo $$ >measuring && "
                f'exec python3 -s -m lab.experiments.guest.{program} "$(cat asked.json)"',
                timeout=seconds + 8 * PATIENCE,
            ).text
        except CommandFailed as error:
            said = error.detail.strip().splitlines()
            raise LabError(
                f"The measurement failed in machine {self.machine.name!r}"
                + (f": {said[-1]}" if said else ""),
                "`lab check` tells whether the engine in it does what the experiment needs.",
            ) from error

    def set_up(self, *, monitored: bool, scan_interval_ms: int | None, roots: int) -> None:
        """Bring in programs and root file systems, and start the supervisor.

        Args:
            monitored: with the kernel monitor loaded.
            scan_interval_ms: pause between its looks; None leaves it.
            roots: how many root file systems will be used.

        Raises:
            LabError: the engine, the module or the rootfs is missing or does not do it.
        """
        for path, content in programs():
            self.machine.write(f"{FOLDER}/{path}", content)
        self._stage.prepare()
        for root in range(roots):
            self._stage.rootfs(f"experiment-{root}")
        if monitored:
            self._stage.module()
            if scan_interval_ms is not None:
                self._look_each(scan_interval_ms)
        self._stage.supervisor(monitored=monitored)

    def engine(self) -> str:
        """A digest of the engine that is deployed."""
        return self.machine.run(f"cd {FOLDER} && python3 -s -m lab.experiments.guest.engine").text

    def clear(self) -> None:
        """Leave nothing behind: no program, no container, no supervisor, no module, no file.

        Raises:
            MachineError: something is left; says what.
        """
        self.machine.run(_CLEAR, timeout=CLEARED_SECONDS, check=False)
        self._stage.clear()
        left = self.machine.run(
            f"ls -d {FOLDER} /sys/module/monitor; pgrep -a -f '^sh -c {ENGINE} supervisor'", check=False
        ).text
        if left:
            raise MachineError(
                f"The experiment could not clear machine {self.machine.name!r}",
                f"`lab reset {self.machine.name}` gives you a fresh one.",
                detail=left,
            )
        self.is_clear = True

    def _look_each(self, milliseconds: int) -> None:
        done = self.machine.run(f"echo {milliseconds} >{INTERVAL} && cat {INTERVAL}", check=False)
        if not done.ok or done.text != str(milliseconds):
            raise LabError(
                f"The monitor in machine {self.machine.name!r} does not take scan_interval_ms={milliseconds}",
                f"The module needs that parameter, writable in {INTERVAL}, as the reference has it.",
                detail=done.error_text,
            )


def programs() -> Iterator[tuple[str, bytes]]:
    """What is sent to the guest: paths below a folder of their own, and contents."""
    for name in PACKAGES:
        for file in resources.files(name).iterdir():
            if file.name == "__init__.py" or (name.endswith(".guest") and file.name.endswith(".py")):
                yield f"{name.replace('.', '/')}/{file.name}", file.read_bytes()


def check(machine: Machine, *, monitored: bool) -> None:
    """Whether the machine has what an experiment needs, and nothing that it would disturb.

    Raises:
        LabError: it has not; says what to do.
    """
    found = machine.run(
        f"test -x {ENGINE} || echo engine; test -d {ROOTFS_BASE} || echo rootfs; "
        f"test -f {MONITOR_MODULE} || echo module; test ! -e /sys/module/monitor || echo loaded; "
        "engine ps >/dev/null 2>&1 && echo supervisor; true",
    ).text.split()
    where = f"in machine {machine.name!r}"
    if "rootfs" in found:
        raise LabError(f"There is no {ROOTFS_BASE} {where}", f"`lab provision {machine.name}` brings it.")
    if "engine" in found or (monitored and "module" in found):
        raise LabError(
            f"There is no {'engine' if 'engine' in found else 'monitor.ko'} {where}",
            "Within your workspace the command brings yours; with `--reference` the reference.",
        )
    if "supervisor" in found:
        raise LabError(
            f"A supervisor is running {where} already",
            f"End it: `lab ssh -m {machine.name} -- pkill -TERM -o -f supervisor`; the experiment starts its own.",
        )
    if "loaded" in found:
        raise LabError(
            f"The kernel monitor is loaded {where} already",
            f"Unload it: `lab ssh -m {machine.name} -- rmmod monitor`; the experiment loads it where it needs it.",
        )


@contextlib.contextmanager
def bench(machine: Machine) -> Iterator[Bench]:
    """A bench, cleared at the end of the block, however it ends; its `is_clear` tells whether that was possible."""
    made = Bench(machine, Stage(machine, Silence()))
    try:
        yield made
    except BaseException:
        # What ended the block is what is told; a machine that was lost cannot be cleared either.
        with contextlib.suppress(LabError):
            made.clear()
        raise
    made.clear()
