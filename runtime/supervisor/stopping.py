"""How containers are made to end: a signal that asks, a time of grace, SIGKILL."""

from __future__ import annotations

import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from supervisor.errors import EngineError
from supervisor.freezer import thaw
from supervisor.records import signal_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.live import Container
    from supervisor.registry import Registry

GRACE = 3.0
"""Seconds between SIGTERM and SIGKILL."""
PATIENCE = 10.0
"""Seconds a killed process may take to end, and its log to be complete, before we say so."""


def stop(
    registry: Registry,
    containers: Sequence[Container],
    grace: float | None = GRACE,
    number: int = signal.SIGTERM,
) -> None:
    """Stop containers, all at the same time; returns when they have ended, or do not.

    Args:
        registry: where they are.
        containers: which; those that have ended already are left alone.
        grace: seconds until SIGKILL; None waits for ever.
        number: the signal that asks them to end.
    """
    # region 03.stop
    living = [container for container in containers if _mark(registry, container, grace, number)]
    for container in living:
        container.send(number)
        with suppress(EngineError):  # SIGKILL will be heard all the same
            thaw(registry, container)  # a frozen one could not hear it
    _await(living, grace)
    for container in living:
        container.send(signal.SIGKILL)
    _await(living, PATIENCE)
    # endregion 03.stop


def kill(registry: Registry, container: Container, number: int) -> None:
    """Send a signal to a container's first process, and ask for nothing more.

    Raises:
        EngineError: it does not run.
    """
    record = container.record
    settle(registry, container)
    with registry.lock:
        if record.state != "running":
            raise EngineError(f"container {record.id} is not running")
        registry.events.add("kill", record.id, signal=signal_name(number))  # before its end is told
    container.send(number)


def settle(registry: Registry, container: Container) -> None:
    """Wait for the end of a start, which is near, one way or the other."""
    deadline = time.monotonic() + PATIENCE
    with registry.lock:
        while (
            container.record.state == "starting"
            and not container.exited.is_set()
            and (left := deadline - time.monotonic()) > 0
        ):
            registry.changed.wait(left)


def check_ended(container: Container) -> None:
    """Make sure that a container has ended.

    Raises:
        EngineError: it does not end, though it was killed.
    """
    if not container.exited.is_set():
        raise EngineError(
            f"container {container.record.id} (PID {container.record.pid}) was killed but does not end",
            "It is waiting inside the kernel, most likely for a disk; see `ps -o stat,wchan`.",
        )


def _mark(registry: Registry, container: Container, grace: float | None, number: int) -> bool:
    """Record, before the first signal, that a stop was asked for; whether there is anything to stop."""
    # region 03.asked
    settle(registry, container)
    record = container.record
    with registry.lock:
        if record.state == "exited" or container.exited.is_set():
            return False
        record.stop_requested = True
        record.stop_signal = number
        if record.state == "starting":
            container.send(signal.SIGKILL)  # it hangs before its program: a volume does not answer, say
            return True
        registry.events.add("stop", record.id, signal=signal_name(number), grace=grace)
    return True
    # endregion 03.asked


def _await(containers: Sequence[Container], seconds: float | None) -> None:
    """Wait until all have ended, at most so long."""
    deadline = time.monotonic() + seconds if seconds is not None else None
    for container in containers:
        container.exited.wait(max(0, deadline - time.monotonic()) if deadline is not None else None)
