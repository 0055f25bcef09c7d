"""One process that grades one submission: started, listened to, ended at its time limit, and cleaned up after.

It runs nothing of a submission itself, but it may hang, crash or print without end, because its guest makes
it. So it is a process group of its own whose output is thrown away but for its end, and it is known by its
results file alone.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grading.run import leash, machines
from grading.run.job import Job
from grading.run.reading import Results, Written
from grading.verdicts import CheckResult
from lab import paths

LOOK_SECONDS = 0.25
"""Between two looks at the results file of a worker that prints nothing."""

POLITE_SECONDS = 20.0
"""Between SIGTERM, on which a worker takes its machine away, and SIGKILL."""

KEPT_BYTES = 64 << 10
"""Of what a worker printed, its end."""


class Cancel:
    """Set once, from any thread: every worker that is told of it ends."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def fileno(self) -> int:
        """Readable from the moment when it is set; for select(2)."""
        return self._read

    def set(self) -> None:
        """Now."""
        with contextlib.suppress(BlockingIOError):
            os.write(self._write, b"x")

    @property
    def is_set(self) -> bool:
        """Whether it was."""
        return bool(select.select([self._read], [], [], 0)[0])

    def close(self) -> None:
        """When all workers have ended."""
        os.close(self._read)
        os.close(self._write)


@dataclass(frozen=True)
class Ending:
    """How a worker ended, and what it had written."""

    written: Written
    status: int
    """Its exit status; negative: the signal that ended it."""
    timed_out: bool
    cancelled: bool
    said: str
    """The end of what it printed; evidence, never a result."""
    seconds: float

    @property
    def why(self) -> str:
        """How it ended, as the end of a sentence."""
        if self.written.astray:
            return self.written.astray
        if self.timed_out:
            return f"it did not end within {self.seconds:.0f} s"
        if self.status < 0:
            with contextlib.suppress(ValueError):
                return f"it was ended by {signal.Signals(-self.status).name}"
            return f"it was ended by signal {-self.status}"
        return f"it ended with status {self.status}"


def command(job: Path, results: Path) -> list[str]:
    """The worker's command line: the checks, under our plugin."""
    return [
        sys.executable, "-P", "-m", "pytest", "-q",
        "-p", "grading.plugin",
        "-p", "grading.run.leash",
        "-p", "grading.evidence",
        "-p", "no:cacheprovider",
        "--rootdir", str(paths.CHECKOUT),
        "--boxwright-job", str(job),
        "--boxwright-results", str(results),
        *map(str, paths.exercises()),
    ]  # fmt: skip


Command = Callable[[Path, Path], list[str]]


def work(
    job: Job,
    folder: Path,
    cancel: Cancel,
    *,
    limit: float,
    on_check: Callable[[CheckResult], None] = lambda check: None,
    on_kept: Callable[[str], None] = lambda machine: None,
    command: Command = command,
    clean: Callable[[str], None] = machines.remove,
) -> Ending:
    """Run a worker to its end; afterwards its processes and its machine are gone, whatever it did.

    Args:
        job: what it is to grade.
        folder: empty, of ours, for the files between us.
        cancel: ends it early.
        limit: seconds of this machine.
        on_check: told each verdict as it comes.
        on_kept: told which machine is held at the moment of a failure, where the job asks for that.
        command: the command line for a job's file and a results file.
        clean: takes a machine away.

    Raises:
        OSError: this host cannot start it.
    """
    job_file, results = folder / "job.json", Results(folder / "results.jsonl", on_check, on_kept)
    job.write(job_file)
    began = time.monotonic()
    process = subprocess.Popen(
        command(job_file, folder / "results.jsonl"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=paths.CHECKOUT,
        env=_environment(),
        start_new_session=True,
    )
    listening = _Listening(process, cancel, results)
    try:
        listening.until(began + limit)
    finally:
        listening.end()
        clean(job.machine)
    return Ending(
        written=results.read(),
        status=process.returncode,
        timed_out=listening.timed_out,
        cancelled=listening.cancelled,
        said=bytes(listening.said).decode("utf-8", "backslashreplace"),
        seconds=time.monotonic() - began,
    )


def _environment() -> dict[str, str]:
    """Ours, without what would change how pytest runs."""
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST_", "BOXWRIGHT_MACHINE"))
    }
    return {**ours, leash.OWNER: str(os.getpid()), "COLUMNS": "200"}


class _Listening:
    """Takes what the worker prints, so that it never waits for us, and looks at its results."""

    def __init__(self, process: subprocess.Popen[bytes], cancel: Cancel, results: Results) -> None:
        self._process, self._cancel, self._results = process, cancel, results
        assert process.stdout is not None
        self._out = process.stdout.fileno()
        os.set_blocking(self._out, False)
        # Its end shows without its being reaped: until then its process group's number is its own.
        self._ended = os.pidfd_open(process.pid)
        self.said = bytearray()
        self.timed_out = self.cancelled = False

    def until(self, deadline: float) -> None:
        """Listen until it ends, is cancelled, has gone astray or the time has come (`time.monotonic()`)."""
        watched = [self._ended, self._cancel.fileno(), self._out]
        looked = 0.0
        while True:
            now = time.monotonic()
            if now >= deadline:
                self.timed_out = True
                return
            ready = select.select(watched, [], [], min(LOOK_SECONDS, deadline - now))[0]
            if self._out in ready and not self._take():
                watched.remove(self._out)
            if self._ended in ready:
                return
            if self._cancel.fileno() in ready:
                self.cancelled = True
                return
            if (
                now - looked >= LOOK_SECONDS
            ):  # one that prints without end is not looked at for each page of it
                looked = now
                if self._results.read().astray:
                    return

    def end(self) -> None:
        """End what is left of it: politely, then not."""
        try:
            if not select.select([self._ended], [], [], 0)[0]:
                self._signal(signal.SIGTERM)
                self._drain(time.monotonic() + POLITE_SECONDS)
        finally:
            self._signal(signal.SIGKILL)  # also what it left running
            self._process.wait()
            self._drain(time.monotonic() + LOOK_SECONDS)
            os.close(self._ended)
            assert self._process.stdout is not None
            self._process.stdout.close()

    def _drain(self, deadline: float) -> None:
        """Take what it still prints, until it has ended or the time has come."""
        watched = [self._ended, self._out]
        while (left := deadline - time.monotonic()) > 0:
            ready = select.select(watched, [], [], left)[0]
            more = self._out in ready and self._take()
            if self._out in ready and not more:
                watched.remove(self._out)
            if self._ended in ready and not more:
                return

    def _take(self) -> bool:
        """One piece of output; False at its end."""
        try:
            piece = os.read(self._out, 1 << 16)
        except BlockingIOError:
            return True
        self.said += piece
        del self.said[:-KEPT_BYTES]
        return bool(piece)

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)
