"""A class of made-up submissions, and workers that stand in for those with a VM."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grading.api.checks import Check
from grading.run import batch, pool, worker
from grading.run.batch import Settings
from grading.run.coursework import Coursework
from grading.run.job import Job
from grading.run.single import Graded, Ground
from grading.run.worker import Cancel
from grading.verdicts import CheckResult, SubmissionResult

STAND_IN = Path(__file__).with_name("stand_in.py")
IDS = ("build.engine", "logs.whole", "control.code")


def check(id_: str, **other: object) -> Check:
    group = id_.partition(".")[0]
    given = {
        "points": 2.0, "level": 1, "needs": (), "hint": "", "half": "engine", "stage": "shared", "hidden": False,
        "title": "It does", "rationale": "Because.", **other,
    }  # fmt: skip
    return Check(id=id_, group=group, **given)  # type: ignore[arg-type]


def command(job: Path, results: Path) -> list[str]:
    return [sys.executable, str(STAND_IN), str(job), str(results)]


def made_up_ground() -> Ground:
    return Ground(tuple(check(id_) for id_ in IDS), "checks-1", "image-1", "6.12", limit=60.0)


GOOD = "\n".join(f"pass {id_}" for id_ in IDS)


@dataclass
class Seen:
    """A watcher that remembers."""

    names: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    checks: list[tuple[str, str]] = field(default_factory=list)
    graded: list[Graded] = field(default_factory=list)

    def begin(self, names: Sequence[str], done: Sequence[SubmissionResult], checks: int) -> None:
        self.names, self.done = list(names), [each.submission for each in done]

    def check(self, submission: str, check: CheckResult) -> None:
        self.checks.append((submission, check.id))

    def ended(self, graded: Graded) -> None:
        self.graded.append(graded)


class Class:
    """A class in a folder, its results beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "class"
        self.results = folder / "results"
        self.ground = made_up_ground()
        self.cleaned: list[str] = []
        self.seen = Seen()

    def hand_in(self, name: str, act: str = GOOD) -> Path:
        submission = self.folder / name
        submission.mkdir(parents=True, exist_ok=True)
        (submission / "act").write_text(act)
        (submission / "engine.c").write_text(f"int main(void) {{ return {len(name)}; }} /* {name} */\n")
        return submission

    def calls(self, name: str) -> int:
        """How often a worker was started for it."""
        file = self.folder / f"{name}.calls"
        return file.stat().st_size if file.exists() else 0

    def run(
        self, settings: Settings | None = None, places: int = 2, coursework: Coursework | None = None
    ) -> dict[str, SubmissionResult]:
        self.seen = Seen()
        many = pool.local(self.ground, places, command=command, clean=self.cleaned.append)
        found = batch.run(
            self.folder, settings or Settings(), self.ground, many, results=self.results, watcher=self.seen,
            coursework=coursework,
        )  # fmt: skip
        return {result.submission: result for result in found}


@pytest.fixture
def a_class(tmp_path: Path) -> Class:
    return Class(tmp_path)


@pytest.fixture
def worked(tmp_path: Path) -> Callable[..., worker.Ending]:
    """Runs one worker to its end."""

    def run(act: str, limit: float = 30.0, **other: object) -> worker.Ending:
        source = tmp_path / "ann"
        source.mkdir()
        (source / "act").write_text(act)
        folder = tmp_path / "one"
        folder.mkdir()
        job = Job(submission="ann", source=str(source), machine="grade-1-1-0")
        return worker.work(
            job,
            folder,
            Cancel(),
            limit=limit,
            command=command,
            clean=lambda machine: None,
            **other,  # type: ignore[arg-type]
        )

    return run
