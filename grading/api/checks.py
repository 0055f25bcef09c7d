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
    beyond: bool = False
    """Whether it is asked only of work on this kit's exercises: the contract does not say it."""
    at_2: frozenset[str] = frozenset()
    """Those of its parents that are asked for at level 2 only."""
    otherwise: tuple[str, ...] = ()
    """Ids of checks of which one that passed stands in for all parents."""

    def parents(self, level: int) -> list[str]:
        """The ids of its parents when so much of the contract is asked for."""
        return [need for need in self.needs if level == 2 or need not in self.at_2]


def check(
    group: str,
    *,
    points: float = 1,
    level: int = 1,
    needs: Sequence[str] = (),
    needs_at_2: Sequence[str] = (),
    hint: str = "",
    half: Half = "engine",
    stage: Stage = "shared",
    hidden: bool = False,
    containers: int = UNSAID,
    otherwise: Sequence[str] = (),
    beyond: bool = False,
) -> Callable[[Test], Test]:
    """Declare a test to be a check.

    Args:
        group: a key of `grading.verdicts.GROUPS`.
        points: its weight.
        level: 1 for what the course asks, 2 for what only the whole contract does.
        needs: ids of its parents: where one did not pass, this check is skipped.
        needs_at_2: more of them, at level 2. The kit's starters pass what a submission of the course earns: a check
            that such a starter would pass by what was solved before needs one that it does not.
        hint: where to look; shown with a failure.
        half: whose work it looks at.
        stage: `before` any supervisor runs, with the `shared` one, or `alone` afterwards.
        hidden: students see only its title, verdict and points.
        containers: the most that it may start, where it uses the engine itself; see `grading.api.allowance`.
        otherwise: ids of checks that show the same as its parents in another way: where one of them was run and
            passed, this one is not skipped.
        beyond: an exercise teaches it, and the contract does not say it: asked of work on this kit's exercises alone.
    """
    if group not in GROUPS:
        raise ValueError(f"there is no group {group!r}")

    def declare(test: Test) -> Test:
        title, _, rest = inspect.cleandoc(test.__doc__ or "").partition("\n")
        if not title:
            raise ValueError(f"the check {test.__name__} needs a docstring: it is what the student reads")
        found = Check(
            id=f"{group}.{test.__name__.removeprefix('test_')}",
            group=group, points=points, level=level, needs=(*needs, *needs_at_2), hint=hint, half=half,
            stage=stage, hidden=hidden, title=title, rationale=" ".join(rest.split()), containers=containers,
            at_2=frozenset(needs_at_2),
            otherwise=tuple(otherwise),
            beyond=beyond,
        )  # fmt: skip
        marked: Test = pytest.mark.boxwright_check(found)(test)
        return marked

    return declare
