"""The stage of the demonstrations: one machine, what stands on it already, what was run on it.

A demonstration asks the stage for what it needs (`module`, `supervisor`, `hogs`); what is
there already is not done again, so each of the eight can also be shown alone.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any, Protocol

from lab.demo.facts import Container, Unreadable, containers, one
from lab.demo.model import Demonstration, Evidence
from lab.deploy import ENGINE, MONITOR_MODULE, ROOTFS_BASE
from lab.errors import LabError
from lab.machine.protocol import CommandResult, Machine

FOLDER = "/run/boxwright-demo"
"""In the guest: measuring programs and the supervisor's words."""

ROOTFS = "/srv/boxwright/demo"
"""In the guest: the containers' writable copies of the base rootfs."""

LOGS = "/var/log/boxwright"

SOCKET = "/run/boxwright/engine.sock"

PINNED_CPU, NICE_ALPHA, NICE_BETA = 0, -5, 10
"""On two processors each hog would have one to itself, and nice values would show nothing."""

HOG_SECONDS = 3600
"""Longer than any demo; the teardown ends them."""


class Audience(Protocol):
    """Told what happens while it happens."""

    def preparing(self, what: str) -> None:
        """Something is set up that belongs to no demonstration."""

    def begins(self, number: int, title: str, sentence: str) -> None:
        """A demonstration begins."""

    def runs(self, command: str) -> None:
        """A command is running whose output will be evidence."""

    def saw(self, evidence: Evidence) -> None:
        """It has ended."""

    def ends(self, demonstration: Demonstration) -> None:
        """A demonstration has its verdict."""


@dataclass(frozen=True)
class HogRun:
    """The life of a memory hog. Times are seconds since boot."""

    pid: int
    began: float
    samples: Sequence[tuple[float, int]]
    """Time, and resident bytes."""
    soft_at: float | None
    """When the monitor's warning was read from the kernel log."""
    hard_at: float | None
    ps_after_warning: str
    end: str
    """`gone`, or `time` where it outlived its time."""
    ended_at: float
    evidence: tuple[Evidence, ...] = ()
    """How it was started."""


@dataclass(frozen=True)
class Hogs:
    """The two containers that compete for one processor."""

    alpha: Container
    beta: Container


class Stage:
    """A machine with the engine deployed, and what has been done on it."""

    def __init__(self, machine: Machine, audience: Audience) -> None:
        self.machine = machine
        self.audience = audience
        self.preparation: list[Evidence] = []
        self.hogs_started: list[Evidence] = []
        self._evidence: list[Evidence] = self.preparation
        self._before: dict[str, Any] | None = None
        self._log_begin = 0
        self._log_had_monitor = False
        self._supervisor: int | None = None
        self._module = False
        self._copies: set[str] = set()
        self._hogs: Hogs | None = None
        self.cpu_command = ""
        """What measures the processor time of the two hogs, and where it writes."""
        self.cpu_output = f"{FOLDER}/cpu.out"
        self.hog_run: HogRun | None = None
        """Of the memory hog, kept for the second of the two demonstrations that look at it."""

    # --- running commands ---

    def collect(self) -> list[Evidence]:
        """A new, empty list, which from now on receives the evidence."""
        self._evidence = []
        return self._evidence

    def collected(self) -> list[Evidence]:
        """The evidence of the present demonstration so far."""
        return list(self._evidence)

    def show(self, command: str, *, timeout: float = 30) -> CommandResult:
        """Run a command whose output is evidence. Its status is evidence too, and no error."""
        self.audience.runs(command)
        result = self.machine.run(command, timeout=timeout, check=False)
        text = result.text
        if result.error_text:
            text = f"{text}\n{result.error_text}".strip("\n")
        self.add(Evidence(command, text, result.exit_status, result.seconds))
        return result

    def add(self, evidence: Evidence) -> None:
        """Take a command that was run otherwise into the evidence."""
        self._evidence.append(evidence)
        self.audience.saw(evidence)

    def look(self, command: str, *, timeout: float = 30) -> str:
        """Run a command for our own use; its failure is an error."""
        return self.machine.run(command, timeout=timeout).text

    def program(self, name: str, *arguments: object) -> str:
        """The command that runs a program of `guest/`."""
        return " ".join(["python3", "-I", f"{FOLDER}/{name}.py", *map(str, arguments)])

    def recall(self, earlier: list[Evidence]) -> None:
        """Take what an earlier demonstration has shown into the evidence of this one, too."""
        self._evidence += [each for each in earlier if each not in self._evidence]

    def until(self, what: str, holds: Callable[[], bool], seconds: float) -> None:
        """Wait until something holds.

        Raises:
            Unreadable: it did not in time; `what` says what.
        """
        limit = self.machine.deadline(seconds)
        end = time.monotonic() + limit
        while not holds():
            if time.monotonic() > end:
                raise Unreadable(f"{what} in {limit:.0f} s")
            time.sleep(0.1)

    # --- what stands on the stage ---

    def prepare(self) -> None:
        """The first thing: the measuring programs, and how the host looked before all."""
        self.audience.preparing("Looking at the guest as it was")
        for program in resources.files("lab.demo.guest").iterdir():
            if program.name.endswith(".py") and program.name != "__init__.py":
                self.machine.write(f"{FOLDER}/{program.name}", program.read_bytes())
        self._before = self.traces()
        earlier = self.machine.kernel_log()
        self._log_begin = len(earlier)
        self._log_had_monitor = any("[container_monitor]" in line for line in earlier)

    def traces(self) -> dict[str, Any]:
        """What engines, containers and monitors have left on the host up to now (`guest/traces.py`)."""
        found: dict[str, Any] = json.loads(self.look(self.program("traces")))
        return found

    @property
    def before(self) -> dict[str, Any]:
        """`traces` as they were before the first container."""
        assert self._before is not None, "prepare() comes first"
        return self._before

    def show_kernel_log(self, filter_: str) -> None:
        """Show those lines of the kernel log since `prepare` that a shell filter lets pass."""
        since = f" | tail -n +{self._log_begin + 1}" if self._log_had_monitor else ""
        self.show(f"dmesg{since} | {filter_}")

    def kernel_log(self) -> list[str]:
        """The kernel's words since `prepare`."""
        return self.machine.kernel_log()[self._log_begin :]

    def module(self) -> None:
        """The kernel monitor is loaded."""
        if self._module:
            return
        self._prepared(f"insmod {MONITOR_MODULE}", "Loading the kernel monitor")
        self._prepared("ls -l /dev/container_monitor", "Looking for the monitor's device")
        self._module = True

    def supervisor(self, *, monitored: bool = True) -> int:
        """The supervisor runs and answers; its PID.

        Args:
            monitored: it finds the kernel monitor loaded.
        """
        if self._supervisor is None:
            if monitored:
                self.module()
            # The shell that starts it stays and keeps its exit status.
            self._prepared(
                f"setsid --fork sh -c '{ENGINE} supervisor {ROOTFS_BASE}; "
                f'echo "supervisor exit status: $?"\' >{FOLDER}/supervisor.out 2>&1 </dev/null',
                "Starting the supervisor",
            )
            self._await_supervisor()
            parent = self.look("pgrep -n -f '^sh -c /usr/local/bin/engine supervisor'")
            self._supervisor = int(self.look(f"pgrep -P {parent} | head -n 1"))
        return self._supervisor

    def _await_supervisor(self) -> None:
        """Wait until it answers; without it nothing can be shown, so its failure ends the whole."""
        end = time.monotonic() + self.machine.deadline(15)
        while not self.machine.run("engine ps", check=False).ok:
            words = self.look(f"cat {FOLDER}/supervisor.out")
            if "exit status" in words or time.monotonic() > end:
                raise LabError(
                    f"The supervisor does not answer in machine {self.machine.name!r}",
                    "Its own words may tell why; `./bootstrap.sh pytest tests/guest/runtime` looks closer.",
                    detail=words,
                )
            time.sleep(0.1)

    def rootfs(self, name: str) -> str:
        """A writable copy of the base rootfs; its path."""
        path = f"{ROOTFS}/rootfs-{name}"
        if name not in self._copies:
            self._prepared(
                f"mkdir -p {ROOTFS} && cp -a {ROOTFS_BASE} {path}", f"Copying a root file system for {name}"
            )
            self._copies.add(name)
        return path

    def hogs(self) -> Hogs:
        """alpha (nice -5) and beta (nice 10) burn processor 0 between them."""
        if self._hogs is None:
            self.supervisor()
            roots = {name: self.rootfs(name) for name in ("alpha", "beta")}
            for name, nice in (("alpha", NICE_ALPHA), ("beta", NICE_BETA)):
                self.show(
                    f"engine start {name} {roots[name]} /cpu_hog {HOG_SECONDS} --nice {nice} --cpuset {PINNED_CPU}"
                )
            self.hogs_started = self._evidence[-2:]
            known = self.containers()
            self._hogs = Hogs(one(known, "alpha"), one(known, "beta"))
            # Measured from their beginning on; demonstration 7 says why.
            self.cpu_command = self.program("cpu", HOG_SECONDS, self._hogs.alpha.pid, self._hogs.beta.pid)
            self.look(f"setsid --fork {self.cpu_command} >{self.cpu_output} 2>&1 </dev/null")
        return self._hogs

    def containers(self) -> dict[str, Container]:
        """What `engine ps` says now."""
        return containers(self.look("engine ps --format json"))

    def pid_of(self, identifier: str) -> int:
        """The host PID of a container."""
        pid = one(self.containers(), identifier).pid
        if pid is None:
            raise Unreadable(f"`engine ps` tells no PID of the container {identifier}")
        return pid

    def clear(self) -> None:
        """Leave nothing behind, whatever was shown; for a machine that goes on living."""
        end = ""
        if self._supervisor is not None:
            pid = self._supervisor
            end = f"kill {pid}; for i in $(seq 200); do kill -0 {pid} 2>/dev/null || break; sleep 0.1; done; "
        unload = "rmmod monitor; " if self._module else ""
        # Logs that were written since `prepare` are of this demo's containers; older ones are somebody's.
        logs = f"find {LOGS} -type f -newer {FOLDER}/traces.py -delete; "
        self.machine.run(f"{end}{unload}{logs}rm -rf {ROOTFS} {FOLDER}", timeout=30, check=False)

    def torn_down(self) -> None:
        """Demonstration 8 has ended the supervisor and unloaded the module."""
        self._supervisor, self._module, self._hogs = None, False, None

    def _prepared(self, command: str, what: str) -> None:
        """Run something that later demonstrations stand on; its failure ends the whole."""
        self.audience.preparing(what)
        result = self.machine.run(command, check=False)
        text = f"{result.text}\n{result.error_text}".strip("\n")
        self.preparation.append(Evidence(command, text, result.exit_status, result.seconds))
        if not result.ok:
            raise LabError(
                f"{what} failed in machine {self.machine.name!r} (status {result.exit_status})",
                f"The command was: {command}",
                detail=text,
            )
