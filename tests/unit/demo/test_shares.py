"""Verdict 7, shares of one processor, with good measurements and with each way in which they can be off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from lab.demo.cpu import Shares, judge_shares, predicted_share, read_shares, steps_off
from lab.demo.facts import Unreadable
from lab.demo.model import Verdict

Fails = Callable[[Verdict, str], None]

AFFINITY = "/proc/767/status:Cpus_allowed_list:\t0\n/proc/772/status:Cpus_allowed_list:\t0"


def shares(alpha: float, beta: float, seconds: float = 10.0) -> Shares:
    return Shares([0.0, seconds], [0.0, alpha], [0.0, beta])


def test_the_prediction_is_the_weights() -> None:
    assert predicted_share() == pytest.approx(0.03404, abs=1e-5)
    assert steps_off(shares(3.121, 0.110)) == pytest.approx(0)
    assert steps_off(shares(3.121 * 1.25, 0.110)) == pytest.approx(1)


def test_shares_hold() -> None:
    verdict = judge_shares(shares(9.6476, 0.3409), AFFINITY, 2)
    assert verdict.holds, verdict.why
    assert verdict.fact == "96.6% to 3.4%"


@pytest.mark.parametrize(
    ("measured", "affinity", "words"),
    [
        (shares(9.65, 0.34), AFFINITY.replace("\t0\n", "\t0-1\n"), "no other"),
        (shares(9.65, 0.34), AFFINITY.splitlines()[0], "no other"),
        (shares(5.0, 5.0), AFFINITY, "nice steps"),  # nice values without effect
        (shares(0.34, 9.65), AFFINITY, "nice steps"),  # the wrong way round
        (shares(9.99, 0.0), AFFINITY, "nice steps"),  # one starves
        (shares(9.0, 0.9), AFFINITY, "nice steps"),  # nice 5 instead of 10
        (shares(2.8, 0.1), AFFINITY, "of one processor"),
        (shares(19.0, 0.67), AFFINITY, "of one processor"),  # not pinned
    ],
)
def test_shares_can_fail(measured: Shares, affinity: str, words: str, fails: Fails) -> None:
    fails(judge_shares(measured, affinity, 2), words)


def test_the_measurement_is_read() -> None:
    found = read_shares("seconds    PID 767    PID 772\n  0.0     0.0    0.0\n  1.0     0.9    0.1\n")
    assert (found.seconds, found.share, found.use) == (1.0, pytest.approx(0.1), pytest.approx(1.0))
    for broken in ("", "seconds\n", "seconds\nTraceback", "s\n 0 0 0", "s\n 1 0 0"):
        with pytest.raises(Unreadable):
            read_shares(broken)
