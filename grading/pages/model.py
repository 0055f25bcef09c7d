"""What the pages are given besides results and the gradebook's ledger, and what students are told of hidden checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from grading.verdicts import CheckResult, SubmissionResult


@dataclass(frozen=True)
class Passage:
    """A part of one submission's sources that another one has alike."""

    file: str
    """POSIX path within the submission."""
    first_line: int
    last_line: int
    source: str
    """The lines themselves; empty where they were not kept."""


@dataclass(frozen=True)
class Similar:
    """Two submissions with much in common."""

    left: str
    right: str
    """Their names."""
    score: float
    """Share of tokens in common, 0 to 1."""
    passages: tuple[tuple[Passage, Passage], ...] = ()
    """Left and right, one pair for each region."""


TO_STUDENT = "Nothing of it could be graded; ask your instructor whether you may hand it in again."
"""What a student is told of a submission that was refused, where the instructor has other advice."""


def for_student(result: SubmissionResult) -> SubmissionResult:
    """The result as its student may see it: of a hidden check its title, verdict and points.

    The rest is taken out here, before any page is made, so that no template can let it slip.
    Even the id goes: it names what is tried. The advice on a problem is the instructor's, and the student
    has another.
    """
    hidden = [check.id for check in result.checks if check.hidden]
    told = {secret: f"hidden.{number}" for number, secret in enumerate(hidden, 1)}
    checks = tuple(_told(check, told) for check in result.checks)
    return replace(result, seed="", checks=checks, advice=TO_STUDENT if result.refused else "")


def _told(check: CheckResult, told: Mapping[str, str]) -> CheckResult:
    """The check without what is hidden; `told` gives the ids that stand for those of hidden ones."""
    if not check.hidden:
        return replace(check, parent=told.get(check.parent, check.parent))
    return replace(
        check,
        id=told[check.id],
        rationale="",
        expected="",
        actual="",
        hint="",
        parent="",
        kernel=(),
        seconds=0.0,
    )
