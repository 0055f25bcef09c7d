"""Asks a running machine what there is (one script, one command), and lets it be judged."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import deploy
from lab.doctor import guest_kernel, guest_system
from lab.doctor.finding import Finding
from lab.doctor.guest_kernel import Facts
from lab.errors import LabError
from lab.image import contents
from lab.machine.protocol import Machine

PROBE = Path(__file__).with_name("probe.sh")

SECONDS = 60
"""For the probe on a fast machine, where it takes two: the workloads run for a second."""


@dataclass(frozen=True)
class Expected:
    """What the list in `vagrant/` says of a lab VM."""

    alpine_version: str
    workloads: tuple[str, ...]


def expected() -> Expected:
    """Read the list. Raises `LabError` where it cannot be read."""
    path = contents.vars_file()
    try:
        values: dict[str, Any] = yaml.safe_load(path.read_text())
        return Expected(
            str(values["boxwright_alpine_version"]), tuple(map(str, values["boxwright_workloads"]))
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise LabError(
            f"The list of a lab VM's contents cannot be read from {path}: {error!r}",
            "Restore it from the repository.",
        ) from error


def examine_guest(machine: Machine) -> list[Finding]:
    """Look at a machine from inside.

    Raises:
        LabError: it does not answer, or lets nobody look.
    """
    wanted = expected()
    command = shlex.join(
        ["sh", "-s", "--", deploy.ROOTFS_BASE, deploy.ENGINE, deploy.MONITOR_SOURCE, *wanted.workloads]
    )
    before = time.time()
    done = machine.run(command, stdin=PROBE.read_bytes(), timeout=SECONDS)
    facts = read_answers(done.text)
    facts.update(
        {
            "asked-after": f"{before:.3f}",
            "asked-before": f"{before + done.seconds:.3f}",
            "machine": machine.name,
        }
    )
    return judge(facts, wanted)


def read_answers(text: str) -> dict[str, str]:
    """The probe's output as a table of its answers.

    Raises:
        LabError: the probe did not come to its end.
    """
    answers: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("@@ "):
            name = line[3:].strip()
            answers[name] = []
        elif name:
            answers[name].append(line)
    if "end" not in answers:
        raise LabError(
            f"The look into the machine ended early, after {name or 'nothing'!r}", "Try again.",
            detail=text[-500:],
        )  # fmt: skip
    return {name: "\n".join(lines).strip() for name, lines in answers.items()}


def judge(facts: Facts, wanted: Expected) -> list[Finding]:
    """All findings, in the order in which they are shown."""
    kernel = (
        guest_kernel.kernel,
        guest_kernel.headers,
        guest_kernel.compiler,
        guest_kernel.module_loading,
        guest_kernel.secure_boot,
        guest_kernel.cgroup,
        guest_kernel.monitor,
    )
    system = (
        guest_system.engine,
        guest_kernel.python,
        guest_system.clock,
        guest_system.kernel_log,
        guest_system.disk,
        guest_system.memory,
        guest_system.swap,
        guest_system.zombies,
    )
    return [
        *(check(facts) for check in kernel),
        guest_system.rootfs(facts, wanted.alpine_version),
        guest_system.workloads(facts, wanted.workloads),
        *(check(facts) for check in system),
    ]
