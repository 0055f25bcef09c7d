"""What a demonstration is made of: what was run, what was seen, what follows from it.

A verdict is a list of conditions, each computed from evidence by a pure function, so
that each of them can fail, and is seen to fail in the tests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

SCHEMA_VERSION = 1
"""Of `demo.json`. Grows when a field is taken away or changes its meaning."""


@dataclass(frozen=True)
class Evidence:
    """A command and what it really printed."""

    command: str
    output: str
    exit_status: int
    seconds: float


@dataclass(frozen=True)
class Figure:
    """A picture drawn from measurements."""

    name: str
    """For file names and anchors: letters and hyphens."""
    title: str
    alt: str
    """What the picture shows, for a reader who cannot see it."""
    svg: str
    samples: Mapping[str, Sequence[float]]
    """What was drawn, column by column; the key names the quantity and its unit."""


@dataclass(frozen=True)
class Condition:
    """One thing that must hold, said so that it is true exactly when `holds` is."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Verdict:
    """Whether a demonstration shows what it promises."""

    conditions: tuple[Condition, ...]
    result: str = ""
    """What was found, in a sentence with its figures."""
    fact: str = ""
    """The same in a few words, for a reader at a glance."""

    @property
    def holds(self) -> bool:
        """All conditions hold, and there is at least one."""
        return bool(self.conditions) and all(condition.holds for condition in self.conditions)

    @property
    def glance(self) -> str:
        """The fact, or how many conditions do not hold."""
        failed = sum(not condition.holds for condition in self.conditions)
        return f"{failed} of {len(self.conditions)} conditions fail" if failed else self.fact

    @property
    def why(self) -> str:
        """The finding, or which conditions do not hold."""
        failed = [condition.text for condition in self.conditions if not condition.holds]
        if failed:
            return "Not so: " + "; ".join(failed) + "."
        return self.result or "All conditions hold."


@dataclass(frozen=True)
class Demonstration:
    """One of the eight, as it went."""

    number: int
    title: str
    sentence: str
    """What it shows."""
    evidence: tuple[Evidence, ...]
    figures: tuple[Figure, ...]
    verdict: Verdict
    seconds: float

    @property
    def holds(self) -> bool:
        """The verdict in one bit."""
        return self.verdict.holds

    @property
    def why(self) -> str:
        """The verdict in one sentence."""
        return self.verdict.why


@dataclass(frozen=True)
class Surroundings:
    """Where the demonstrations were shown."""

    machine: str
    kind: str
    kernel: str
    system: str
    processors: int
    began: str
    """Local time of the host, ISO 8601 with offset."""


@dataclass(frozen=True)
class Report:
    """All demonstrations of one run."""

    surroundings: Surroundings
    demonstrations: tuple[Demonstration, ...]
    preparation: tuple[Evidence, ...]
    """What was run before the first of them: module, supervisor, root file systems."""
    seconds: float

    @property
    def holds(self) -> bool:
        """Whether every demonstration that was asked for holds."""
        return bool(self.demonstrations) and all(each.holds for each in self.demonstrations)
