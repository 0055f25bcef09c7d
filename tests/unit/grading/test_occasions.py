"""Lines of the kernel's log are one occasion where they were written at once."""

from __future__ import annotations

import pytest

from grading.api.module import AT_ONCE_SECONDS, Line, occasions


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((), []),
        ((5.0,), [1]),
        ((144.585673, 144.587096), [2]),  # as a submission wrote them
        ((1.0, 1.1, 1.2), [1, 1, 1]),  # a period of 100 ms
        ((1.0, 1.0 + AT_ONCE_SECONDS * 0.7, 1.0 + AT_ONCE_SECONDS * 1.4), [2, 1]),  # no chain without an end
        ((1.0, 2.0, 2.001), [1, 2]),
    ],
)
def test_by_when_they_were_written(seconds: tuple[float, ...], expected: list[int]) -> None:
    lines = [Line(f"SOFT LIMIT {each}", each) for each in seconds]
    found = occasions(lines)
    assert [len(each) for each in found] == expected
    assert [line for each in found for line in each] == lines
