"""An engine that keeps no output is not waited for again and again."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from grading.api import container
from grading.api.container import KEPT_SECONDS, UNKEPT_SECONDS, Container, Rootfs, await_logs

STEP_SECONDS = 0.5


class Clock:
    """Stands in for the time that passes while something is waited for."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        """Seconds of each wait."""
        self._now = 0.0

    def deadline(self, seconds: float) -> Any:
        end = self._now + seconds
        return SimpleNamespace(left=lambda: end - self._now)

    def wait_until(self, look: Callable[[], object], seconds: float) -> None:
        began = self._now
        while not look() and self._now - began < seconds:
            self._now += STEP_SECONDS
        self.waited.append(self._now - began)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(container, "wait_until", clock.wait_until)
    return clock


def some(clock: Clock, count: int, shown: dict[str, bytes], level: int = 2) -> list[Container]:
    def logs(identifier: str) -> bytes:
        return shown.get(identifier, b"")

    engine: Any = SimpleNamespace(
        outputs_missed=0, logs=logs, folder="/", observer=SimpleNamespace(), level=level,
        log_places=SimpleNamespace(files_with=lambda *args: []),
    )  # fmt: skip
    engine.observer.patience = clock
    return [Container(engine, f"c{at}", Rootfs(f"/srv/c{at}", f"n{at}")) for at in range(count)]


def test_after_one_that_was_not_kept_the_next_are_given_up_sooner(clock: Clock) -> None:
    shown: dict[str, bytes] = {}
    [one] = some(clock, 1, shown)
    for _ in range(3):
        assert one.await_shown(b"word", 5) == b""
    shown["c0"] = b"a word at last"
    assert one.await_shown(b"word", 5) == shown["c0"]
    assert clock.waited == [5, UNKEPT_SECONDS, UNKEPT_SECONDS, 0]


def test_several_are_waited_for_within_the_time_of_one(clock: Clock) -> None:
    shown = {"c1": b"its word"}
    several = some(clock, 3, shown)
    assert await_logs([(each, b"word") for each in several], 4) == [b"", b"its word", b""]
    assert clock.waited == [4]


def test_level_1_gives_each_its_time(clock: Clock) -> None:
    several = some(clock, 2, {}, level=1)
    wanted = [(each, b"word") for each in several]
    for _ in range(2):
        await_logs(wanted)
    assert clock.waited == [KEPT_SECONDS[1], 2 * UNKEPT_SECONDS]


def test_one_that_is_waited_for_meanwhile_is_given_up_sooner_too(clock: Clock) -> None:
    [one] = some(clock, 1, {})
    engine: Any = one.engine
    looks = 0

    def logs(identifier: str) -> bytes:
        nonlocal looks
        looks += 1
        if looks == 5:
            engine.outputs_missed += 1  # what another waited for
        return b""

    engine.logs = logs
    assert one.await_shown(b"word", 8) == b""
    assert clock.waited == [(5 - 1) * STEP_SECONDS]
