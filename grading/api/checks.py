"""Declares a check: a pytest test with a group, points, parents and a hint.

The test's docstring is what the student reads: its first line is the title, the rest says why
it is asked for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pytest

from grading.api.scenarios import UNSAID
from grading.verdicts import GROUPS

Test = TypeVar("Test", bound=Callable[..., Any])
Half = Literal["engine", "monitor", "both"]
Stage = Literal["before", "shared", "alone"]
MARK = "boxwright_check"


@dataclass(frozen=True)
class Check:
    """What is declared of a check."""

    id: str
    group: str
    points: float
    level: int
    needs: tuple[str, ...]
    hint: str
    half: Half
    """Whose work it looks at: with `--engine reference` those of the engine alone are left out."""
    stage: Stage
    hidden: bool
    title: str
    rationale: str
    containers: int = UNSAID


def check(
    group: str,
    *,
    points: float = 1,
    level: int = 1,
    needs: Sequence[str] = (),
    hint: str = "",
    half: Half = "engine",
    stage: Stage = "shared",
    hidden: bool = False,
    containers: int = UNSAID,
) -> Callable[[Test], Test]:
    """Declare a test to be a check.

    Args:
        group: a key of `grading.verdicts.GROUPS`.
        points: its weight.
        level: 1 for what the course asks, 2 for what only the whole contract does.
        needs: ids of its parents: where one did not pass, this check is skipped.
        hint: where to look; shown with a failure.
        half: whose work it looks at.
        stage: `before` any supervisor runs, with the `shared` one, or `alone` afterwards.
        hidden: the student sees only its title and verdict.
        containers: the most that it may start, where it uses the engine itself; see `grading.api.allowance`.
    """
    if group not in GROUPS:
        raise ValueError(f"there is no group {group!r}")

    def declare(test: Test) -> Test:
        title, _, rest = inspect.cleandoc(test.__doc__ or "").partition("\n")
        if not title:
            raise ValueError(f"the check {test.__name__} needs a docstring: it is what the student reads")
        found = Check(
            id=f"{group}.{test.__name__.removeprefix('test_')}",
            group=group, points=points, level=level, needs=tuple(needs), hint=hint, half=half,
            stage=stage, hidden=hidden, title=title, rationale=" ".join(rest.split()), containers=containers,
        )  # fmt: skip
        marked: Test = pytest.mark.boxwright_check(found)(test)
        return marked

    return declare
