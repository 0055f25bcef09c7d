"""`grade vms` on three running machines and one that is not there, all on 127.0.0.1."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab import console, lifecycle, paths
from lab.machine import boot
from lab.machine.keys import lab_keys
from lab.machine.qemu import QemuMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow]

WORK = paths.CHECKOUT / "tests" / "implementations" / "c"
STUDENTS = ("ann", "bob", "cid")
LOOK = (
    "cut -d' ' -f1 /proc/modules | sort; cut -d' ' -f2,3 /proc/mounts | sort; hostname; ls / /srv /run; "
    "cat /proc/sys/kernel/core_pattern; "
    "ps -e -o comm= | grep -vE '^(kworker|sshd|sh|ps|sort|cut|grep|systemd|.udev)' | sort"
)
"""What a machine should look like afterwards as before."""


@pytest.fixture(scope="module")
def students_machines() -> Iterator[dict[str, QemuMachine]]:
    with ExitStack() as stack, console.progress() as progress:
        found = {}
        for student in STUDENTS:
            name = f"host-{os.getpid()}-{student}"
            stack.callback(lifecycle.destroy, name)
            found[student] = lifecycle.up(name, progress)
            found[student].put(WORK, "/home/student/my project")
        yield found


def test_side_by_side_and_one_that_does_not_answer(
    students_machines: dict[str, QemuMachine], tmp_path: Path
) -> None:
    keys = lab_keys()
    before = {name: machine.run(LOOK).text for name, machine in students_machines.items()}
    lines = [f'[defaults]\nkey = "{keys.login}"\nfolder = "/home/student/my project"\n']
    for name, machine in students_machines.items():
        lines.append(
            f'[[machine]]\nhost = "127.0.0.1"\nport = {machine.record.port}\nstudent = "{name}"\n'
            f'host_key = "{keys.host_public}"\n'
        )
    lines.append(f'[[machine]]\nhost = "127.0.0.1"\nport = {boot.free_port()}\nstudent = "dan"\n')
    inventory = tmp_path / "inventory.toml"
    inventory.write_text("\n".join(lines))
    done = subprocess.run(
        [
            sys.executable, "-c", "from grading.__main__ import main; main()", "vms", str(inventory), "--json",
            "--only", "build,containers.starts", "-o", str(tmp_path / "results"),
        ],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=1500,
    )  # fmt: skip
    found = {result["submission"]: result for result in json.loads(done.stdout)}
    assert done.returncode == 1 and "dan" in done.stderr, done.stderr
    assert "Nobody answers" in found["dan"]["problem"]
    assert (found["dan"]["score"], found["dan"]["max_score"]) == (0, 0)
    for name in STUDENTS:
        verdicts = {check["id"]: (check["verdict"], check["actual"]) for check in found[name]["checks"]}
        assert {verdict for verdict, _ in verdicts.values()} == {"passed"}, (name, verdicts, done.stderr)
        assert found[name]["kernel"]
    after = {name: machine.run(LOOK).text for name, machine in students_machines.items()}
    assert after == before
