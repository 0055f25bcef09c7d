"""Whether two runs differ by more than they scatter, and how they are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.errors import LabError
from lab.experiments import comparison


def test_a_difference_that_is_larger_than_the_scatter() -> None:
    low, high = comparison.interval([1.0, 1.1, 0.9, 1.0, 1.05], [3.0, 3.2, 2.9, 3.1, 3.0])
    assert 1.7 < low < 2.0 < high < 2.4
    assert comparison.interval([1.0, 1.1, 0.9, 1.0, 1.05], [3.0, 3.2, 2.9, 3.1, 3.0]) == (low, high)


def test_the_same_figures_give_the_same_interval() -> None:
    first, second = ([(seed * each * 0.6180339887) % 1 for each in range(1, 20)] for seed in (1, 7))
    assert len({comparison.interval(first, second) for _ in range(4)}) == 1


def test_a_difference_within_the_scatter() -> None:
    low, high = comparison.interval([1.0, 2.0, 3.0, 4.0, 5.0], [1.5, 2.5, 3.5, 4.5, 5.5])
    assert low < 0 < high


def test_with_three_repetitions_ranges_that_overlap_do_not_differ() -> None:
    low, high = comparison.interval([1.0, 2.0, 3.0], [2.5, 3.5, 4.5])
    assert low < 0 < high
    low, high = comparison.interval([1.0, 2.0, 3.0], [4.0, 5.0, 6.0])
    assert low > 0


def test_what_never_scatters() -> None:
    same = comparison.Difference(
        "o", "MiB", 2, (0.0,) * 3, (0.0,) * 3, *comparison.interval([0.0] * 3, [0.0] * 3)
    )
    assert not same.clear and same.ratio is None


def test_polling_rarely_overshoots_more(made: Callable[..., Any]) -> None:
    over, _life = comparison.compare(made("memory"), made("memory", "scan_interval_ms=500"))
    assert over.clear and over.low > 0
    assert over.ratio and over.ratio > 2
    assert over.medians[1] > over.medians[0]
    assert not any(each.clear for each in comparison.compare(made("memory"), made("memory")))


def test_what_cannot_be_compared_is_said(made: Callable[..., Any]) -> None:
    with pytest.raises(LabError, match=r"different kinds .*\(memory\) and .*\(cpu\)"):
        comparison.compare(made("memory"), made("cpu"))
    with pytest.raises(LabError, match="has 2 repetitions, and a comparison takes at least 3"):
        comparison.compare(made("cpu"), made("cpu", repetitions=2))
    with pytest.raises(LabError, match="different numbers of containers"):
        comparison.compare(made("cpu"), made("cpu", "nice=0,5,10"))
    with pytest.raises(LabError, match="different numbers of containers"):
        comparison.compare(made("cpu", "nice=0,5,10"), made("cpu"))


def test_names_say_what_differs(made: Callable[..., Any]) -> None:
    monitor, rare, group = made("memory"), made("memory", "scan_interval_ms=500"), made("memory", "by=cgroup")
    assert comparison.labels([monitor, rare]) == ["scan_interval_ms=100", "scan_interval_ms=500"]
    assert comparison.labels([rare, group]) == ["by=monitor, scan_interval_ms=500", "by=cgroup"]
    assert comparison.labels([made("cpu"), made("cpu", kernel="6.1.0-40-amd64")]) == [
        "6.12.57+deb13-amd64", "6.1.0-40-amd64"
    ]  # fmt: skip
    again = made("memory")
    assert comparison.labels([monitor, again]) == [monitor.path.stem, again.path.stem]
