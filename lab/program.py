"""How both commands run: whatever goes wrong ends in one sentence and a non-zero status."""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from lab import console, paths
from lab.errors import LabError


def run(app: Callable[[], object], *, when_full: str) -> None:
    """Run a command line to its end.

    Args:
        app: parses the arguments and does what they say.
        when_full: what to do where a disk is full; an imperative sentence.
    """
    signal.signal(signal.SIGTERM, interrupt)
    try:
        app()
    except LabError as error:
        console.report(error)
        sys.exit(error.exit_status)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        where = f" at {error.filename}" if error.filename else _least_left() if full else ""
        console.report(LabError(f"{error.strerror or error}{where}", when_full if full else ""))
        sys.exit(1)


def _least_left() -> str:
    """Where there is the least room, of all places that a command writes to; a write that fails does not say where."""
    named = (functools.partial(Path, word.rpartition("=")[2]) for word in sys.argv[1:])
    places: list[Callable[[], str | Path]] = [tempfile.gettempdir, paths.cache, paths.state, Path, *named]
    found: list[tuple[int, Path]] = []
    for place in places:
        with contextlib.suppress(
            OSError, RuntimeError, ValueError
        ):  # of each alone: even looking for it may want room
            whole = Path(place()).absolute()
            there = next(each for each in (whole, *whole.parents) if each.exists())
            status = os.statvfs(there)
            no_files = status.f_files and not status.f_favail
            found.append((0 if no_files else status.f_bavail * status.f_frsize, there))
    if not found:
        return ""
    left, at = min(found)
    return f"; the least is left at {at}, {left >> 20} MiB"


def interrupt(signal_number: int, frame: object) -> None:
    """Let SIGTERM clean up as Ctrl-C does; a second one does not interrupt the cleaning up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
