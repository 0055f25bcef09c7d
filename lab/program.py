"""How both commands run: whatever goes wrong ends in one sentence and a non-zero status.

Imports nothing that takes time: who interrupts a command while it still loads its modules gets no traceback.
"""

from __future__ import annotations

import contextlib
import errno
import importlib
import io
import os
import signal
import sys
from collections.abc import Callable

from lab.errors import LabError

ENDING = (signal.SIGTERM, signal.SIGHUP)
"""What asks a command to end, as the terminal does when it is closed (signal(7))."""

STATUS = "exit_status"
"""The attribute with which a command may say which status an `OSError` of its ends with."""

INTERRUPTED = 128 + signal.SIGINT
"""The status that a shell gives to what SIGINT ended."""


def run(module: str, *, when_full: str) -> None:
    """Run a command line to its end.

    Args:
        module: its name; its `app` parses the arguments and does what they say.
        when_full: what to do where a disk is full; an imperative sentence.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup(1) has it
            signal.signal(number, interrupt)
    try:
        _run(module, when_full)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _run(module: str, when_full: str) -> None:
    from lab import console

    try:
        _prepare_output()
        importlib.import_module(module).app()
    except LabError as error:
        console.report(error)
        sys.exit(error.exit_status)
    except OSError as error:
        console.report(_told(error, when_full))
        sys.exit(getattr(error, STATUS, 1))


def _prepare_output() -> None:
    """Show what the locale cannot, as names of files that are no text, as `\\udcff`.

    Raises:
        LabError: standard output is closed.
    """
    if sys.stdout is None:
        # What opens a file next would get its number, and be written over.
        raise LabError("Standard output is closed, so nothing can be shown", "Send it to /dev/null instead.")
    if isinstance(sys.stdout, io.TextIOWrapper):  # standard error does it by itself
        sys.stdout.reconfigure(errors="backslashreplace")


def _told(error: OSError, when_full: str) -> LabError:
    """What a command says of an error of the system that it did not foresee."""
    what = error.strerror or str(error)
    if error.filename:
        what += f" at {error.filename}"
    elif error.errno == errno.ENOSPC:
        what += _least_left()
    elif error.errno == errno.ENOENT and not is_somewhere():
        return LabError("The folder that you are in is gone", "Go to another one, as with `cd`.")
    return LabError(what, when_full if error.errno == errno.ENOSPC else "")


def _least_left() -> str:
    """Where there is the least room, of all places that a command writes to; a write that fails does not say where."""
    import functools
    import tempfile
    from pathlib import Path

    from lab import paths

    named = (functools.partial(Path, word.rpartition("=")[2]) for word in sys.argv[1:])
    places: list[Callable[[], str | Path]] = [tempfile.gettempdir, paths.cache, paths.state, Path, *named]
    found: list[tuple[int, str]] = []
    for place in places:
        # Of each alone: even looking for it may want room.
        with contextlib.suppress(LabError, OSError, ValueError):
            whole = Path(place()).absolute()
            there = next(each for each in (whole, *whole.parents) if each.exists())
            status = os.statvfs(there)
            left = status.f_bavail * status.f_frsize
            if not status.f_blocks or status.f_flag & os.ST_RDONLY:
                continue  # a pipe, /proc or a CD: nothing is left there at any time
            if status.f_files and not status.f_favail:
                found.append((0, f"; no more files can be made at {there}"))
            else:
                found.append((left, f"; the least is left at {there}, {left >> 20} MiB"))
    return min(found, default=(0, ""))[1]


def is_somewhere() -> bool:
    """Whether the folder that this process is in is there still."""
    from pathlib import Path

    try:
        Path.cwd()
    except FileNotFoundError:
        return False
    return True


def interrupt(signal_number: int, frame: object) -> None:
    """Let whatever ends a command clean up as Ctrl-C does; a second one does not interrupt the cleaning up."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
