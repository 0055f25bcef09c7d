"""A class in figures. Only results with a verdict count, as in marks: what was refused for its own problem has
one, no point; an error of ours counts for nobody and against nobody.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from grading.verdicts import GROUPS, CheckResult, SubmissionResult

BINS = 10
"""Bars of the distribution: 0 to 9 %, 10 to 19 %, …, 90 to 100 %."""
HARDEST = 10
"""Checks that are shown as the hardest."""
SLOWEST = 8
"""Submissions that are shown as the slowest."""


@dataclass(frozen=True)
class Tally:
    """How a set of checks ended."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    error: int = 0
    points: float = 0.0
    max_points: float = 0.0
    """Both without checks that ended in an error."""

    @classmethod
    def of(cls, checks: Iterable[CheckResult]) -> Tally:
        """Count."""
        found = list(checks)
        count = {
            verdict: sum(check.verdict == verdict for check in found)
            for verdict in ("passed", "failed", "skipped", "error")
        }
        decided = [check for check in found if check.verdict != "error"]
        return cls(
            **count,
            points=round(math.fsum(check.points for check in decided), 6),
            max_points=round(math.fsum(check.max_points for check in decided), 6),
        )

    @property
    def decided(self) -> int:
        """How many count."""
        return self.passed + self.failed + self.skipped

    @property
    def share(self) -> float | None:
        """Points earned, 0 to 1; `None` where there were none to earn."""
        return self.points / self.max_points if self.max_points else None

    @property
    def pass_rate(self) -> float | None:
        """Checks passed, 0 to 1; `None` where none was decided."""
        return self.passed / self.decided if self.decided else None


@dataclass(frozen=True)
class CheckInClass:
    """One check in all submissions."""

    check: CheckResult
    """From one of them: its id, group and title."""
    tally: Tally
    verdicts: dict[str, str]
    """For each submission that has it."""


def groups_of(checks: Iterable[CheckResult]) -> dict[str, list[CheckResult]]:
    """The checks by group, in the order of the reports; a group that is not known comes last."""
    found: dict[str, list[CheckResult]] = {group: [] for group in GROUPS}
    for check in checks:
        found.setdefault(check.group, []).append(check)
    return {group: members for group, members in found.items() if members}


def share(result: SubmissionResult) -> float | None:
    """Points earned, 0 to 1; `None` where there is no verdict."""
    return result.score / result.max_score if result.max_score and result.has_verdict else None


@dataclass(frozen=True)
class ClassFigures:
    """What the class page shows of all results together."""

    results: Sequence[SubmissionResult]

    @cached_property
    def shares(self) -> list[float]:
        """Of all that have a verdict, ascending."""
        return sorted(found for found in map(share, self.results) if found is not None)

    @property
    def mean(self) -> float | None:
        """Share of the points, 0 to 1."""
        return statistics.fmean(self.shares) if self.shares else None

    @property
    def median(self) -> float | None:
        """Share of the points, 0 to 1."""
        return statistics.median(self.shares) if self.shares else None

    @cached_property
    def histogram(self) -> list[int]:
        """Submissions in each of the `BINS`."""
        bins = [0] * BINS
        for each in self.shares:
            bins[max(0, min(BINS - 1, math.floor(each * BINS + 1e-9)))] += 1
        return bins

    @property
    def seconds(self) -> float:
        """Time in machines, summed; less has passed where several ran side by side."""
        return math.fsum(result.seconds for result in self.results)

    @property
    def median_seconds(self) -> float | None:
        """Of those that were run to their end: what was refused took no time."""
        found = [result.seconds for result in self.results if not result.problem]
        return statistics.median(found) if found else None

    @property
    def slowest(self) -> list[SubmissionResult]:
        """Those that took longest, longest first."""
        return sorted(self.results, key=lambda result: -result.seconds)[:SLOWEST]

    @cached_property
    def checks(self) -> list[CheckInClass]:
        """All checks in the order of the reports."""
        found: dict[str, dict[str, CheckResult]] = defaultdict(dict)
        for result in self.results:
            if result.has_verdict:
                for check in result.checks:
                    found[check.id][result.submission] = check
        first = [next(iter(each.values())) for each in found.values()]
        return [
            CheckInClass(
                check,
                Tally.of(found[check.id].values()),
                {name: each.verdict for name, each in found[check.id].items()},
            )
            for members in groups_of(first).values()
            for check in members
        ]

    @property
    def hardest(self) -> list[CheckInClass]:
        """Those that the fewest passed, hardest first; what everybody passed is not among them."""
        rates = [(each.tally.pass_rate, each) for each in self.checks]
        hard = [(rate, each) for rate, each in rates if rate is not None and rate < 1]
        hard.sort(key=lambda found: (found[0], -found[1].tally.failed, found[1].check.id))
        return [each for _, each in hard[:HARDEST]]

    @property
    def groups(self) -> list[str]:
        """Those that occur, in the order of the reports."""
        return list(groups_of(each.check for each in self.checks))

    def group_share(self, group: str) -> float | None:
        """Points earned in a group by all together, 0 to 1."""
        graded = (result for result in self.results if result.has_verdict)
        return Tally.of(check for result in graded for check in result.checks if check.group == group).share

    @property
    def attention_first(self) -> list[SubmissionResult]:
        """What needs a person first (no verdict, then undecided checks), the others from the best down."""
        return sorted(
            self.results,
            key=lambda result: (
                0 if not result.has_verdict else 1 if result.undecided else 2,
                -(share(result) or 0),
                result.submission.casefold(),
            ),
        )

    @property
    def mixed(self) -> list[str]:
        """In what the results differ that should be equal for all: words for the instructor."""
        graded = [result for result in self.results if result.has_verdict]
        count = {
            "versions of the checks": len({result.checks_hash for result in graded}),
            "images": len({result.image for result in graded}),
            "levels": len({result.level for result in graded}),
        }
        return [f"{number} {what}" for what, number in count.items() if number > 1]
