"""What chance may decide is tried again, and not more often than it takes."""

from __future__ import annotations

import pytest

from grading.api.expectations import Disturbed
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


@pytest.mark.parametrize(
    ("outcomes", "others_did", "disturbed"),
    [("n" * 9, True, True), ("n" * 9, False, False), ("n" * MORE_ATTEMPTS + "y", True, False)],
)
def test_where_others_may_be_why_it_is_to_be_seen_alone(
    outcomes: str, others_did: bool, disturbed: bool
) -> None:
    attempts = iter(outcomes)

    def what_was_seen() -> str:
        return tried(lambda seconds: next(attempts), lambda seen: seen == "y", lambda: others_did)

    if disturbed:
        with pytest.raises(Disturbed):
            what_was_seen()
    else:
        assert what_was_seen() == outcomes[MORE_ATTEMPTS]
