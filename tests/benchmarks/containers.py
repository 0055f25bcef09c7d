"""The figures of the engine and the monitor, each beside its peer in the same guest."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import podman
from stage import Stage
from table import Row, at_most, ratio_at_least, ratio_at_most

from lab.deploy import MONITOR_MODULE

PROBE = Path(__file__).resolve().parents[1] / "guest/kernel"
"""The kernel tests' own program: it can register a crowd of containers with the monitor."""


def p95(values: Sequence[float]) -> float:
    """The value that 19 of 20 stay below."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def runtimes(stage: Stage, rounds: int) -> list[Row]:
    """Create, execute, reap; and the whole of `run`, its client included."""
    why_not = podman.install(stage.machine, stage.machine.record.suite)
    stage.machine.run("cp -a /srv/boxwright/rootfs-base /srv/bench")
    times = stage.measure("runtimes", rounds, "/srv/bench")
    medians = {name: statistics.median(values) * 1000 for name, values in times.items()}
    rows = []
    for what, ours, asked_of in (
        ("create, exec, reaped", "engine", "crun"),
        ("`run /bin/true`, client included", "engine run", "runc"),
    ):
        for peer in ("crun", "runc", "podman"):
            if peer not in medians:
                note = f"podman: {why_not or 'does not run here'}"
                rows.append(Row(what, medians[ours], "ms", peer, None, rounds=rounds, note=note))
                continue
            asked = ratio_at_most(medians[ours], medians[peer], 0.6) if peer == asked_of else {}
            rows.append(Row(what, medians[ours], "ms", f"{peer} run", medians[peer], rounds=rounds, **asked))
    return rows


def logs(stage: Stage, rounds: int) -> list[Row]:
    """200 MiB of lines through the log, by one writer and by four."""
    rows = []
    for writers in (1, 4):
        rates = stage.measure("logs", rounds, writers)
        medians = {name: statistics.median(values) for name, values in rates.items()}
        ours = medians["engine"]
        what = f"log throughput, 200 MiB by {writers} writer{'s' if writers > 1 else ''}"
        for peer, least in (("cat", 0.8), ("conmon", 2.0)):
            asked = ratio_at_least(ours, medians[peer], least)
            rows.append(Row(what, ours, "MiB/s", peer, medians[peer], rounds=len(rates[peer]), **asked))
    return rows


def control(stage: Stage, rounds: int) -> list[Row]:
    """The client's latency, idle and while four containers log as fast as they can."""
    calls = max(rounds, 100)
    times = stage.measure("control", calls)
    rows = []
    for how in ("idle", "busy"):
        ours, peer = (p95(times[f"{name} {how}"]) * 1000 for name in ("engine", "crun"))
        what = "`engine ps`, p95" + (
            " while four containers log at full speed" if how == "busy" else ", idle"
        )
        rows.append(Row(what, ours, "ms", "crun list", peer, rounds=calls))
    return rows


def soak(stage: Stage, cycles: int) -> list[Row]:
    """Memory with 100 containers, and growth over so many more."""
    found = stage.measure("soak", 100, cycles)
    mib = found["supervisor_kib"] / 1024
    rows = [
        Row(
            f"supervisor and zygote with {found['alive']} containers",
            mib, "MiB", "100 conmons", found["conmon_kib"] / 1024,
            note="Pss", **at_most(mib, 60, "MiB"),
        )
    ]  # fmt: skip
    for what, before in found["before"].items():
        grown = found["after"][what] - before
        limit = 1024 if what == "memory_kib" else 0
        unit = "KiB" if what == "memory_kib" else ""
        name = what.removesuffix("_kib")
        rows.append(
            Row(
                f"growth over {cycles} starts and stops: {name}", grown, unit, "before", before,
                **at_most(grown, limit, unit),
            )
        )  # fmt: skip
    return rows


def scans(stage: Stage, rounds: int) -> list[Row]:
    """What one look of the monitor at all its containers costs."""
    stage.machine.put(PROBE, "/root/probe")
    stage.machine.run(
        "cd /root/probe && cc -std=gnu11 -O1 -pthread -I/usr/local/src/boxwright-monitor -o probe *.c"
    )
    rows = []
    for count in (1, 50, 500):
        done = stage.machine.run(f"/root/probe/probe crowd {count} {rounds}", timeout=120)
        ours = statistics.median(int(line.split()[1]) for line in done.text.splitlines()) / 1e6
        peer = statistics.median(stage.measure("polling", rounds, count)) / 1e6
        asked = at_most(ours, 5, "ms") if count == 500 else {}
        what = f"monitor's scan of {count} container{'s' if count > 1 else ''}"
        rows.append(Row(what, ours, "ms", "polling /proc", peer, rounds=rounds, **asked))
    return rows


def overshoot(stage: Stage, rounds: int) -> list[Row]:
    """How far past a hard limit of 64 MiB: by the monitor, which looks every so often, and by memory.max."""
    steps = (("1 MiB every 10 ms", 1, 10), ("16 MiB at a time, no pause", 16, 0))
    found: dict[str, list[float]] = {}
    for holder in ("monitor", "cgroup"):
        if holder == "cgroup":
            stage.stop_supervisor()
            stage.machine.run("rmmod monitor")
            stage.start_supervisor()
        for how, chunk, sleep in steps:
            measured = stage.measure("overshoot", rounds, chunk, sleep)
            if measured["by"] != holder:
                raise AssertionError(f"the limits were held by {measured['by']}, not by the {holder}")
            found.setdefault(how, []).append(statistics.median(measured["past"]) / (1 << 20))
    stage.stop_supervisor()
    stage.machine.run(f"insmod {MONITOR_MODULE}")
    stage.start_supervisor()
    return [
        Row(
            f"past the hard limit, {how}",
            ours,
            "MiB",
            "memory.max",
            peer,
            rounds=rounds,
            note="cgroup's memory.peak",
        )
        for how, (ours, peer) in found.items()
    ]
