"""The last that `stats` tells of a container that ends is that it has ended."""

from __future__ import annotations

import json
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from supervisor.commands import stats
from supervisor.usage import Usage


class Ending:
    """A container; `stats` has it as a key."""

    def __init__(self) -> None:
        self.record = SimpleNamespace(id="a", soft_limit=8 << 20, hard_limit=16 << 20, paused=False)
        self.exited = threading.Event()


def test_one_that_ends_right_after_a_look_is_looked_at_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    container = Ending()
    engine: Any = SimpleNamespace(
        registry=SimpleNamespace(find=lambda identifier: container, events=SimpleNamespace(closed=False))
    )
    told: list[bytes] = []
    reply: Any = SimpleNamespace(
        out=told.append, end=lambda status: None, request=SimpleNamespace(terminal=None)
    )
    looks = iter(range(9))

    def usage(of: Any) -> Usage | None:
        if of.exited.is_set():
            return None
        if next(looks) == 3:  # that of the second line
            of.exited.set()
        return Usage(memory=4096, cpu=0.0, processes=0)

    monkeypatch.setattr(stats, "usage", usage)
    monkeypatch.setattr(stats, "pause", lambda engine, reply: True)
    stats.stats(engine, stats.StatsRequest(("a",), format="json"), reply)
    assert [json.loads(line)[0]["memory_bytes"] for line in told] == [4096, 4096, None]
