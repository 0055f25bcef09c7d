"""What chance may decide is tried again, and not more often than it takes."""

from __future__ import annotations

import pytest

from grading.api.module import MORE_ATTEMPTS, WATCH_AGAIN_SECONDS, WATCH_SECONDS, tried


@pytest.mark.parametrize(
    ("outcomes", "expected", "attempts"),
    [
        ("y", "y", 1),
        ("ny", "y", 2),
        ("n" * MORE_ATTEMPTS + "y", "y", MORE_ATTEMPTS + 1),
        ("n" * 9, "n", MORE_ATTEMPTS + 1),
    ],
)
def test_until_it_is_as_asked_or_enough(outcomes: str, expected: str, attempts: int) -> None:
    given: list[float] = []

    def attempt(seconds: float) -> str:
        given.append(seconds)
        return outcomes[len(given) - 1]

    assert tried(attempt, lambda seen: seen == "y") == expected
    assert given == [WATCH_SECONDS, *[WATCH_AGAIN_SECONDS] * (attempts - 1)]
