"""The experiment of exercise 08: containers that want all of a processor, and what each gets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.demo.facts import Unreadable
from lab.experiments.model import Column, Experiment, Kind, Measure
from lab.experiments.settings import Setting, Values, number, numbers
from lab.experiments.weights import predicted

if TYPE_CHECKING:
    from lab.experiments.bench import Bench

PROGRAM = "/cpu_hog"
HOG_SECONDS = 100_000
"""Longer than any run. Each hog gets another number, by which its process is found."""

SETTINGS = (
    Setting("nice", (-5, 10), "the nice value of each container", -20, 19, longest=8),
    Setting("cpus", 1, "how many CPUs all of them are bound to, from CPU 0 on", 1, 2),
    Setting("seconds", 15, "how long they are watched", 1, 600),
)

COLUMNS = (
    Column("seconds", "since all containers were let go at once"),
    Column("container", "which one, from 1, in the order of the setting `nice`", int),
    Column("nice", "its nice value", int, least=-20),
    Column("cpu_seconds", "processor time it has had since then"),
)


def check(values: Values) -> None:
    """All values go together."""


def repeat(bench: Bench, values: Values, repetition: int) -> list[dict[str, Any]]:
    """All containers at once, for so many seconds."""
    nices = numbers(values, "nice")
    said = bench.measure(
        "shares",
        {
            "containers": [
                bench.container(
                    f"cpu-{repetition}-{which + 1}", which, hog(which), ["--nice", str(nice)]
                )
                for which, nice in enumerate(nices)
            ],
            "cpus": bench.cpus(number(values, "cpus")),
            "seconds": number(values, "seconds"),
        },
        number(values, "seconds") + 10 * len(nices),
    )  # fmt: skip
    return rows(said, nices)


def hog(which: int) -> list[str]:
    """The program and the arguments of a hog, of a number from 0."""
    return [PROGRAM, str(HOG_SECONDS + which)]


def rows(said: str, nices: tuple[int, ...]) -> list[dict[str, Any]]:
    """What `guest/shares.py` printed, as rows of the file.

    Raises:
        Unreadable: it broke off.
    """
    try:
        looks = [[float(word) for word in line.split()] for line in said.splitlines()[1:]]
        found = [
            {"seconds": at, "container": which, "nice": nice, "cpu_seconds": used}
            for at, *all_used in looks
            for which, (nice, used) in enumerate(zip(nices, all_used, strict=True), 1)
        ]
    except ValueError as error:
        raise Unreadable("the processor time was not measured") from error
    if len(looks) < 2 or sum(row["cpu_seconds"] for row in found[-len(nices) :]) <= 0:
        raise Unreadable("the measurement of processor time broke off")
    return found


def times(experiment: Experiment, repetition: int) -> list[float]:
    """Seconds of processor time of each container by the end of a repetition, from 0."""
    count = len(numbers(experiment.parameters, "nice"))
    return [row["cpu_seconds"] for row in experiment.repetitions[repetition][-count:]]


def shares(experiment: Experiment) -> list[list[float]]:
    """For each container its share in each repetition: 0 to 1 of the time that all got together."""
    by_repetition = []
    for repetition in range(len(experiment.repetitions)):
        used = times(experiment, repetition)
        together = sum(used) or 1.0
        by_repetition.append([each / together for each in used])
    return [list(of_one) for of_one in zip(*by_repetition, strict=True)]


def prediction(experiment: Experiment) -> list[float]:
    """The share of each container as the weights predict it."""
    return predicted(numbers(experiment.parameters, "nice"), number(experiment.parameters, "cpus"))


def measures(experiment: Experiment) -> list[Measure]:
    """The share of each container, how far the prediction is off, and how much of the CPUs was used."""
    nices = numbers(experiment.parameters, "nice")
    got, due = shares(experiment), prediction(experiment)
    count = range(len(experiment.repetitions))
    return [
        *(
            Measure(f"share of container {which}", "%", tuple(100 * each for each in got[which - 1]))
            for which in range(1, len(nices) + 1)
        ),
        Measure(
            "farthest from the prediction", "points",
            tuple(max(abs(one[each] - p) * 100 for one, p in zip(got, due, strict=True)) for each in count),
        ),
        Measure(
            "CPUs used together", "CPUs",
            tuple(sum(times(experiment, each)) / float(experiment.repetitions[each][-1]["seconds"] or 1)
                  for each in count),
        ),
    ]  # fmt: skip


def told(experiment: Experiment) -> str:
    """The shares of the last repetition."""
    nices = numbers(experiment.parameters, "nice")
    return ", ".join(
        f"nice {nice}: {one[-1]:.1%} (due {p:.1%})"
        for nice, one, p in zip(nices, shares(experiment), prediction(experiment), strict=True)
    )


KIND = Kind(
    name="cpu",
    settings=SETTINGS,
    columns=COLUMNS,
    check=check,
    by_monitor=lambda values: False,
    rootfs=lambda values: len(numbers(values, "nice")),
    repeat=repeat,
    measures=measures,
    told=told,
    together=lambda values: len(numbers(values, "nice")),
)
