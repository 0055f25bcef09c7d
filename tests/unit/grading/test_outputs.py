"""An engine that keeps no output is not waited for again and again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from grading.api import container
from grading.api.container import UNKEPT_SECONDS, Container, Rootfs


def test_after_some_that_were_not_kept_the_next_are_given_up_sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = b""
    engine: Any = SimpleNamespace(outputs_missed=0, logs=lambda identifier: shown)
    one = Container(engine, "one", Rootfs("/srv/one", "n1"))
    given: list[float] = []

    def look_until(look: Any, holds: Any, seconds: float) -> Any:
        given.append(seconds)
        return look()

    monkeypatch.setattr(container, "look_until", look_until)
    for _ in range(3):
        assert one.await_shown(b"word", 5) == b""
    shown = b"a word at last"
    assert one.await_shown(b"word", 5) == shown
    assert one.await_shown(b"word", 5) == shown
    assert one.await_shown(b"word", 1) == shown
    assert given == [5, 5, UNKEPT_SECONDS, UNKEPT_SECONDS, UNKEPT_SECONDS, 1]
