"""What the tests of the verdicts share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.demo.model import Verdict

Fails = Callable[[Verdict, str], None]


@pytest.fixture
def fails() -> Fails:
    """Asserts that exactly the condition with these words does not hold, and that the verdict says so."""

    def check(verdict: Verdict, words: str) -> None:
        failed = [condition.text for condition in verdict.conditions if not condition.holds]
        assert not verdict.holds
        assert len(failed) == 1, failed
        assert words in failed[0]
        assert failed[0] in verdict.why

    return check
