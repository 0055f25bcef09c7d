"""What the grader measures on the machine itself, for answers that no formula gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """A number that the run of an exercise's checks yields."""

    name: str
    unit: str
    check: str
    """The id of the check whose scenario makes it: where that one cannot pass, there may be no number."""


MEASUREMENTS: Mapping[str, Measurement] = {
    each.name: each
    for each in (Measurement("share_fast", "percent of one CPU", "scheduling.shares_follow_the_weights"),)
}
"""All there are; what a question names as `measured` is one of them."""
