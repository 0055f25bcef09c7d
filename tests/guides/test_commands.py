"""Every command of every guide, run in the guest, with the output that the guide promises.

A guide's blocks are run in their order on a fresh machine, each in a shell of its own.
Blocks for the host are run in the checkout, where `lab` means the same machine.
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lab.exercises import consoles, guides
from lab.machine.qemu import QemuMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow]

CHECKOUT = Path(__file__).resolve().parents[2]
FOLDERS = sorted(path.parent for path in (CHECKOUT / "exercises").glob("[0-9][0-9]_*/exercise.toml"))
SECONDS = 120
"""For one block, on a fast machine."""
SCRIPT, OUTPUT = "/run/boxwright-guide.sh", "/run/boxwright-guide.out"
FRESH = "fresh"
"""As `tests/conftest.py` calls the snapshot."""


def values(folder: Path) -> dict[str, object]:
    """The least number or the first word for each parameter."""
    told = tomllib.loads((folder / "exercise.toml").read_text(encoding="utf-8"))
    return {
        name: rule["words"][0] if "words" in rule else rule["least"]
        for name, rule in told.get("parameters", {}).items()
    }


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


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_commands_do_what_the_guide_says(folder: Path, shared_machine: QemuMachine) -> None:
    shared_machine.restore(FRESH)
    wrong = []
    for block in guides.read(folder, values(folder)).blocks:
        mark = f"\x1e{secrets.token_hex(8)}"
        run = in_guest if block.place == "guest" else on_host
        said = run(shared_machine, consoles.script(block, mark))
        for command, seen in zip(block.commands, consoles.outputs(block, mark, said), strict=True):
            if difference := consoles.difference(command, seen):
                wrong.append(f"{folder.name}/guide.md:{command.line}: {command.text}\n{difference}\n")
    if wrong:
        pytest.fail("\n".join(wrong), pytrace=False)
