"""The experiment of exercise 07: a container that grows past both limits, watched to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.demo.facts import MIB, Unreadable, json_lines
from lab.errors import LabError
from lab.experiments.model import Column, Experiment, Kind, Measure, Row
from lab.experiments.settings import Setting, Values, number

if TYPE_CHECKING:
    from lab.experiments.bench import Bench

PROGRAM = "/memory_hog"
BEYOND_MIB = 128
"""So far above its hard limit the container stops growing: an engine that holds no limit fills no machine."""

SETTINGS = (
    Setting("by", "monitor", "who holds the limits", words=("monitor", "cgroup")),
    Setting("scan_interval_ms", 100, "pause between two looks of the monitor, ms", 10, 60000),
    Setting("soft_mib", 24, "soft limit, MiB", 1, 512),
    Setting("hard_mib", 48, "hard limit, MiB", 1, 512),
    Setting("chunk_mib", 4, "how much the container takes at a time, MiB", 1, 128),
    Setting("pause_ms", 100, "how long it sleeps after that, ms", 0, 10000),
    Setting("sample_ms", 20, "pause between two looks of the experiment, ms", 5, 1000),
    Setting("seconds", 30, "the longest it may take; then the container is stopped", 1, 600),
)

COLUMNS = (
    Column("seconds", "since the container's process began"),
    Column("resident_bytes", "its resident memory; in a row with a limit, what was told with it", int, False),
    Column("charged_bytes", "memory.current of its cgroup; empty where the monitor holds the limits", int, False),
    Column("peak_bytes", "memory.peak of its cgroup; likewise", int, False),
    Column("event", "soft or hard: a limit was told of; gone: it has ended; time: it was stopped", str, False),
    Column("reason", "in the last row: why it ended, as `engine ps` says", str, False),
)  # fmt: skip


def check(values: Values) -> None:
    """Limits in order, and a hog that can pass them in its time."""
    soft, hard = number(values, "soft_mib"), number(values, "hard_mib")
    if soft > hard:
        raise LabError(f"soft_mib={soft} is above hard_mib={hard}", "The soft limit comes first.")
    steps = hard / number(values, "chunk_mib")
    needed = steps * number(values, "pause_ms") / 1000
    if needed > number(values, "seconds"):
        raise LabError(
            f"The container needs {needed:.0f} s to come to its hard limit, and has {number(values, 'seconds')}",
            "Set a larger chunk_mib, a shorter pause_ms, or more seconds.",
        )


def repeat(bench: Bench, values: Values, repetition: int) -> list[dict[str, Any]]:
    """One container, from its start to its end."""
    chunk = number(values, "chunk_mib")
    ceiling = number(values, "hard_mib") + BEYOND_MIB
    argv = [PROGRAM, "--max", str(ceiling), str(chunk), str(number(values, "pause_ms"))]
    limits = ["--soft-mib", str(number(values, "soft_mib")), "--hard-mib", str(number(values, "hard_mib"))]
    said = bench.measure(
        "growth",
        {
            "container": bench.container(f"memory-{repetition}", 0, argv, limits),
            "by": values["by"],
            "seconds": bench.seconds(number(values, "seconds")),
            "pause": number(values, "sample_ms") / 1000,
        },
        bench.seconds(number(values, "seconds")),
    )
    return rows(said)


def rows(said: str) -> list[dict[str, Any]]:
    """What `guest/growth.py` printed, as rows of the file.

    Raises:
        Unreadable: it broke off, or saw nothing.
    """
    lines = json_lines(said)
    began = next((line["began"] for line in lines if "began" in line), None)
    if began is None or "end" not in lines[-1] or not any(line.get("rss") for line in lines):
        raise Unreadable("the watch over the container's memory broke off")
    found = []
    for line in lines:
        if "began" in line:
            continue
        row = dict.fromkeys((column.name for column in COLUMNS), None)
        row |= {
            "seconds": round(max(line["t"] - began, 0.0), 4),
            "resident_bytes": line.get("rss"),
            "charged_bytes": line.get("charged"),
            "peak_bytes": line.get("peak"),
            "event": line.get("limit") or line.get("end"),
            "reason": line.get("reason"),
        }
        found.append(row)
    return found


def size(row: Row, *, by_cgroup: bool) -> int | None:
    """Bytes of the container in a row, as whoever holds the limits counts it."""
    value: int | None = row["charged_bytes"] if by_cgroup else row["resident_bytes"]
    return value


def by_cgroup(experiment: Experiment) -> bool:
    """Whether a cgroup held the limits."""
    return experiment.parameters["by"] == "cgroup"


def overshoot(experiment: Experiment, repetition: int) -> float:
    """MiB by which the container was ever seen above its hard limit; never less than 0.

    Args:
        experiment: of this kind.
        repetition: from 0.
    """
    group = by_cgroup(experiment)
    seen = [
        value
        for row in experiment.repetitions[repetition]
        for value in (size(row, by_cgroup=group), row["peak_bytes"] if group else None)
        if value is not None
    ]
    return max(max(seen, default=0) / MIB - number(experiment.parameters, "hard_mib"), 0.0)


def killed_at(repetition: list[Row] | Any) -> float | None:
    """Seconds at which the hard limit ended the container; None where something else did."""
    last = repetition[-1]
    if last["event"] == "gone" and last["reason"] not in ("exited", "stopped"):
        return float(last["seconds"])
    return None


def measures(experiment: Experiment) -> list[Measure]:
    """The overshoot, and how long the container lived."""
    count = len(experiment.repetitions)
    return [
        Measure(
            "overshoot past the hard limit", "MiB", tuple(overshoot(experiment, each) for each in range(count))
        ),
        Measure("life until its end", "s", tuple(float(each[-1]["seconds"]) for each in experiment.repetitions)),
    ]  # fmt: skip


def told(experiment: Experiment) -> str:
    """How the last repetition ended."""
    last = experiment.repetitions[-1]
    over = overshoot(experiment, len(experiment.repetitions) - 1)
    how = "killed" if killed_at(last) is not None else "NOT killed"
    return f"{how} after {last[-1]['seconds']:.1f} s ({last[-1]['reason']}), {over:.1f} MiB over"


KIND = Kind(
    name="memory",
    settings=SETTINGS,
    columns=COLUMNS,
    check=check,
    by_monitor=lambda values: values["by"] == "monitor",
    rootfs=lambda values: 1,
    repeat=repeat,
    measures=measures,
    told=told,
)
