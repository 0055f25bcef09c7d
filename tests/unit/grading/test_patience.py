"""Time limits that fit the guest and what its host is doing."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from grading.guest import patience
from grading.guest.patience import Patience
from lab.machine.deadline import PASSED, Deadline, thread_times


def test_a_slow_guest_gets_a_part_of_its_slowness_and_a_fast_one_no_less_than_is_written() -> None:
    assert Patience(16, dict).quiet(5) == 10
    assert Patience(1, dict).quiet(5) == 5
    assert Patience(16).quiet(5) == 20, "where the host's load cannot be seen, more is given"


def test_a_deadline_moves_away_by_the_time_that_the_guest_had_to_wait() -> None:
    now = {1: (0.0, 0.0), 2: (0.0, 0.0)}
    deadline = Deadline(0.001, lambda: dict(now))
    ends = time.monotonic() + 5
    while deadline.left() > 0:
        assert time.monotonic() < ends
    now[2] = (0.0, 7.0)
    assert 6.0 < deadline.left() <= 7.0
    now[3] = (0.0, 9.0)  # a thread that was not there before
    assert 8.0 < deadline.left() <= 9.0


def test_the_host_waits_longer_than_the_guest_though_it_became_quiet_meanwhile() -> None:
    """The guest's own limit was set when the host was busy, and stays."""
    now = {1: (0.0, 0.0)}
    made = Patience(8, lambda: dict(now))
    assert made.until(90 * 3).left() > 90 * 3


def test_a_thread_that_ends_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """QEMU's idle workers do, also between being listed and being read."""
    listed = Path.iterdir

    def with_one_that_ended(folder: Path) -> list[Path]:
        return [folder / "4194305", *listed(folder)]

    monkeypatch.setattr(Path, "iterdir", with_one_that_ended)
    assert os.getpid() in thread_times(os.getpid())


def test_what_has_passed_stays_so() -> None:
    assert PASSED.left() <= 0


def test_contention_is_what_the_most_delayed_thread_met(monkeypatch) -> None:
    samples = iter(
        [{1: (0.0, 0.0), 2: (0.0, 0.0)}, {1: (2.0, 4.0), 2: (2.0, 0.0)}, {1: (2.0, 4.0), 2: (9.0, 0.0)}]
    )
    made = Patience(8, lambda: next(samples))
    assert made.now(6) == 6
    clock = time.monotonic
    monkeypatch.setattr(patience.time, "monotonic", lambda: clock() + 2 * patience.WINDOW_SECONDS)
    assert made.now(6) == 18
    monkeypatch.setattr(patience.time, "monotonic", lambda: clock() + 4 * patience.WINDOW_SECONDS)
    assert made.now(6) == 6


def test_the_kernel_tells_how_long_threads_had_to_wait() -> None:
    """Two busy processes on one processor: each waits while the other runs."""
    hogs = [subprocess.Popen(["taskset", "-c", "0", "sh", "-c", "while :; do :; done"]) for _ in range(2)]
    try:
        ends = time.monotonic() + 30
        while time.monotonic() < ends and not all(
            any(waited > 0.05 for _, waited in thread_times(hog.pid).values()) for hog in hogs
        ):
            os.sched_yield()
        for hog in hogs:
            [(ran, waited)] = thread_times(hog.pid).values()
            assert ran > 0 and waited > 0.05
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def test_of_a_process_that_is_gone_nothing_is_told() -> None:
    ended = subprocess.Popen(["true"])
    ended.wait()
    assert thread_times(ended.pid) == {}
