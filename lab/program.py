"""How both commands run: whatever goes wrong ends in one sentence and a non-zero status."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable

from lab import console
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
        where = f" at {error.filename}" if error.filename else ""
        remedy = when_full if error.errno == errno.ENOSPC else ""
        console.report(LabError(f"{error.strerror or error}{where}", remedy))
        sys.exit(1)


def interrupt(signal_number: int, frame: object) -> None:
    """Let SIGTERM clean up as Ctrl-C does; a second one does not interrupt the cleaning up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt
