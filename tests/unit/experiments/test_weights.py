"""What the scheduler's weights predict."""

from __future__ import annotations

import itertools

import pytest

from lab.demo import cpu as demonstration
from lab.experiments.weights import WEIGHTS, predicted, weight


def test_the_table() -> None:
    assert len(WEIGHTS) == 40
    assert (weight(-20), weight(0), weight(19)) == (88761, 1024, 15)
    assert all(weight(nice) == known for nice, known in demonstration.WEIGHTS.items())
    # A step is a factor of about 1.25; small weights are rounded to whole numbers.
    assert all(1.15 < one / next_ < 1.3 for one, next_ in itertools.pairwise(WEIGHTS))
    with pytest.raises(ValueError):
        weight(20)
    with pytest.raises(ValueError):
        weight(-21)


@pytest.mark.parametrize(
    ("nices", "cpus", "shares"),
    [
        ([-5, 10], 1, [3121 / 3231, 110 / 3231]),
        ([0, 0, 0], 1, [1 / 3] * 3),
        ([-5, 10], 2, [0.5, 0.5]),  # each has a CPU for itself
        ([-5, 0, 10], 2, [0.5, 1024 / 1134 / 2, 110 / 1134 / 2]),  # the first has one, the others share the other
        ([0, 0, 0], 2, [1 / 3] * 3),
        ([-20, -20, 19], 2, [0.5, 0.5, 0.0]),  # nothing is left, but for what the weights cannot say
    ],
)  # fmt: skip
def test_predictions(nices: list[int], cpus: int, shares: list[float]) -> None:
    got = predicted(nices, cpus)
    assert sum(got) == pytest.approx(1)
    assert got == pytest.approx(shares, abs=1e-3)
