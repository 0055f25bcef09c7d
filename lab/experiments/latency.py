"""The other experiment of exercise 08: how late a container that sleeps comes to run beside a hog."""

from __future__ import annotations

from statistics import quantiles
from typing import TYPE_CHECKING, Any

from lab.demo.facts import Unreadable
from lab.errors import LabError
from lab.experiments.cpu import hog
from lab.experiments.model import Column, Experiment, Kind, Measure
from lab.experiments.settings import Setting, Values, number

if TYPE_CHECKING:
    from lab.experiments.bench import Bench

SETTINGS = (
    Setting("sleeper", "sleep", "what the container does: sleep only, or write to the disk and sleep (io)",
            words=("sleep", "io")),
    Setting("nice", 0, "its nice value", -20, 19),
    Setting("hogs", 1, "how many hogs it has beside it on its CPU; 0: it is alone", 0, 4),
    Setting("hog_nice", 0, "their nice value", -20, 19),
    Setting("sleep_ms", 20, "how long it sleeps each time, ms", 1, 1000),
    Setting("wakes", 300, "how many times it is seen to wake in each repetition", 20, 20000),
)  # fmt: skip

COLUMNS = (
    Column("seconds", "when it was woken, since the first time"),
    Column("late_us", "microseconds from then until it ran"),
)

LONGEST_WAIT = 0.2
"""Seconds for which a wake may be late on average, before a repetition is given up."""

PERCENTS = (50, 95, 99)


def check(values: Values) -> None:
    """It can wake so many times in a bearable time."""
    seconds = number(values, "wakes") * number(values, "sleep_ms") / 1000
    if seconds > 600:
        raise LabError(
            f"{number(values, 'wakes')} wakes, {number(values, 'sleep_ms')} ms apart, take {seconds:.0f} s",
            "Set fewer wakes or a shorter sleep_ms; 600 s is the most.",
        )


def repeat(bench: Bench, values: Values, repetition: int) -> list[dict[str, Any]]:
    """The hogs, and beside them the sleeper."""
    hogs, sleep = number(values, "hogs"), str(number(values, "sleep_ms"))
    # A hog of memory that has all it may take does nothing but sleep.
    argv = {"sleep": ["/memory_hog", "--max", "1", "1", sleep], "io": ["/io_pulse", "1000000", sleep]}
    seconds = bench.seconds(number(values, "wakes") * (number(values, "sleep_ms") / 1000 + LONGEST_WAIT))
    said = bench.measure(
        "wakes",
        {
            "containers": [
                *(
                    bench.container(
                        f"hog-{repetition}-{which + 1}", which + 1, hog(which),
                        ["--nice", str(number(values, "hog_nice"))],
                    )
                    for which in range(hogs)
                ),
                bench.container(
                    f"sleeper-{repetition}", 0, argv[str(values["sleeper"])], ["--nice", str(number(values, "nice"))]
                ),
            ],
            "cpus": bench.cpus(1),
            "wakes": number(values, "wakes"),
            "seconds": seconds,
        },
        seconds + 10 * (hogs + 1),
    )  # fmt: skip
    return rows(said)


def rows(said: str) -> list[dict[str, Any]]:
    """What `guest/wakes.py` printed, as rows of the file.

    Raises:
        Unreadable: it is something else.
    """
    try:
        found = [
            dict(zip(("seconds", "late_us"), map(float, line.split()), strict=True))
            for line in said.splitlines()
        ]
    except ValueError as error:
        raise Unreadable("the wakings were not measured") from error
    if len(found) < 2:
        raise Unreadable("the measurement of the wakings broke off")
    return found


def milliseconds(experiment: Experiment) -> list[list[float]]:
    """How late it woke, in ms, for each repetition."""
    return [[row["late_us"] / 1000 for row in rows] for rows in experiment.repetitions]


def percentile(values: list[float], percent: int) -> float:
    """The value that so many percent of them do not pass (statistics.quantiles, inclusive)."""
    return quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else values[0]


def measures(experiment: Experiment) -> list[Measure]:
    """Median, 95th and 99th percentile of each repetition."""
    late = milliseconds(experiment)
    return [
        Measure(
            "lateness, median" if percent == 50 else f"lateness, p{percent}", "ms",
            tuple(percentile(each, percent) for each in late), 3,
        )
        for percent in PERCENTS
    ]  # fmt: skip


def told(experiment: Experiment) -> str:
    """The percentiles of the last repetition."""
    late = milliseconds(experiment)[-1]
    return ", ".join(
        f"{'median' if percent == 50 else f'p{percent}'} {percentile(late, percent):.2f} ms"
        for percent in PERCENTS
    )


KIND = Kind(
    name="latency",
    settings=SETTINGS,
    columns=COLUMNS,
    check=check,
    by_monitor=lambda values: False,
    rootfs=lambda values: number(values, "hogs") + 1,
    repeat=repeat,
    measures=measures,
    told=told,
)
