"""Repeats one check of a bundle in a fresh VM, or holds the VM at the moment of its failure."""

from __future__ import annotations

import dataclasses
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from grading.run import catalogue, machines, parcels, single, worker
from grading.run.bundles import Bundle
from grading.run.content import content_hash
from grading.run.job import Job
from grading.run.single import Ground
from grading.run.worker import Cancel, Command, Ending
from grading.verdicts import CheckResult
from lab.errors import LabError


def differences(bundle: Bundle, ground: Ground) -> list[str]:
    """What is not as it was, a sentence each: the same verdict is to be expected only where this is empty."""
    found = []
    if bundle.checks_hash != ground.checks_hash:
        found.append("The checks have been changed since.")
    if bundle.image and bundle.image != ground.image:
        found.append(f"The image is {ground.image}, and was {bundle.image}.")
    return found


@contextmanager
def job_of(bundle: Bundle, ground: Ground) -> Iterator[Job]:
    """The job that repeats the check of a bundle, with what it builds on; its files are there as long as this is open.

    Raises:
        LabError: there is no such check any more, or the submission is neither in the bundle nor where it was.
    """
    with tempfile.TemporaryDirectory(prefix="boxwright-replay-") as folder:
        work = Path(folder)
        source = Path(bundle.source)
        if bundle.packed:
            source = work / "submission"
            source.mkdir()
            parcels.unpack(bundle.packed, source)
        elif not source.exists() or content_hash(source) != bundle.content_hash:
            raise LabError(
                f"The submission is not in the bundle, and not as it was at {bundle.source}",
                "Put it there again.",
            )
        starters = work / "starters.json"
        if bundle.starters:
            starters.write_text(bundle.starters)
        yield dataclasses.replace(
            bundle.job,
            source=str(source),
            starters=str(starters) if bundle.starters else "",
            only=catalogue.with_parents(ground.checks, bundle.check.id, otherwise=True),
            machine=machines.name(0),
            host="",
        )


def again(bundle: Bundle, ground: Ground, *, command: Command = worker.command) -> CheckResult:
    """Run the check of a bundle again.

    Raises:
        LabError: it cannot be run, or nothing came of it.
    """
    cancel = Cancel()
    with tempfile.TemporaryDirectory(prefix="boxwright-replay-") as folder, job_of(bundle, ground) as job:
        try:
            graded = single.grade(job, ground, cancel, Path(folder), command=command)
        finally:
            cancel.close()
    if graded.result.problem:
        raise LabError(graded.result.why, detail=graded.said)
    return next(check for check in graded.result.checks if check.id == bundle.check.id)


def held(
    bundle: Bundle, ground: Ground, visit: Callable[[str], None], *, command: Command = worker.command
) -> None:
    """Run the check again and let somebody visit the VM at the moment of its failure; the VM goes afterwards.

    Args:
        bundle: the check.
        ground: from `prepare`.
        visit: given the machine's name; the VM is held until it returns.
        command: the worker's command line.

    Raises:
        LabError: the check did not fail this time, so that there is nothing to visit, or it was not run.
        OSError: this host cannot start a process or write a file.
    """
    cancel, there = Cancel(), threading.Event()
    machine = ""
    came: Ending | OSError | None = None

    def kept(name: str) -> None:
        nonlocal machine
        machine = name
        there.set()

    with tempfile.TemporaryDirectory(prefix="boxwright-replay-") as folder, job_of(bundle, ground) as job:
        job = dataclasses.replace(job, keep=bundle.check.id)

        def work() -> None:
            nonlocal came
            try:
                # Whoever looks around may take their time.
                came = worker.work(job, Path(folder), cancel, limit=7 * 86400, on_kept=kept, command=command)
            except OSError as error:
                came = error
            finally:
                there.set()

        working = threading.Thread(target=work, name="replay")
        working.start()
        try:
            there.wait()
            if machine:
                visit(machine)
        finally:
            cancel.set()
            working.join()
            cancel.close()
    if not machine:
        raise _not_held(bundle, came)


def _not_held(bundle: Bundle, came: Ending | OSError | None) -> Exception:
    """Why nobody could visit."""
    name = bundle.check.id
    if isinstance(came, OSError):
        return came
    assert came is not None  # or the thread would have ended with an error that nobody foresees
    check = came.written.checks.get(name)
    if check is None:
        why = came.written.problem or f"the process that ran it did not get that far: {came.why}"
        return LabError(f"{name} was not run: {why}", detail=came.said)
    if check.verdict == "passed":
        return LabError(f"{name} did not fail this time, so there is nothing to look at")
    why = f"{check.parent} did not pass" if check.parent else check.rationale
    return LabError(
        f"This time {name} is {check.verdict}, and its VM was not held{f': {why}' if why else ''}"
    )
