"""What an experiment is: its settings, its columns, how one repetition goes, what is measured by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.experiments.settings import Setting, Values

if TYPE_CHECKING:
    from lab.experiments.bench import Bench

Row = Mapping[str, Any]
"""One line of the CSV file, by column; None where the column is empty."""


@dataclass(frozen=True)
class Column:
    """A column of the CSV file."""

    name: str
    """With the unit at its end."""
    text: str
    """What stands in it."""
    of: type = float
    """`int`, `float` or `str`."""
    needed: bool = True
    """Whether it must not be empty."""
    least: float = 0
    """A number in it is not below that."""


@dataclass(frozen=True)
class Measure:
    """A figure of an experiment, once for each repetition."""

    name: str
    unit: str
    values: tuple[float, ...]
    digits: int = 2
    """After the point, for people."""


@dataclass(frozen=True)
class Provenance:
    """Where a run's figures come from; the first line of its file."""

    kind: str
    parameters: Values
    date: str
    """When it began: ISO 8601, with the offset from UTC."""
    kernel: str
    """`uname -r` of the guest."""
    accelerator: str
    """`kvm`, `tcg`, or the kind of the machine where that is not known."""
    processors: int
    """Of the guest."""
    engine: str
    """`reference` or `other`, and a digest of it."""
    repetitions: int
    """How many were asked for; an interrupted run has fewer."""


@dataclass(frozen=True)
class Experiment:
    """A run of an experiment, read from its file."""

    path: Path
    provenance: Provenance
    repetitions: Sequence[Sequence[Row]]
    """The rows of each; at least one repetition, at least one row each."""

    @property
    def parameters(self) -> Values:
        """What was set."""
        return self.provenance.parameters


@dataclass(frozen=True)
class Kind:
    """A kind of experiment."""

    name: str
    settings: tuple[Setting, ...]
    columns: tuple[Column, ...]
    """Besides `repetition`."""
    check: Callable[[Values], None]
    """Raises `LabError` where settings do not go together."""
    by_monitor: Callable[[Values], bool]
    """Whether the kernel monitor is to be loaded."""
    rootfs: Callable[[Values], int]
    """How many containers, so how many root file systems, it needs."""
    repeat: Callable[[Bench, Values, int], list[dict[str, Any]]]
    """Do one repetition, of that number; its rows."""
    measures: Callable[[Experiment], list[Measure]]
    """What it is about, for each repetition."""
    told: Callable[[Experiment], str]
    """The last repetition in a few words, for the progress."""
    together: Callable[[Values], int] = lambda values: 1
    """How many rows belong together: a repetition has a multiple of that."""
