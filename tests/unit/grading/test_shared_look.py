"""A look that threads share: never an answer from before it was asked for, and no more looks than it takes."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from grading.api.expectations import wait_until
from grading.guest.shared_look import SharedLook


def test_nobody_gets_an_answer_from_before_he_asked() -> None:
    clock = itertools.count(1)
    looks = []

    def look() -> int:
        began = next(clock)
        looks.append(began)
        time.sleep(0.002)
        return began

    shared = SharedLook(look)

    def ask(_: int) -> bool:
        asked = next(clock)
        return shared() > asked

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(400)))
    assert len(looks) < 300


def test_one_alone_looks_each_time() -> None:
    numbers = itertools.count(1)
    shared = SharedLook(lambda: next(numbers))
    assert [shared() for _ in range(3)] == [1, 2, 3]


def test_who_waits_looks_himself_where_the_look_fails() -> None:
    entered, go_on = threading.Event(), threading.Event()
    turns = itertools.count()

    def look() -> str:
        if next(turns) == 0:
            entered.set()
            go_on.wait(10)
            raise OSError("the first one fails")
        return "seen"

    shared = SharedLook(look)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(shared)
        assert entered.wait(10)
        second = pool.submit(shared)
        wait_until(lambda: shared._changed._waiters, 10, "the second waits")  # type: ignore[attr-defined]
        go_on.set()
        with pytest.raises(OSError, match="the first"):
            first.result(10)
        assert second.result(10) == "seen"
