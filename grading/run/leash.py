"""A pytest plugin for workers: they end, and take their machine with them, when whoever started them is gone.

A batch may be killed with SIGKILL, and then nobody tells its workers. SIGTERM is made to clean up as
Ctrl-C does, which pytest by itself does not.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import threading

import pytest

from lab.errors import LabError

OWNER = "BOXWRIGHT_OWNER"
"""The environment's variable with the pid of the process that started the worker."""

GRACE_SECONDS = 20.0
"""For the check that runs and for the machine to be let go of; then it is ended the hard way."""


@pytest.hookimpl(trylast=True)  # when the grading plugin knows the job
def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    signal.signal(signal.SIGTERM, _interrupt)
    owner = int(os.environ.get(OWNER, "0"))
    if not owner:
        return
    try:
        handle = os.pidfd_open(owner)
    except OSError:
        raise KeyboardInterrupt from None
    if os.getppid() != owner:  # it ended before we looked, and its pid may be another's
        raise KeyboardInterrupt
    machine = getattr(
        getattr(config.pluginmanager.get_plugin("boxwright-grading"), "job", None), "machine", ""
    )
    threading.Thread(target=_watch, args=(handle, machine), name="leash", daemon=True).start()


def _interrupt(number: int, frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough; a second one would cut the cleaning short
    raise KeyboardInterrupt


def _watch(owner: int, machine: str) -> None:
    select.select([owner], [], [])
    os.kill(os.getpid(), signal.SIGTERM)
    # The main thread may hang in something that no signal ends; this one goes when the process does.
    never, _ = os.pipe()
    select.select([never], [], [], GRACE_SECONDS)
    with contextlib.suppress(LabError, OSError):
        if machine:
            from lab import lifecycle

            lifecycle.destroy(machine)
    os.kill(os.getpid(), signal.SIGKILL)
