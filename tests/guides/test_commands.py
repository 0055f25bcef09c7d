"""Every command of every guide, run in the guest, with the output that the guide promises.

A guide's blocks are run in their order on a fresh machine, each in a shell of its own.
Blocks for the host are run in the checkout, where `lab` means the same machine.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from lab.exercises import catalogue, consoles, guides, parameters
from lab.exercises.catalogue import Exercise
from lab.machine.qemu import QemuMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow]

CHECKOUT = Path(__file__).resolve().parents[2]
SECONDS = 120
"""For one block, on a fast machine."""
SCRIPT, OUTPUT = "/run/boxwright-guide.sh", "/run/boxwright-guide.out"
FRESH = "fresh"
"""As `tests/conftest.py` calls the snapshot."""


def in_guest(machine: QemuMachine, script: str) -> str:
    """Run a script in root's folder; what it and all it started have printed by its end."""
    machine.write(SCRIPT, script.encode())
    # To a file: what a block leaves in the background would hold the connection open.
    machine.run(
        f"cd /root && HOME=/root LC_ALL=C.UTF-8 bash {SCRIPT} >{OUTPUT} 2>&1", check=False, timeout=SECONDS
    )
    return machine.read(OUTPUT).decode("utf-8", "backslashreplace")


def on_host(machine: QemuMachine, script: str) -> str:
    """The same on the host, with `lab` meaning this machine."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-c", script],
        check=False,
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PATH": path, "BOXWRIGHT_MACHINE": machine.name, "COLUMNS": "120"},
        timeout=machine.deadline(SECONDS),
    ).stdout


@pytest.mark.parametrize("exercise", catalogue.exercises(), ids=lambda exercise: exercise.folder.name)
def test_commands_do_what_the_guide_says(exercise: Exercise, shared_machine: QemuMachine) -> None:
    shared_machine.restore(FRESH)
    wrong = []
    for block in guides.read(exercise.folder, parameters.values(exercise.parameters, "", "")).blocks:
        mark = f"\x1e{secrets.token_hex(8)}"
        run = in_guest if block.place == "guest" else on_host
        said = run(shared_machine, consoles.script(block, mark))
        for command, seen in zip(block.commands, consoles.outputs(block, mark, said), strict=True):
            if difference := consoles.difference(command, seen):
                wrong.append(
                    f"{exercise.folder.name}/guide.md:{command.line}: {command.text}\n{difference}\n"
                )
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
