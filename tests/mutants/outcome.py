"""What was to be lost, and what was: compared, and shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from patches import Mutant
from rich.markup import escape
from rich.table import Table

from grading.verdicts import CheckResult

KERNEL_LINES = 60


@dataclass(frozen=True)
class Outcome:
    """One row: a mutant, or an implementation as it is."""

    implementation: str
    name: str
    named: int
    """How many checks were to be lost."""
    lost: int
    """How many of these were."""
    kept: tuple[str, ...]
    """Named, but not lost: the bug got past the checks."""
    too_much: tuple[str, ...]
    """Lost, but not named."""
    undecided: tuple[str, ...]
    run: int
    """How many checks were run."""
    seconds: float
    problem: str = ""

    @property
    def is_right(self) -> bool:
        """Whether exactly the named checks were lost."""
        return not (self.kept or self.too_much or self.undecided or self.problem)


def compare(
    implementation: str, name: str, named: Iterable[str], found: Mapping[str, CheckResult], seconds: float
) -> Outcome:
    """What of the named checks was lost, and what else.

    Args:
        implementation: its name.
        name: of the mutant.
        named: the checks that it must lose.
        found: the verdicts of those that were run.
        seconds: how long that took.
    """
    to_lose = set(named)
    lost = {each.id for each in found.values() if each.verdict == "failed"}
    return Outcome(
        implementation, name, len(to_lose), len(to_lose & lost), tuple(sorted(to_lose - lost)),
        tuple(_why(found[each]) for each in sorted(lost - to_lose)),
        tuple(_why(each) for each in found.values() if each.verdict == "error"),
        len(found), seconds,
    )  # fmt: skip


def _why(check: CheckResult) -> str:
    """What was seen, and what the kernel said: a trace that comes once in a hundred runs is there to be read."""
    return "\n        ".join((f"{check.id}: {check.actual[:200]}", *check.kernel[:KERNEL_LINES]))


def wrong_lines(outcome: Outcome) -> list[str]:
    """What is wrong with it, a line each."""
    return [
        *(f"not lost: {name}" for name in outcome.kept),
        *(f"too much: {name}" for name in outcome.too_much),
        *(f"undecided: {name}" for name in outcome.undecided),
        *([outcome.problem] if outcome.problem else []),
    ]


def shown(outcomes: Iterable[Outcome]) -> Table:
    """A table of them."""
    table = Table("", "implementation", "mutant", "named", "lost", "too much", "run", "seconds")
    for each in outcomes:
        table.add_row(
            "✓" if each.is_right else "✗", each.implementation, each.name, str(each.named), str(each.lost),
            escape("\n".join(wrong_lines(each))), str(each.run), f"{each.seconds:.1f}",
            style="" if each.is_right else "bold red",
        )  # fmt: skip
    return table


def as_json(outcomes: Iterable[Outcome], never_lost: Mapping[str, list[str]]) -> dict[str, Any]:
    """For `--json`."""
    return {
        "mutants": [{**asdict(each), "right": each.is_right} for each in outcomes],
        "checks_that_no_mutant_loses": dict(never_lost),
    }


def never_lost(checks: Iterable[str], mutants: Iterable[Mutant]) -> list[str]:
    """The checks that no mutant loses: nothing shows that they can fail for a reason."""
    lost = {name for mutant in mutants for name in mutant.loses}
    return [check for check in checks if check not in lost]
