"""Pause and go on: the freezer of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst, cgroup.freeze).

A frozen process does not run, and needs not know: no signal stops it as SIGSTOP would, so
nothing in the container can see or undo it. SIGKILL still ends it; any other signal waits.
"""

from __future__ import annotations

import os
import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from supervisor.errors import EngineError

if TYPE_CHECKING:
    from supervisor.live import Container
    from supervisor.registry import Registry

PATIENCE = 10.0
"""Seconds that the last process may take to stand still."""


def freeze(registry: Registry, container: Container) -> None:
    """Pause a container; returns when all of it stands still.

    Raises:
        EngineError: it does not run, is paused already, or cannot be paused here.
    """
    record = container.record
    with registry.lock:
        if record.state != "running":
            raise EngineError(f"container {record.id} is {record.state}", "Only a running one can be paused.")
        if record.paused:
            raise EngineError(f"container {record.id} is paused already")
        cgroup = container.cgroup
        if cgroup is None:
            raise EngineError(
                "only a container with a cgroup can be paused, and cgroup v2 is not mounted here"
            )
        record.paused = True  # from here on `exec` is refused: its process would be born frozen
    try:
        events = cgroup.open("cgroup.events", os.O_RDONLY)
        try:
            cgroup.write("cgroup.freeze", 1)
            frozen = _await_frozen(events)
        finally:
            os.close(events)
    except OSError as error:
        with registry.lock:
            record.paused = False
        if container.exited.is_set():
            raise EngineError(f"container {record.id} has just ended") from error
        raise EngineError(f"container {record.id} cannot be paused: {error.strerror}") from error
    if not frozen:
        thaw(registry, container)
        raise EngineError(
            f"container {record.id} does not come to rest",
            "A process of it is waiting inside the kernel, most likely for a disk.",
        )
    registry.events.add("pause", record.id)


def thaw(registry: Registry, container: Container) -> bool:
    """Let a container go on; whether it was paused."""
    with registry.lock:
        was, container.record.paused = container.record.paused, False
    if was and container.cgroup is not None:
        with suppress(OSError):  # it has ended, and its cgroup is gone
            container.cgroup.write("cgroup.freeze", 0)
        registry.events.add("unpause", container.record.id)
    return was


def _await_frozen(events: int) -> bool:
    """Whether the line `frozen 1` comes into cgroup.events; the kernel tells of each change by POLLPRI."""
    poll = select.poll()
    poll.register(events, select.POLLPRI)
    deadline = time.monotonic() + PATIENCE
    while True:
        if b"frozen 1" in os.pread(events, 4096, 0):
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        poll.poll(left * 1000)
