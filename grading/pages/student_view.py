"""One submission's verdicts in the order in which a student reads them."""

from __future__ import annotations

from dataclasses import dataclass

from grading.pages.statistics import Tally, groups_of
from grading.verdicts import GROUPS, CheckResult, SubmissionResult


@dataclass(frozen=True)
class Group:
    """One group's sum."""

    title: str
    tally: Tally
    target: str
    """The anchor of its first check that did not pass; empty where all did."""


@dataclass(frozen=True)
class StudentView:
    """A result, sorted for reading."""

    result: SubmissionResult

    @property
    def tally(self) -> Tally:
        """All checks."""
        return Tally.of(self.result.checks)

    @property
    def groups(self) -> list[Group]:
        """Every group that was checked."""
        return [
            Group(
                GROUPS.get(group, group),
                Tally.of(members),
                next((self.anchor(check) for check in members if check.verdict != "passed"), ""),
            )
            for group, members in groups_of(self.result.checks).items()
        ]

    @property
    def failed(self) -> list[CheckResult]:
        """In the order of the groups."""
        return self._with("failed")

    @property
    def undecided(self) -> list[CheckResult]:
        """Errors of ours."""
        return self._with("error")

    @property
    def skipped(self) -> list[tuple[str, list[CheckResult]]]:
        """By the title of what they build on; empty where that is not told."""
        title = {check.id: check.title or check.id for check in self.result.checks}
        found: dict[str, list[CheckResult]] = {}
        for check in self._with("skipped"):
            found.setdefault(title.get(check.parent, check.parent), []).append(check)
        return list(found.items())

    @property
    def passed(self) -> list[tuple[str, list[CheckResult]]]:
        """By the title of the group."""
        members = groups_of(self._with("passed"))
        return [(GROUPS.get(group, group), checks) for group, checks in members.items()]

    def anchor(self, check: CheckResult) -> str:
        """The check's place on the page: a number, because ids of hidden checks are not told."""
        return f"check-{self.result.checks.index(check) + 1}"

    def _with(self, verdict: str) -> list[CheckResult]:
        ordered = (check for members in groups_of(self.result.checks).values() for check in members)
        return [check for check in ordered if check.verdict == verdict]
