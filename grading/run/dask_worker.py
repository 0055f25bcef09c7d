"""What a Dask worker does for `grade run --dask`: it grades one submission, in a VM of its own host.

Each host has its own checkout and its own image, made when the first job comes. Arguments and results are
text and bytes; an exception never travels, because it would be unpickled on the other side.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from grading.run import machines, parcels, preparation, single, worker
from grading.run.job import Job
from grading.run.single import Ground
from grading.run.worker import Cancel, Command
from lab import paths
from lab.console import NoProgress
from lab.errors import LabError

LOOK_SECONDS = 0.5
"""Between two looks whether the result is still wanted."""

_lock = threading.Lock()
_taken: set[int] = set()


def ground_text(suite: str) -> str:
    """Make this host ready; says with what it grades, as JSON."""
    try:
        ground = _ground(suite)
        return json.dumps({"checks": ground.checks_hash, "image": ground.image, "kernel": ground.kernel})
    except (LabError, OSError) as error:
        return _error(error)


def grade_text(job: str, packed: bytes, starters: str, checks_hash: str) -> str:
    """Grade a submission.

    Args:
        job: from `parcels.job_to_text`.
        packed: from `parcels.pack`.
        starters: from `skeleton.to_text`.
        checks_hash: of the checks that are meant; this host must have the same.

    Returns:
        What `parcels.graded_from_text` reads.
    """
    with _unless_unwanted() as cancel:
        return grade_here(job, packed, starters, checks_hash, cancel)


def grade_here(
    job: str,
    packed: bytes,
    starters: str,
    checks_hash: str,
    cancel: Cancel,
    *,
    ground: Ground | None = None,
    command: Command = worker.command,
) -> str:
    """As `grade_text`; also where no Dask is."""
    try:
        values = json.loads(job)
        ground = ground or _ground(values["suite"])
        if ground.checks_hash != checks_hash:
            raise _other_checks(ground.checks_hash, checks_hash)
        with tempfile.TemporaryDirectory(prefix="dask-", dir=_work()) as folder, _place() as place:
            work = Path(folder)
            parcels.unpack(packed, work / "source")
            (work / "starters.json").write_text(starters)
            (work / "job.json").write_text(job)
            mine = dataclasses.replace(
                Job.read(work / "job.json"),
                source=str(work / "source"),
                starters=str(work / "starters.json"),
                machine=machines.name(place),
            )
            return parcels.graded_to_text(single.grade(mine, ground, cancel, work, command=command))
    except (LabError, OSError, ValueError, KeyError, TypeError) as error:
        return _error(error)
    except single.Cancelled:
        return _error(LabError("The run was stopped"))


@functools.cache
def _prepared(suite: str) -> Ground:
    machines.sweep()
    return preparation.prepare(NoProgress(), suite or None)


def _ground(suite: str) -> Ground:
    with _lock:  # several threads of a worker may ask at once
        return _prepared(suite)


def _work() -> Path:
    folder = paths.cache() / "grading" / "work"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


@contextmanager
def _place() -> Iterator[int]:
    """A number that no other thread of this process has at the same time."""
    with _lock:
        place = next(number for number in range(len(_taken) + 1) if number not in _taken)
        _taken.add(place)
    try:
        yield place
    finally:
        with _lock:
            _taken.discard(place)


@contextmanager
def _unless_unwanted() -> Iterator[Cancel]:
    """Set when the client, or the scheduler, does not want the result any more; Dask itself stops no thread."""
    from distributed import get_worker

    host = get_worker()
    key = host.get_current_task()
    cancel, over = Cancel(), threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            task = host.state.tasks.get(key)
            if task is None or task.state not in ("executing", "long-running"):
                cancel.set()
                return

    watcher = threading.Thread(target=watch, name="wanted?", daemon=True)
    watcher.start()
    try:
        yield cancel
    finally:
        over.set()
        watcher.join()
        cancel.close()


def _other_checks(here: str, wanted: str) -> LabError:
    return LabError(
        f"The checks on {os.uname().nodename} are others ({here[:12]}, not {wanted[:12]})",
        "Bring its checkout to the same state, and start its worker again.",
    )


def _error(error: Exception) -> str:
    if isinstance(error, LabError):
        return json.dumps({"error": error.what, "remedy": error.remedy})
    return json.dumps({"error": f"{os.uname().nodename}: {error}"})
