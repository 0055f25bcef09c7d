"""Pause and go on: the freezer of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst, cgroup.freeze).

A frozen process does not run, and needs not know: no signal stops it as SIGSTOP would, so
nothing in the container can see or undo it. SIGKILL still ends it; any other signal waits.
"""

from __future__ import annotations

import errno
import os
import select
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from supervisor.errors import EngineError

if TYPE_CHECKING:
    from supervisor.live import Container
    from supervisor.records import Record
    from supervisor.registry import Registry

PATIENCE = 10.0
"""Seconds that the last process may take to stand still."""

LOOK = 0.5
"""Seconds between two looks whether somebody told it to go on."""


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
        registry.events.add("pause", record.id)
    try:
        events = cgroup.open("cgroup.events", os.O_RDONLY)
        try:
            cgroup.write("cgroup.freeze", 1)
            frozen = _await_frozen(events, record)
        finally:
            os.close(events)
    except OSError as error:
        with registry.lock:
            if record.paused:
                record.paused = False
                registry.events.add("unpause", record.id)
            with suppress(OSError):  # most likely it was never frozen
                cgroup.write("cgroup.freeze", 0)
        raise _refusal(container, error) from error
    with registry.lock:
        if not record.paused:  # a `stop` or `unpause` came, and its 0 may have been written before our 1
            with suppress(OSError):  # it has ended, and its cgroup is gone
                cgroup.write("cgroup.freeze", 0)
            what = "ended" if container.exited.is_set() else "been told to go on"
            raise EngineError(f"container {record.id} has {what} meanwhile")
    if not frozen:
        thaw(registry, container)
        raise EngineError(
            f"container {record.id} does not come to rest",
            "A process of it is waiting inside the kernel, most likely for a disk.",
        )


def thaw(registry: Registry, container: Container) -> bool:
    """Let a container go on; whether it was paused.

    Raises:
        EngineError: it is still paused: the system has no descriptor left.
    """
    with registry.lock:
        was, container.record.paused = container.record.paused, False
        if was:
            registry.events.add(
                "unpause", container.record.id
            )  # before what it does then, as end, can be told
        cgroup = container.cgroup
        if was and cgroup is not None:
            try:
                cgroup.write("cgroup.freeze", 0)
            except OSError as error:
                # Else it has ended, or is about to: its cgroup is gone.
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
                    container.record.paused = True
                    registry.events.add("pause", container.record.id)
                    raise EngineError(
                        f"container {container.record.id} cannot go on yet: {error.strerror}"
                    ) from error
    return was


def _refusal(container: Container, error: OSError) -> EngineError:
    if container.record.state == "exited":
        return EngineError(f"container {container.record.id} has just ended")
    return EngineError(f"container {container.record.id} cannot be paused: {error.strerror}")


def _await_frozen(events: int, record: Record) -> bool:
    """Whether the line `frozen 1` comes into cgroup.events; the kernel tells of each change by POLLPRI.

    What is told to go on before it stood still changes nothing there: that is looked at from time to time.
    """
    poll = select.poll()
    poll.register(events, select.POLLPRI)
    deadline = time.monotonic() + PATIENCE
    while True:
        if b"frozen 1" in os.pread(events, 4096, 0):
            return True
        left = deadline - time.monotonic()
        if left <= 0 or not record.paused:
            return False
        poll.poll(min(left, LOOK) * 1000)
