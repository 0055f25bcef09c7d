"""The probe, the module, and a kernel log that is looked at after every test."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab import paths
from lab.deploy import MONITOR_MODULE, MONITOR_SOURCE
from lab.machine.protocol import CommandResult, Machine

HERE = Path(__file__).resolve().parent
PROBE = "/usr/local/lib/boxwright-probe"
FLAGS = ["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-pthread"]

COMPLAINT = re.compile(
    r"BUG|WARNING|Oops|Call Trace|RIP:|general protection|unable to handle|refcount|corruption"
    r"|rcu:.*(stall|detected)|INFO: task|blocked for more than|soft lockup|hard LOCKUP|leaked|Kernel panic"
    r"|scheduling while atomic|Badness|double free|use-after-free"
)
"""What the kernel says when something is wrong in it."""

SIZE = r"[1-9][0-9]*"
WHO = rf"container=[!-~]{{1,31}} pid={SIZE}"
MONITOR_LINE = re.compile(
    r"\[container_monitor\] ("
    r"Module loaded\. Device: /dev/container_monitor"
    rf"|Registering {WHO} soft={SIZE} hard={SIZE}"
    rf"|SOFT LIMIT {WHO} rss={SIZE} limit={SIZE}"
    rf"|HARD LIMIT {WHO} rss={SIZE} limit={SIZE}"
    rf"|Unregister request {WHO}"
    r"|Module unloaded\.)"
)
"""The lines of the contract, to the letter."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a machine."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.vm)


@dataclass
class KernelLog:
    """The kernel log since the test began."""

    machine: Machine
    mark: str

    def lines(self) -> list[str]:
        """All of it. Where much was logged since, the oldest may be missing."""
        lines = self.machine.kernel_log()
        return lines[lines.index(self.mark) + 1 :] if self.mark in lines else lines

    def monitor(self) -> list[str]:
        """What the module said, without its prefix."""
        prefix = "[container_monitor] "
        return [line.removeprefix(prefix) for line in self.lines() if line.startswith(prefix)]


@pytest.fixture(autouse=True)
def log(machine: Machine) -> Iterator[KernelLog]:
    """The kernel log of one test, in which the kernel must not have complained."""
    mark = f"boxwright: kernel test {uuid.uuid4()}"  # not to be taken for one of an earlier session
    tainted = machine.run(f"echo '{mark}' >/dev/kmsg; cat /proc/sys/kernel/tainted").text
    kernel_log = KernelLog(machine, mark)
    yield kernel_log
    lines = kernel_log.lines()
    assert [line for line in lines if COMPLAINT.search(line)] == []
    ours = [line for line in lines if "container_monitor" in line]
    assert [line for line in ours if not MONITOR_LINE.fullmatch(line)] == []
    # Bit 12: a module from outside the kernel; bit 13: one that is not signed. That we are.
    now = int(machine.run("cat /proc/sys/kernel/tainted").text)
    assert now & ~(1 << 12 | 1 << 13) == int(tainted) & ~(1 << 12 | 1 << 13), f"taint flags {now:#x}"


@pytest.fixture(scope="session")
def host_probe(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The probe, built static on this host in a second, for host and guest; None where that fails."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    program = tmp_path_factory.mktemp("probe") / "probe"
    if not compiler:
        return None
    command = [
        compiler,
        *FLAGS,
        "-static",
        f"-I{paths.CHECKOUT / 'kernel'}",
        "-o",
        program,
        *HERE.glob("probe*.c"),
    ]
    return program if subprocess.run(command, check=False).returncode == 0 else None


@pytest.fixture(scope="module")
def probe(machine: Machine, host_probe: Path | None) -> Callable[..., CommandResult]:
    """Run the probe in the guest: `probe("container", "busy", …)`."""
    program = f"{PROBE}/probe"
    if host_probe:
        machine.write(program, host_probe.read_bytes(), mode=0o755)
    else:
        machine.put(HERE, PROBE)
        machine.run(f"cd {PROBE} && gcc {' '.join(FLAGS)} -I{MONITOR_SOURCE} -o probe probe*.c", timeout=120)

    def run(*arguments: str | int, prefix: str = "", timeout: float = 30) -> CommandResult:
        words = " ".join(map(str, arguments))
        return machine.run(f"{prefix} {program} {words}", timeout=timeout)

    return run


@pytest.fixture
def monitor(machine: Machine) -> Iterator[None]:
    """The module, loaded before the test and unloaded after it."""
    load(machine)
    yield
    unload(machine)


def load(machine: Machine) -> None:
    machine.run(f"lsmod | grep -q '^monitor ' || insmod {MONITOR_MODULE}")


def unload(machine: Machine) -> None:
    machine.run("! lsmod | grep -q '^monitor ' || rmmod monitor")
