"""Which mutants can be looked at together: as one submission with several bugs, each of which costs checks of its own.

That saves most of the time: what happens in the guest happens once for all. Where the sum of what is lost is
not the sum of what was named, the halves are run again, so nothing is decided by a group that is not right.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from implementations import Implementation
from patches import Mutant

from grading.api.checks import Check
from lab.errors import LabError

MOST = 32
"""Mutants in a group; more bugs than that get into each other's way."""


@dataclass
class Group:
    """Mutants whose patches apply one after the other, and whose checks do not hide each other."""

    mutants: list[Mutant] = field(default_factory=list)
    named: set[str] = field(default_factory=set)
    above: set[str] = field(default_factory=set)
    """What the named checks build on: none of it may be lost, or they would be skipped."""

    def takes(self, mutant: Mutant, above: set[str], implementation: Implementation) -> bool:
        """Whether one more can be looked at beside these."""
        if len(self.mutants) >= MOST or not all(mutant.bears(each) for each in self.mutants):
            return False
        if self.named & (mutant.loses | above) or self.above & mutant.loses:
            return False
        return applies(implementation, [*self.mutants, mutant])

    def add(self, mutant: Mutant, above: set[str]) -> None:
        """Look at one more."""
        self.mutants.append(mutant)
        self.named |= mutant.loses
        self.above |= above


def applies(implementation: Implementation, mutants: Sequence[Mutant]) -> bool:
    """Whether these patches apply one after the other."""
    with tempfile.TemporaryDirectory(prefix="boxwright-") as folder:
        implementation.copy(Path(folder))
        try:
            for each in mutants:
                each.apply(Path(folder))
        except LabError:
            return False
    return True


def groups(
    implementation: Implementation, mutants: Iterable[Mutant], checks: Mapping[str, Check]
) -> list[list[Mutant]]:
    """Put mutants together, each into the first group that takes it.

    Args:
        implementation: what they are mutants of.
        mutants: in the order in which they are tried; those of many checks should come first.
        checks: all, by id.
    """
    found: list[Group] = []
    for mutant in mutants:
        above = ancestors(mutant.loses, checks)
        for group in found:
            if group.takes(mutant, above, implementation):
                break
        else:
            group = Group()
            found.append(group)
        group.add(mutant, above)
    return [group.mutants for group in found]


def ancestors(named: Iterable[str], checks: Mapping[str, Check]) -> set[str]:
    """All that these checks build on, without themselves."""
    found: set[str] = set()
    left = [need for name in named if name in checks for need in checks[name].needs]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left.extend(checks[each].needs if each in checks else ())
    return found
