"""One submission, from its job to its result: nothing is lost, whatever becomes of the worker."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from grading.api.checks import Check
from grading.run import machines, worker
from grading.run.job import REFERENCE, Job
from grading.run.reading import Written
from grading.run.worker import Cancel, Command, Ending
from grading.verdicts import CheckResult, Part, SubmissionResult, Verdict

ATTEMPTS = 2
"""How often a submission is begun with before its missing verdicts are given up."""


@dataclass(frozen=True)
class Ground:
    """What all submissions of a run are graded on and with."""

    checks: tuple[Check, ...]
    """All there are, in their order; a job says which of them it runs."""
    checks_hash: str
    image: str
    kernel: str = ""
    images: frozenset[str] = frozenset()
    """Further images that count as equal: those of other hosts that grade, too."""
    limit: float = 1800.0
    """Seconds of this machine that a worker may take."""


@dataclass(frozen=True)
class Graded:
    """A result, and what nobody but the instructor needs."""

    result: SubmissionResult
    finished: bool
    """Whether grading the same again would tell nothing new."""
    said: str = ""
    """What workers printed that did not do their part."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """What the checks measured for the answers of students, by the name of the measurement."""


class Cancelled(Exception):
    """The run was stopped before this submission was done."""


def grade(
    job: Job,
    ground: Ground,
    cancel: Cancel,
    work: Path,
    *,
    on_check: Callable[[CheckResult], None] = lambda check: None,
    command: Command = worker.command,
    clean: Callable[[str], None] = machines.remove,
) -> Graded:
    """Grade a submission in a process of its own, and once more where that process does not do its part.

    Args:
        job: what to grade.
        ground: with what.
        cancel: stops it.
        work: a folder of ours, in which this makes one of its own.
        on_check: told each verdict as it comes.
        command: the worker's command line.
        clean: takes a machine away.

    Raises:
        Cancelled: it was stopped.
        OSError: this host cannot start a process or write a file.
    """
    wanted = [check for check in ground.checks if job.wants(check)]
    started = datetime.now(UTC)
    said: list[str] = []
    endings: list[Ending] = []
    for _ in range(ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix="one-", dir=work))
        try:
            ending = worker.work(
                job, folder, cancel, limit=ground.limit, on_check=on_check, command=command, clean=clean
            )
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if ending.cancelled:
            raise Cancelled(job.submission)
        endings.append(ending)
        if _complete(ending, wanted):
            break
        said.append(f"{job.submission}: {ending.why}.\n{ending.said}")
    best = max(endings, key=lambda each: (_complete(each, wanted), len(each.written.checks)))
    complete = _complete(best, wanted)
    if complete and best.written.problem and not best.written.checks:
        result = refused(job, ground, best.written.problem, best.written.advice)
    else:
        problem, advice = best.written.problem or _nothing_found(best.written), best.written.advice
        if not complete:
            problem = f"The process that graded it did not do its part, {ATTEMPTS} times: {best.why}."
            slow = "An engine that is slow to answer may be why; `grade set` gives it points by hand."
            advice = slow if best.timed_out else ""
        result = dataclasses.replace(_result(job, ground, wanted, best.written, problem), advice=advice)
    seconds = (datetime.now(UTC) - started).total_seconds()
    return Graded(
        dataclasses.replace(result, started=started.isoformat(timespec="seconds"), seconds=round(seconds, 3)),
        complete and not result.undecided,
        "\n".join(said),
        best.written.measured,
    )


def undecided(job: Job, ground: Ground, problem: str) -> Graded:
    """What there is to say where nothing could be found out: no verdict, and no lost point."""
    wanted = [check for check in ground.checks if job.wants(check)]
    result = _result(job, ground, wanted, Written(), problem)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return Graded(dataclasses.replace(result, started=started), finished=False)


def refused(job: Job, ground: Ground, problem: str, advice: str = "") -> SubmissionResult:
    """The result of a submission that there is nothing to grade of: no point, out of all there are.

    The problem is that of the whole, with the advice for the instructor; no check repeats it.
    """
    wanted = [check for check in ground.checks if job.wants(check)]
    checks = []
    for number, check in enumerate(wanted):
        first = not number
        checks.append(
            dataclasses.replace(
                _undone(check, "failed" if first else "skipped"),
                rationale="There was nothing to run it on." if first else "",
                parent="" if first else wanted[0].id,
            )
        )
    result = _result(job, ground, wanted, Written(checks={check.id: check for check in checks}), problem)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    return dataclasses.replace(result, advice=advice, started=started)


def _complete(ending: Ending, wanted: Sequence[Check]) -> bool:
    written = ending.written
    return not written.astray and (
        bool(written.problem) or all(check.id in written.checks for check in wanted)
    )


def _nothing_found(written: Written) -> str:
    """Why there is neither an engine nor a monitor; empty where there is one."""
    if not written.told or written.engine.found or written.monitor.found:
        return ""
    reasons = dict.fromkeys(
        (*written.engine.reasons, *written.monitor.reasons)
    )  # a note on all of it is in both
    return " ".join(f"{reason.rstrip('.')}." for reason in reasons) or (
        "There is neither an engine nor a monitor."
    )


def _result(
    job: Job, ground: Ground, wanted: Sequence[Check], written: Written, problem: str
) -> SubmissionResult:
    """What a worker wrote, in our order; what it did not decide is undecided, and what nobody asked it is dropped."""
    checks = [written.checks.get(check.id) or _undone(check, "error", problem) for check in wanted]
    ours = Part(True, "", REFERENCE)
    return SubmissionResult(
        submission=job.submission,
        checks=tuple(checks),
        engine=ours if job.engine == REFERENCE and not written.told else written.engine,
        monitor=ours if job.monitor == REFERENCE and not written.told else written.monitor,
        level=job.level,
        image=ground.image,
        kernel=written.kernel or ground.kernel,
        checks_hash=ground.checks_hash,
        seed=job.seed,
        problem=problem,
    )


def _undone(check: Check, verdict: Verdict, why: str = "") -> CheckResult:
    return CheckResult(
        id=check.id, group=check.group, level=check.level, verdict=verdict, points=0.0,
        max_points=check.points, title=check.title, rationale=why or check.rationale, hidden=check.hidden,
    )  # fmt: skip
