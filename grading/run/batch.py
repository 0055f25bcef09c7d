"""A class: found, looked at, graded as far as it was not yet, and recorded one submission at a time.

A run may be stopped at any moment, by Ctrl-C or the power: what was recorded stays, and the next run goes
on from there. What counts as done is in the gradebook alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import functools
import os
import secrets
import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from grading.gradebook.store import Entry, Gradebook
from grading.run import bundles, machines, single, skeleton
from grading.run.content import content_hash
from grading.run.coursework import Coursework
from grading.run.identities import Identity
from grading.run.job import Job
from grading.run.single import Graded, Ground
from grading.submissions.found import Submission, find
from grading.submissions.survey import Survey, survey
from grading.submissions.workspaces import NOTHING
from grading.verdicts import CheckResult, SubmissionResult
from lab.errors import LabError


@dataclass(frozen=True)
class Settings:
    """What a run is asked for."""

    level: int = 1
    """0: as each submission is: 2 for a workspace of this kit, 1 for any other."""
    engine: str = ""
    """As `Job.engine`."""
    monitor: str = ""
    suite: str = ""
    only: tuple[str, ...] = ()
    """Ids of checks; empty for all of the level."""
    seed: str = ""
    """Empty: another one for each submission, so that nobody knows the names in the checks beforehand."""
    starter: Path | None = None
    again: bool = False
    """Grade also what is done."""
    hosts: Mapping[str, str] = field(default_factory=dict)
    """Of submissions that are graded on a machine that runs already: its name in the lab; see `Job.host`."""

    @property
    def options(self) -> str:
        """For the gradebook: what makes this run's results others than those of a run without options."""
        said = {
            "engine": self.engine,
            "monitor": self.monitor,
            "only": ",".join(self.only),
            "on": "its own machine" if self.hosts else "",
            "starter": _hash_of_starter(self.starter)[:12] if self.starter else "",
        }
        return " ".join(f"{name}={value}" for name, value in said.items() if value)

    def job(self, submission: Submission) -> Job:
        """The job for a submission, as far as the settings say it."""
        return Job(
            submission=submission.name,
            source=str(submission.source.resolve()),
            engine=self.engine,
            monitor=self.monitor,
            level=self.level,
            suite=self.suite,
            only=self.only,
            host=self.hosts.get(submission.name, ""),
            seed=self.seed or secrets.token_hex(8),
        )


class Watcher(Protocol):
    """Told how a run goes on; from several threads."""

    def begin(self, names: Sequence[str], done: Sequence[SubmissionResult], checks: int) -> None:
        """These are to be graded, those are done already; so many checks each, at most."""

    def check(self, submission: str, check: CheckResult) -> None:
        """A verdict has come; it may come again, after a worker was lost."""

    def ended(self, graded: Graded) -> None:
        """A submission has its result, and it is recorded."""


Tell = Callable[[str, CheckResult], None]
"""Told a submission's name and a verdict."""

Many = Callable[[Sequence[Job], Tell, Path], Generator[Graded, None, None]]
"""Grades jobs wherever it likes; told whom to tell of verdicts, and a folder of ours for its files."""


def run(
    folder: Path,
    settings: Settings,
    ground: Ground,
    many: Many,
    *,
    results: Path,
    watcher: Watcher,
    missing: Mapping[str, str] | None = None,
    coursework: Coursework | None = None,
) -> list[SubmissionResult]:
    """Grade what there is in a folder and not done yet; the results of all of it, by name.

    Args:
        folder: of a class, or one submission.
        settings: what is asked for.
        ground: from `prepare`.
        many: grades the jobs.
        results: the folder with the gradebook; made where it is missing.
        watcher: told how it goes on.
        missing: submissions that should be in the folder and are not, and why: undecided.
        coursework: the course that it is graded for; None for checks alone.

    Raises:
        LabError: the folder holds nothing, another run is at work on these results, or the gradebook refuses.
        OSError: this host cannot read or write.
    """
    missing = missing or {}
    submissions = find(folder) if not missing or any(folder.iterdir()) else []
    names = sorted([*missing, *(submission.name for submission in submissions)])
    with locked(results), Gradebook.open(results, create=True) as gradebook, _work_folder(results) as work:
        work_on = _Work(settings, coursework, names, submissions, work)
        hashes: dict[str, str] = {}
        done: dict[str, SubmissionResult] = {}
        for submission in submissions:
            hashes[submission.name] = _hash(submission)
            fitting: list[Entry] = []
            for image in () if settings.again else {ground.image, *ground.images}:
                before = gradebook.finished(
                    submission.name,
                    content_hash=hashes[submission.name],
                    checks_hash=ground.checks_hash,
                    image=image,
                    level=work_on.level(submission.name),
                    options=work_on.options(submission.name),
                )
                if before is not None:
                    fitting.append(before)
            if fitting:
                newest = max(fitting, key=lambda entry: entry.number)
                done[submission.name] = newest.result
                counts = gradebook.latest(submission.name)
                if not newest.partial and (
                    counts is None or counts.number not in {e.number for e in fitting}
                ):
                    # Another run came between, as for a trial at another level: what is shown as done is what counts.
                    gradebook.record(
                        newest.result, content_hash=newest.content_hash, options=newest.options, finished=True
                    )
        left = [submission for submission in submissions if submission.name not in done]
        jobs = {submission.name: work_on.job(submission) for submission in left}
        most = max((sum(map(job.wants, ground.checks)) for job in jobs.values()), default=len(ground.checks))
        watcher.begin([*missing, *(each.name for each in left)], list(done.values()), most)
        if not left and not missing:
            return [done[name] for name in names]
        batch = gradebook.begin_batch(folder, dataclasses.asdict(settings))

        sent: dict[str, Job] = {}

        def evidence(name: str) -> Path:
            return work / "evidence" / str(sorted(hashes).index(name))

        def keep(graded: Graded, *, counts: bool = True) -> None:
            graded = work_on.graded(graded)
            result = graded.result
            gradebook.record(
                result,
                content_hash=hashes.get(result.submission, ""),
                options=work_on.options(result.submission),
                partial=bool(settings.only) or not counts,
                finished=graded.finished,
                batch=batch,
            )
            done[result.submission] = result
            if result.submission in sent:
                bundles.write(
                    results / "replay", sent[result.submission], result, evidence(result.submission), work,
                    content_hash=hashes[result.submission],
                )  # fmt: skip
                shutil.rmtree(evidence(result.submission), ignore_errors=True)
            watcher.ended(graded)

        for name, why in missing.items():
            # What was found out before stays the mark, since nothing was found out now.
            before = gradebook.latest(name)
            keep(
                single.undecided(work_on.job(Submission(name, folder)), ground, why),
                counts=before is None or not before.result.has_verdict,
            )
        looked = work_on.looked
        skeleton.write(looked.class_starters, work / "starters.json")
        for submission in left:
            job = jobs[submission.name]
            if submission.name in looked.problems:
                why, advice = looked.problems[submission.name], looked.advice.get(submission.name, "")
                keep(Graded(single.refused(job, ground, why, advice), finished=True))
                continue
            if submission.name in looked.unreadable:
                keep(single.undecided(job, ground, looked.unreadable[submission.name]))
                continue
            weak = tuple(sorted(looked.starters(submission.name).weak))
            sent[submission.name] = dataclasses.replace(
                job, starters=str(work / "starters.json"), weak=weak, evidence=str(evidence(submission.name))
            )
        # Closed at once when this is interrupted: the workers end before the folder goes.
        with contextlib.closing(many(list(sent.values()), watcher.check, work)) as results_come:
            for graded in results_come:
                keep(graded)
        gradebook.end_batch(batch)
        return [done[name] for name in names]


class _Work:
    """What a run makes of each submission: the same for all, or as a course has it."""

    def __init__(
        self,
        settings: Settings,
        coursework: Coursework | None,
        names: Sequence[str],
        submissions: Sequence[Submission],
        work: Path,
    ) -> None:
        self._settings, self._coursework, self._names = settings, coursework, names
        self._submissions, self._folder = submissions, work

    @functools.cached_property
    def looked(self) -> Survey:
        """All of the class, also what is done: only all of it shows what the skeleton is."""
        return survey(self._submissions, self._folder, starter=self._settings.starter)

    @functools.cached_property
    def _identities(self) -> Mapping[str, Identity]:
        """Whose each submission is; of a course alone is that asked."""
        assert self._coursework is not None
        return self._coursework.identities(self._names, self.looked.handed)

    def options(self, name: str) -> str:
        """For the gradebook, of one submission."""
        options = self._settings.options
        if self._coursework is None:
            return options
        return f"{options} course={self._coursework.digest} student={self._identities[name].student}".strip()

    def job(self, submission: Submission) -> Job:
        """Of one submission."""
        job = dataclasses.replace(self._settings.job(submission), level=self.level(submission.name))
        if self._coursework is None:
            return dataclasses.replace(job, kit=self._is_workspace(submission.name))
        return self._coursework.job(job, self._identities.get(submission.name, Identity()))

    def level(self, name: str) -> int:
        """Of one submission."""
        return self._settings.level or (2 if self._is_workspace(name) else 1)

    def _is_workspace(self, name: str) -> bool:
        return self.looked.handed.get(name, NOTHING).is_workspace

    def graded(self, graded: Graded) -> Graded:
        """With what the course makes of it."""
        if self._coursework is None:
            return graded
        name = graded.result.submission
        return self._coursework.apply(
            graded,
            self._identities[name],
            self.looked.handed.get(name, NOTHING),
            partial=bool(self._settings.only),
        )


@contextlib.contextmanager
def locked(results: Path) -> Iterator[None]:
    """Hold a folder of results; the kernel lets go of it however this ends.

    Raises:
        LabError: another run holds it, or it cannot be made.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(results, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise LabError(
            f"The folder of results {results} cannot be used: {error.strerror}", "Name another with --output."
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError(
                f"Another `grade` is at work on the results in {results}",
                "Wait for it, or name others with --output.",
            ) from None
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _work_folder(results: Path) -> Iterator[Path]:
    """A folder for the files of a run, on the disk of the results; that of a killed run goes now."""
    work = results.resolve() / ".run"
    machines.sweep()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


_hash_of_starter = functools.lru_cache(maxsize=2)(content_hash)


def _hash(submission: Submission) -> str:
    """Of a submission; what cannot be read has none that any other has."""
    try:
        return content_hash(submission.source)
    except OSError as error:
        return f"unreadable: {error.strerror}"
