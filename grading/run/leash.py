"""A pytest plugin for workers: they end, and take their machine with them, when whoever started them is gone.

A batch may be killed with SIGKILL, and then nobody tells its workers. SIGTERM is made to clean up as
Ctrl-C does, which pytest by itself does not.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import stat
import threading
from pathlib import Path

import pytest

from lab import program
from lab.errors import LabError

OWNER = "BOXWRIGHT_OWNER"
"""The environment's variable with the pid of the process that started the worker."""

GRACE_SECONDS = 20.0
"""For the check that runs and for the machine to be let go of; then it is ended the hard way."""


@pytest.hookimpl(trylast=True)  # when the grading plugin knows the job
def pytest_configure(config: pytest.Config) -> None:
    """Begin to watch."""
    signal.signal(signal.SIGTERM, program.interrupt)
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
    threading.Thread(target=watch, args=(handle, machine), name="leash", daemon=True).start()


def watch(owner: int, machine: str) -> None:
    """Wait for the owner's end; then end this process, and with it its machine.

    Args:
        owner: a pidfd.
        machine: its name; empty where there is none.
    """
    select.select([owner], [], [])
    _forget_who_listened()
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    # The main thread may hang in something that no signal ends; this one goes when the process does.
    never, _ = os.pipe()
    select.select([never], [], [], GRACE_SECONDS)
    with contextlib.suppress(LabError, OSError):
        if machine:
            from lab import lifecycle

            lifecycle.destroy(machine)
    os.kill(os.getpid(), signal.SIGKILL)


def _forget_who_listened() -> None:
    """Let what is printed go nowhere: an error from a pipe that nobody reads must not be the end of the cleaning up.

    Standard output and error alone would not do: pytest keeps duplicates of them, and puts those back.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
        with contextlib.suppress(OSError):  # the one of the folder that was read
            if stat.S_ISFIFO(os.fstat(number).st_mode) and _is_unread(number):
                os.dup2(nowhere, number)


def _is_unread(pipe: int) -> bool:
    """Whether a descriptor is the writing end of a pipe without readers; see POLLERR in poll(2)."""
    looked = select.poll()
    looked.register(pipe, 0)
    return any(events & select.POLLERR for _, events in looked.poll(0))
