"""Whether two runs differ by more than they scatter."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from lab.errors import LabError
from lab.experiments.kinds import KINDS
from lab.experiments.model import Experiment
from lab.experiments.settings import shown

FEWEST = 3
"""Repetitions of each run. With fewer there is no scatter to speak of."""

RESAMPLES, SEED, CONFIDENCE = 4000, 20240607, 0.95

METHOD = (
    f"Each figure is taken once for each repetition. The interval is a percentile bootstrap ({RESAMPLES} "
    f"resamples, seed {SEED}): in {CONFIDENCE:.0%} of them the difference of the medians lies in it. "
    "Where 0 is not in it, the difference is larger than the scatter."
)


@dataclass(frozen=True)
class Difference:
    """One figure of both runs."""

    name: str
    unit: str
    digits: int
    first: tuple[float, ...]
    """One value for each repetition, as for `second`."""
    second: tuple[float, ...]
    low: float
    """The interval of (median of the second) - (median of the first), as `high`."""
    high: float

    @property
    def medians(self) -> tuple[float, float]:
        """Of the first and of the second run."""
        return median(self.first), median(self.second)

    @property
    def ratio(self) -> float | None:
        """Second by first; None where the first is 0."""
        first, second = self.medians
        return second / first if first else None

    @property
    def clear(self) -> bool:
        """Whether the difference is larger than the scatter."""
        return self.low > 0 or self.high < 0


def interval(first: Sequence[float], second: Sequence[float]) -> tuple[float, float]:
    """The bootstrap interval of the difference of medians, second - first (Efron 1979; percentile method).

    Both are resampled with replacement, each by itself. The seed is fixed: the same figures
    give the same interval.
    """
    chance = random.Random(SEED)
    differences = sorted(
        median(chance.choices(second, k=len(second))) - median(chance.choices(first, k=len(first)))
        for _ in range(RESAMPLES)
    )
    tail = round(RESAMPLES * (1 - CONFIDENCE) / 2)
    return differences[tail], differences[-1 - tail]


def compare(first: Experiment, second: Experiment) -> list[Difference]:
    """Every figure of both runs.

    Raises:
        LabError: they are of different kinds or have different containers, or too few repetitions.
    """
    one_kind([first, second])
    for each in (first, second):
        if len(each.repetitions) < FEWEST:
            raise LabError(
                f"{each.path} has {len(each.repetitions)} repetitions, and a comparison takes at least {FEWEST}",
                f"Run it again with --repeat {FEWEST} or more; {2 * FEWEST} or more tell better.",
            )
    measures = KINDS[first.provenance.kind].measures
    pairs = list(zip(measures(first), measures(second), strict=False))
    if [a.name for a, _ in pairs] != [b.name for _, b in pairs] or len(measures(first)) != len(
        measures(second)
    ):
        raise LabError(
            f"{first.path} and {second.path} have different numbers of containers",
            "Their shares cannot be laid side by side; `lab experiment plot` draws both against the prediction.",
        )
    return [
        Difference(a.name, a.unit, a.digits, a.values, b.values, *interval(a.values, b.values)) for a, b in pairs
    ]  # fmt: skip


def one_kind(experiments: Sequence[Experiment]) -> str:
    """The kind that all of them are of.

    Raises:
        LabError: they are of several.
    """
    kinds = {each.provenance.kind: each.path for each in experiments}
    if len(kinds) > 1:
        named = " and ".join(f"{path} ({kind})" for kind, path in kinds.items())
        raise LabError(
            f"These are different kinds of experiment: {named}", "Name files of one kind at a time."
        )
    return next(iter(kinds))


def labels(experiments: Sequence[Experiment]) -> list[str]:
    """A name for each of several runs: the settings in which they differ, else kernel or file name."""
    keys = [
        key
        for key in experiments[0].parameters
        if len({shown(each.parameters[key]) for each in experiments}) > 1
    ]
    found = [
        ", ".join(f"{key}={shown(each.parameters[key])}" for key in keys if not _idle(key, each))
        for each in experiments
    ]
    for part in ("kernel", "accelerator", "engine"):
        if len({getattr(each.provenance, part) for each in experiments}) > 1:
            found = [
                ", ".join(filter(None, (text, str(getattr(each.provenance, part)))))
                for text, each in zip(found, experiments, strict=True)
            ]
    if len(set(found)) == len(found) and all(found):
        return found
    names = [each.path.stem.encode("utf-8", "backslashreplace").decode() for each in experiments]
    return [
        f"{text} ({name})" if text else name for text, name in zip(found, names, strict=True)
    ]  # fmt: skip


def _idle(key: str, experiment: Experiment) -> bool:
    """Whether a setting has no effect beside the others: the interval of a monitor that is not asked."""
    return (key == "scan_interval_ms" and experiment.parameters["by"] == "cgroup") or (
        key == "hog_nice" and experiment.parameters["hogs"] == 0
    )
