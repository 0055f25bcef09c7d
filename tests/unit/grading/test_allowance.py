"""Scenarios are spread over as many supervisors as it takes; no more are made than it takes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.api.allowance import Allowance
from lab.errors import LabError


class Supervisors:
    """Counts what each is asked for."""

    def __init__(self, most: int | None, *, is_strict: bool = False) -> None:
        self.asked = [0]
        self.inside = 0
        self.allowance = Allowance(most, self.renew, is_strict=is_strict)
        self._lock = threading.Lock()

    def renew(self) -> None:
        assert self.inside == 0, "a supervisor is ended while somebody uses it"
        self.asked.append(0)

    def use(self, room: int, starts: int, meanwhile: threading.Barrier | None = None) -> None:
        """A scenario."""
        with self.allowance.room(room):
            with self._lock:
                self.inside += 1
            if meanwhile:
                meanwhile.wait(5)
            for _ in range(starts):
                self.allowance.ask()
                with self._lock:
                    self.asked[-1] += 1
            with self._lock:
                self.inside -= 1


def test_one_supervisor_as_long_as_it_bears_them() -> None:
    made = Supervisors(10)
    for _ in range(3):
        made.use(3, 3)
    assert made.asked == [9]
    made.use(3, 3)
    assert made.asked == [9, 3]


def test_room_that_was_not_used_is_free_again() -> None:
    made = Supervisors(10)
    for _ in range(5):
        made.use(6, 2)
    assert made.asked == [6, 4]  # 6 promised beside 6 asked for would be more than 10


def test_any_number_at_level_2() -> None:
    made = Supervisors(None)
    for _ in range(50):
        made.use(7, 7)
    assert made.asked == [350]


def test_what_fits_runs_beside_each_other() -> None:
    made = Supervisors(10)
    together = threading.Barrier(3)
    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(made.use, 3, 3, together) for _ in range(3)]:
            future.result(10)
    assert made.asked == [9]


def test_one_that_needs_more_than_any_bears_has_a_supervisor_of_its_own() -> None:
    made = Supervisors(10)
    made.use(2, 2)
    made.use(30, 30)
    made.use(1, 1)
    assert made.asked == [2, 30, 1]


def test_one_that_asks_for_all_has_a_supervisor_of_its_own_and_leaves_it_to_nobody() -> None:
    made = Supervisors(10)
    for room, starts in ((1, 1), (10, 2), (1, 1), (1, 1)):
        made.use(room, starts)
    assert made.asked == [1, 2, 2]


def test_asking_for_more_than_was_said_is_the_authors_error() -> None:
    made = Supervisors(10, is_strict=True)
    with pytest.raises(LabError, match="More containers"):
        made.use(2, 3)
    Supervisors(10).use(2, 3)  # no submission is to blame for it


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 10)), max_size=30))
def test_no_supervisor_is_asked_for_more_than_it_bears(scenarios: list[tuple[int, int]]) -> None:
    made = Supervisors(10)
    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(made.use, room, min(room, starts)) for room, starts in scenarios]:
            future.result(10)
    assert max(made.asked) <= 10
    assert sum(made.asked) == sum(min(each) for each in scenarios)
