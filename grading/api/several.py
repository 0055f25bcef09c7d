"""Several containers, asked for at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from grading.api.container import Container
from grading.api.engine import Engine


def start_several(
    engine: Engine, probes: Mapping[str, str], *, running: Collection[str] = ()
) -> dict[str, Container]:
    """`Engine.start` of several: at level 2 beside each other, which a supervisor must bear; at level 1 one by one.

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
