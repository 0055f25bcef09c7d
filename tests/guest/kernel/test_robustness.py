"""The module under what nobody should do to it: the kernel log stays clean and nothing is left.

What the kernel would say of a mistake is looked for after every test (conftest.py).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from lab.deploy import MONITOR_MODULE
from lab.machine.protocol import CommandResult, Machine

Probe = Callable[..., CommandResult]


def counts(result: CommandResult) -> dict[str, int]:
    return {name: int(number) for name, number in re.findall(r"([a-z-]+)=(\d+)", result.text)}


@pytest.fixture(autouse=True)
def quiet_console(machine: Machine) -> None:
    """Thousands of lines belong in the log, and not on a serial console that is emulated."""
    machine.run("dmesg -n 4")


@pytest.mark.usefixtures("monitor")
@pytest.mark.parametrize("seed", [1, 20240229])
def test_random_ioctls(probe: Probe, seed: int) -> None:
    """100,000 for each seed; a fifth of them is in good form."""
    done = counts(probe("fuzz", 100_000, seed, timeout=60))
    assert done["taken"] + done["refused"] == 100_000
    assert done["taken"] > 5_000
    assert done["refused"] > 50_000


@pytest.mark.usefixtures("monitor")
def test_exit_races(probe: Probe) -> None:
    """Containers that end while, before and after they are registered, and are given up or not."""
    done = counts(probe("churn", 2_000, 7, timeout=60))
    assert done["taken"] + done["late"] == 2_000
    assert done["taken"] == done["given-up"] + done["gone"], "each entry has an end, told once"
    assert done["lost"] == done["other"] == 0
    assert done["given-up"] > 300 and done["gone"] > 300


@pytest.mark.usefixtures("monitor")
def test_nothing_is_kept_of_the_dead(machine: Machine, probe: Probe) -> None:
    """A leaked reference to a PID would keep its namespace: then 40 are soon used up."""
    limit = "/proc/sys/user/max_pid_namespaces"
    before = machine.run(f"cat {limit}; echo 40 >{limit}").text
    try:
        patience = round(machine.deadline(10))
        # Every fourth is in a namespace of its own.
        done = counts(probe("churn", 400, 11, patience, timeout=60))
    finally:
        machine.run(f"echo {before} >{limit}")
    assert done["taken"] > 200


def test_unload_and_reload_under_load(machine: Machine, probe: Probe, log: Any) -> None:
    """Two processes open, register and close all the time while the module comes and goes."""
    machine.run(f"insmod {MONITOR_MODULE}")
    reload = (
        f"n=0; while kill -0 $first 2>/dev/null; do if rmmod monitor 2>/dev/null; then "
        f"insmod {MONITOR_MODULE} || exit 1; n=$((n+1)); fi; done; echo reloads=$n"
    )
    program = "/usr/local/lib/boxwright-probe/probe knock"
    rounds: list[str] = []
    reloads = 0
    deadline = time.monotonic() + machine.deadline(60)
    while reloads <= 3:  # it goes only while neither has it open, which is a matter of chance
        assert time.monotonic() < deadline
        done = machine.run(f"{program} 8000 3 & first=$!; {program} 8000 4 & {reload}; wait", timeout=60)
        reloads += counts(done)["reloads"]
        rounds.append(done.text)
    machine.run("rmmod monitor")
    assert all(len(re.findall(r"opened=[1-9]\d", each)) == 2 for each in rounds)
    assert any("absent=" in each for each in rounds)
    assert log.monitor()[-1] == "Module unloaded."


@pytest.mark.usefixtures("monitor")
def test_entries_end_with_their_file(machine: Machine, log: Any) -> None:
    """A probe killed in the middle: its containers live on and are nobody's, the module can go."""
    machine.run(
        "/usr/local/lib/boxwright-probe/probe crowd 20 1000 >/dev/null & crowd=$!; "
        "until dmesg | grep -q 'Registering container=crowd-19 '; do sleep 0.1; done; "
        "kill -9 $crowd; wait $crowd; pgrep -c -x probe && rmmod monitor; status=$?; "
        "pkill -9 -x probe; exit $status"
    )
    assert log.monitor()[-1] == "Module unloaded."
