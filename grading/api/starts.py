"""Starts of containers: several at once, and those that a container did not come of."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grading.api.container import Container

if TYPE_CHECKING:
    from grading.api.engine import Engine

UP_FOR_EACH_LOST = 12
"""So many containers must have come up for each that did not, if that is taken for chance."""


@dataclass
class Starts:
    """How the starts of one submission went, at level 1; shared by threads."""

    has_room: Callable[[], bool] = lambda: True
    """Whether the supervisor may be asked for a container that nobody has said he would start."""
    came_up: int = 0
    anew: int = 0
    """Those that did not come up, where that was taken for chance: they were started anew."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self) -> None:
        """One has come up."""
        with self._lock:
            self.came_up += 1

    def was_chance(self) -> bool:
        """Whether one that did not come up may be put down to chance, and started anew; notes it then."""
        with self._lock:
            if self.came_up < UP_FOR_EACH_LOST * (self.anew + 1) or not self.has_room():
                return False
            self.anew += 1
            return True

    @property
    def remark(self) -> str:
        """For who reads the verdicts; empty where there is nothing to say."""
        if not self.anew:
            return ""
        return f"{self.anew} of {self.came_up + self.anew} containers did not come up, and were started anew"


def start_several(
    engine: Engine, probes: Mapping[str, str], *, running: Collection[str] = ()
) -> dict[str, Container]:
    """`Engine.start` of several: beside each other at level 2, one by one at level 1.

    Args:
        engine: the engine.
        probes: the words of each one's probe, by the name with which its id begins.
        running: the names of those that are waited for until the kernel shows their processes.
    """
    if engine.level == 1:
        return {
            name: engine.start(probe, name=name, running=name in running) for name, probe in probes.items()
        }
    begun = {name: engine.begin_start(probe, name=name) for name, probe in probes.items()}
    for name, container in begun.items():
        engine.await_start(container, running=name in running)
    return begun
