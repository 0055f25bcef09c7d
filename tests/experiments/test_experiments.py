"""`lab experiment run` in a real guest: true figures, whole files, and a machine as it was before."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import pytest

from lab.console import NoProgress
from lab.errors import LabError
from lab.experiments import cpu, latency, memory, plots, run, settings, store
from lab.experiments.kinds import KINDS
from lab.experiments.model import Experiment

if TYPE_CHECKING:
    from lab.machine.qemu import QemuMachine

pytestmark = pytest.mark.vm

LEFT = (
    "ls -d /run/boxwright-experiment /run/boxwright-demo /srv/boxwright/demo /sys/module/monitor "
    "/sys/kernel/tracing/instances/boxwright /sys/fs/cgroup/boxwright/*/ 2>/dev/null; "
    "pgrep -a 'cpu_hog|memory_hog|io_pulse'; pgrep -af 'engine superviso[r]|experiments.gues[t]'; true"
)
"""What an experiment must not leave."""


def experiment(
    machine: QemuMachine, kind: str, folder: Path, *words: str, repetitions: int = 1
) -> Experiment:
    chosen = settings.chosen(KINDS[kind].settings, words)
    done = run.run(
        machine, "tcg", KINDS[kind], chosen, repetitions, folder, NoProgress(), lambda number, told: None
    )  # fmt: skip
    assert machine.run(LEFT).text == ""
    read = store.read(done.path)
    assert read.provenance.engine.startswith("reference ")
    assert read.provenance.kernel == machine.run("uname -r").text
    plots.plot([read], folder / f"{kind}.png")
    return read


def test_the_monitor_warns_kills_and_overshoots_by_less_than_a_look(
    machine: QemuMachine, tmp_path: Path
) -> None:
    done = experiment(machine, "memory", tmp_path, "pause_ms=50", repetitions=2)
    for number, rows in enumerate(done.repetitions):
        events = [row["event"] for row in rows if row["event"]]
        assert events == ["soft", "hard", "gone"]
        assert rows[-1]["reason"] == "hard_limit_killed"
        # 4 MiB in at least 50 ms, and a look each 100 ms and what it takes; one step may lie beside both.
        assert 0 < memory.overshoot(done, number) <= 16
        assert len(rows) > 10
        assert rows[0]["resident_bytes"] < 24 << 20


def test_a_cgroup_does_not_overshoot(machine: QemuMachine, tmp_path: Path) -> None:
    done = experiment(machine, "memory", tmp_path, "by=cgroup", "pause_ms=50")
    (rows,) = done.repetitions
    assert [row["event"] for row in rows if row["event"]] == ["soft", "gone"]
    assert rows[-1]["reason"] == "hard_limit_killed"
    assert memory.overshoot(done, 0) == 0
    assert max(row["peak_bytes"] or 0 for row in rows) > 40 << 20


def test_shares_on_one_cpu_and_on_two(machine: QemuMachine, tmp_path: Path) -> None:
    one = experiment(machine, "cpu", tmp_path, "nice=0,5", "seconds=8")
    assert cpu.shares(one)[0][0] == pytest.approx(0.753, abs=0.08)
    assert sum(cpu.times(one, 0)) == pytest.approx(8, abs=2)
    two = experiment(machine, "cpu", tmp_path, "nice=0,5", "seconds=5", "cpus=2")
    assert cpu.shares(two)[0][0] == pytest.approx(0.5, abs=0.1)
    assert one.path != two.path


def test_a_sleeper_alone_and_beside_hogs(machine: QemuMachine, tmp_path: Path) -> None:
    alone = experiment(machine, "latency", tmp_path, "hogs=0", "wakes=50")
    beside = experiment(machine, "latency", tmp_path, "hogs=2", "hog_nice=-10", "wakes=50")
    assert [len(rows) for rows in (*alone.repetitions, *beside.repetitions)] == [50, 50]
    assert median(latency.milliseconds(alone)[0]) < 20
    assert latency.percentile(latency.milliseconds(beside)[0], 95) > median(latency.milliseconds(alone)[0])
    io = experiment(machine, "latency", tmp_path, "sleeper=io", "wakes=20")
    assert len(io.repetitions[0]) == 20


def test_a_supervisor_that_is_there_is_left_alone(machine: QemuMachine, tmp_path: Path) -> None:
    machine.run(
        "setsid --fork engine supervisor /srv/boxwright/rootfs-base >/dev/null 2>&1 </dev/null; "
        "until engine ps >/dev/null 2>&1; do sleep 0.1; done"
    )
    with pytest.raises(LabError, match="A supervisor is running"):
        experiment(machine, "cpu", tmp_path)
    assert machine.run("engine ps", check=False).ok
    machine.run("pkill -TERM -o -f supervisor; while engine ps >/dev/null 2>&1; do sleep 0.1; done")
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_leaves_whole_repetitions_and_a_cleared_machine(machine: QemuMachine, tmp_path: Path) -> None:
    """The second repetition is interrupted in its middle."""
    command = subprocess.Popen(
        [str(Path(sys.executable).parent / "lab"), "experiment", "run", "cpu", "-m", machine.name,
         "--set", "seconds=4", "--repeat", "50", "-o", str(tmp_path)],
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    end = time.monotonic() + machine.deadline(120)
    while len(list(tmp_path.glob("*.csv"))) < 1:
        assert command.poll() is None and time.monotonic() < end
        time.sleep(0.1)
    while not machine.run("pgrep cpu_hog", check=False).ok:
        assert command.poll() is None and time.monotonic() < end
    os.killpg(command.pid, signal.SIGINT)
    said = command.communicate(timeout=machine.deadline(120))[1]
    (file,) = tmp_path.iterdir()
    read = store.read(file)
    assert command.returncode == 130, said
    count = len(read.repetitions)
    assert 1 <= count < 5
    are = "repetition is" if count == 1 else "repetitions are"
    assert f"Interrupted; the machine is cleared. {count} whole {are} in {file}." in said, said
    assert {row["seconds"] for row in read.repetitions[0][-2:]} == {read.repetitions[0][-1]["seconds"]}
    assert machine.run(LEFT).text == ""
