"""The whole form: all checks, on a copy that is graded as any submission is, in a guest of its own."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from implementations import Implementation
from patches import Mutant

from grading.run import machines
from grading.run.job import Job
from grading.run.reading import Results
from grading.verdicts import CheckResult
from lab import paths
from lab.errors import LabError
from lab.exercises import starter

SECONDS = 1800
"""The most for one suite, on a machine that is as slow as they come."""


def grade(implementation: Implementation, mutant: Mutant | None = None) -> dict[str, CheckResult]:
    """The verdicts of all checks on an implementation, or on a mutant of it.

    Raises:
        LabError: it does not apply, or the checks could not be run to their end.
    """
    with tempfile.TemporaryDirectory(prefix="boxwright-") as folder:
        copy = Path(folder) / "copy"
        implementation.copy(copy)
        if mutant is not None:
            mutant.apply(copy)
        return _grade(copy, Path(folder))


def grade_starter() -> dict[str, CheckResult]:
    """The verdicts on what a student of the C track begins with."""
    with tempfile.TemporaryDirectory(prefix="boxwright-") as folder:
        begun = Path(folder) / "starter_c"
        for name, content in starter.starter("c", lambda region: False).items():
            (begun / name).parent.mkdir(parents=True, exist_ok=True)
            (begun / name).write_bytes(content)
        return _grade(begun, Path(folder))


def _grade(source: Path, folder: Path) -> dict[str, CheckResult]:
    job, results = folder / "job.json", folder / "results"
    machine = machines.name(0)
    Job(submission=source.name, source=str(source), level=2, machine=machine).write(job)
    try:
        done = subprocess.run(
            [
                sys.executable, "-m", "pytest", "-p", "grading.plugin", *map(str, paths.exercises()), "-q",
                f"--boxwright-job={job}", f"--boxwright-results={results}",
            ],
            capture_output=True, text=True, timeout=SECONDS, check=False, cwd=paths.CHECKOUT,
        )  # fmt: skip
    finally:
        machines.remove(machine)
    written = Results(results).read()
    if not written.checks:
        raise LabError("The checks could not be run", detail=(done.stdout + done.stderr)[-4000:])
    return written.checks


@contextlib.contextmanager
def busy_processors() -> Iterator[None]:
    """Keep every processor of this host busy meanwhile."""
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()
