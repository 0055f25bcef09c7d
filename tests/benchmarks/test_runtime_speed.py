"""The engine against the field's runtimes, in the same guest and run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.deploy import ROOTFS_BASE
from lab.machine.qemu import QemuMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow]

ROUNDS = 30

LIMIT = 0.6
"""Of the peer's median."""


def test_the_engine_is_faster_than_crun_and_runc(
    machine: QemuMachine, capsys: pytest.CaptureFixture[str]
) -> None:
    program = Path(__file__).with_name("against_runtimes.py")
    machine.put(program, f"/root/{program.name}")
    machine.run(f"cp -a {ROOTFS_BASE} /srv/bench && insmod /usr/local/src/boxwright-monitor/monitor.ko")
    machine.run(f"systemd-run --quiet --unit=bench engine supervisor {ROOTFS_BASE}")
    machine.run("for i in $(seq 100); do engine ps > /dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1")
    done = machine.run(f"python3 /root/{program.name} {ROUNDS} /srv/bench /root/bundle", timeout=600)
    medians = json.loads(done.text.splitlines()[-1])
    rows = [
        ("create, exec, reaped", "engine", "crun"),
        ("run /bin/true, client included", "engine run", "runc run"),
    ]
    with capsys.disabled():
        print(f"\n\n| what ({ROUNDS} rounds, medians) | ours | peer | ratio |\n|---|---|---|---|")  # noqa: T201
        for what, ours, peer in rows:
            ratio = medians[ours] / medians[peer]
            print(f"| {what} | {medians[ours]:.3f} s | {peer} {medians[peer]:.3f} s | {ratio:.2f} |")  # noqa: T201
    for _, ours, peer in rows:
        assert medians[ours] <= LIMIT * medians[peer]
