"""What happens to a container by itself: its time runs out, or its record goes when it has ended."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from supervisor.errors import EngineError

if TYPE_CHECKING:
    from supervisor.lifecycle import Engine
    from supervisor.live import Container


def guard(engine: Engine, container: Container, timeout: float, remove: bool) -> None:
    """Have a thread see to it, if there is anything to see to; it ends with the container.

    Args:
        engine: whose container it is.
        container: which; it runs.
        timeout: seconds until it is stopped; 0 for never.
        remove: whether record and log go away at its end.

    Raises:
        EngineError: the system has no thread left; the container was stopped.
    """
    if not timeout and not remove:
        return
    name = f"guardian {container.record.id}"
    thread = threading.Thread(
        target=_watch, args=(engine, container, timeout, remove), name=name, daemon=True
    )
    try:
        container.guarded = True
        thread.start()
    except RuntimeError as error:
        container.guarded = False
        engine.stop_container(container)
        raise EngineError(
            "the system has no thread left for --rm and --timeout", "It was stopped."
        ) from error


def _watch(engine: Engine, container: Container, timeout: float, remove: bool) -> None:
    try:
        if timeout and not container.exited.wait(timeout):
            with engine.registry.lock:
                container.record.notes.append(f"stopped after {timeout:g} seconds, as --timeout asked")
            engine.stop_container(container)
    except EngineError as error:
        engine.say(str(error))
    if remove:
        container.exited.wait()
        _forget(engine, container)


def _forget(engine: Engine, container: Container) -> None:
    log = container.log
    assert log is not None
    log.complete.wait()
    container.leaving = True  # from here on a start of this id that fails does not bring it back
    with suppress(EngineError):  # `rm` was faster, or the id is used again
        engine.registry.remove(container)
    try:
        log.remove()
    except OSError as error:
        engine.say(f"the log {log.path} cannot be removed: {error.strerror}")
    container.removed.set()
