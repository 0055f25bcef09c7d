"""A pytest plugin for workers: keeps what there was to see when a check failed, and can hold the guest there.

The moment is that of the failure itself, before fixtures are undone or a broken guest is replaced. What is
kept comes from the guest and is evidence, not a verdict; each part is cut at a length.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grading.api.checks import MARK, Check
from grading.api.expectations import Unmet, shown
from grading.guest.observer import Job as Program
from grading.guest.vm import Guest
from lab.errors import LabError
from lab.machine.boot import serial_end

LONGEST = 256 << 10
"""Characters of each part; its end is kept."""

OUTPUT_SHOWN = 2000
"""Bytes of a program's output in the transcript."""

TRANSCRIPT, KERNEL_LOG, SERIAL_LOG, FAILURE = "transcript.txt", "kernel.log", "serial.log", "failure.txt"
PARTS = (FAILURE, TRANSCRIPT, KERNEL_LOG, SERIAL_LOG)
"""The files of one failure."""


@pytest.hookimpl(trylast=True)  # when the grading plugin knows the job
def pytest_configure(config: pytest.Config) -> None:
    """Begin, where a job says where to."""
    grading = config.pluginmanager.get_plugin("boxwright-grading")
    if grading is not None and (grading.job.evidence or grading.job.keep):
        config.pluginmanager.register(Evidence(grading), "boxwright-evidence")


class Evidence:
    """The hooks."""

    def __init__(self, grading: Any) -> None:
        self._grading = grading
        self._folder = Path(grading.job.evidence) if grading.job.evidence else None

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
        """At each failure, whatever comes of it."""
        mark = item.get_closest_marker(MARK)
        failed = call.excinfo is not None and not isinstance(
            call.excinfo.value, (pytest.skip.Exception, pytest.exit.Exception, KeyboardInterrupt)
        )
        if mark is not None and failed and call.excinfo is not None:
            check: Check = mark.args[0]
            guest = self._guest()
            if self._folder is not None:
                trace = str(call.excinfo.getrepr(style="short"))
                keep(self._folder / check.id, guest, failure(check, call.excinfo.value, trace))
            if self._grading.job.keep == check.id and guest is not None:
                self._hold(guest)
        return (yield)

    def _guest(self) -> Guest | None:
        """The guest as it is; none is made for this."""
        session = self._grading._session
        found: Guest | None = session._guest if session is not None else None
        return found

    def _hold(self, guest: Guest) -> None:
        """Say that it is held, and wait to be ended (`grading.run.leash`): nothing in it changes by our doing."""
        self._grading._tell({"kept": guest.machine.name})
        threading.Event().wait()


def failure(check: Check, error: BaseException, trace: str) -> str:
    """What a reader wants to know first, and where in the check it was seen below it.

    Args:
        check: that failed.
        error: with which.
        trace: what pytest says of it.
    """
    why, expected, actual, hint = check.rationale, "", shown(str(error) or type(error).__name__), check.hint
    if isinstance(error, Unmet):
        why, hint = error.why or why, error.hint or hint
        expected, actual = error.expected, error.actual or "nothing"
    told = {"why": why, "expected": expected, "actual": actual, "hint": hint}
    lines = [f"{check.title} ({check.id})", *(f"{name}: {text}" for name, text in told.items() if text)]
    return "\n".join((*lines, "", "Where it was seen:", trace[-LONGEST // 2 :]))


def keep(folder: Path, guest: Guest | None, failure: str) -> None:
    """Write down what there is to see; what cannot be had is left out.

    Args:
        folder: made where it is missing; what is in it of an earlier attempt is replaced.
        guest: as it is now; None where there is none any more.
        failure: what is told of it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / FAILURE, failure)
    if guest is None:
        return
    _write(folder / TRANSCRIPT, transcript(list(guest.observer.jobs)))
    _write(
        folder / KERNEL_LOG, "".join(f"[{r.seconds:12.6f}] {r.text}\n" for r in list(guest.observer.kernel))
    )
    with contextlib.suppress(OSError, LabError):
        _write(folder / SERIAL_LOG, serial_end(guest.machine.folder, LONGEST))


def transcript(programs: list[Program]) -> str:
    """What was run in the guest, by whom it was asked being us: words, how it ended, what it printed."""
    return "\n".join(_told(program) for program in programs)


def _told(program: Program) -> str:
    ended = program.finished
    how = (
        "runs"
        if ended is None
        else f"{ended.code} after {ended.seconds:.3f} s{' (time limit)' * ended.timed_out}"
    )
    said = program.peek()  # whoever waits for it holds its lock
    text = said[-OUTPUT_SHOWN:].decode("utf-8", "backslashreplace")
    cut = f"… ({len(said) - OUTPUT_SHOWN} bytes left out)\n" if len(said) > OUTPUT_SHOWN else ""
    return f"[{program.began:12.6f}] pid {program.pid} {json.dumps(program.words)} → {how}\n{cut}{text}"


def _write(path: Path, text: str) -> None:
    path.write_text(text[-LONGEST:], encoding="utf-8", errors="backslashreplace")
