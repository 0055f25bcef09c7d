"""What is to be graded, as one process is told it, and the session that comes of it."""

from __future__ import annotations

import dataclasses
import json
import os
import posixpath
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from grading.api.checks import Check
from grading.guest.delivery import TREE
from grading.guest.tools import tools
from grading.guest.vm import Guest, fresh_guest, remove_guest
from grading.halves import Half, reference_engine, reference_module
from grading.session import Session
from grading.submissions.found import Submission
from grading.submissions.leftovers import leftovers
from grading.submissions.taking import Choice, take
from grading.submissions.tree import Tree, opened
from lab import console
from lab.errors import LabError

REFERENCE = "reference"


@dataclass(frozen=True)
class Job:
    """One submission and how it is to be graded."""

    submission: str = REFERENCE
    source: str = ""
    """Folder or archive on this host; empty for the reference itself."""
    engine: str = ""
    """A path in the submission, `reference`, or empty: to be found."""
    monitor: str = ""
    level: int = 2
    kit: bool = True
    """Whether it is work on this kit's exercises: what these teach beyond the contract is asked for, too."""
    seed: str = "boxwright"
    student: str = ""
    """The id whose own numbers the checks use; empty for nobody's. Never what the submission says of itself."""
    course_seed: str = ""
    """Of the course; with the id it gives the numbers. `seed` stays another, that nobody knows beforehand."""
    suite: str = ""
    """The guest's release; empty for the default one."""
    machine: str = ""
    """The name of its machine."""
    only: tuple[str, ...] = ()
    """Ids or groups of checks; empty for all."""
    starters: str = ""
    """A file that `grading.run.skeleton` wrote: what is known of the skeleton; empty where nothing is."""
    weak: tuple[str, ...] = ()
    """Digests of the files in the submission's own first commit; see `Starters.weak`."""
    host: str = ""
    """A machine of the lab that is there already and is graded as it stands; empty for a fresh one."""
    evidence: str = ""
    """A folder of ours for what `grading.evidence` keeps of each failure; empty to keep nothing."""
    keep: str = ""
    """The id of a check: where it fails, the machine is held as it is then; see `grading.evidence`."""
    stack: ExitStack = field(default_factory=ExitStack, compare=False, repr=False)

    @classmethod
    def reference(cls) -> Job:
        """Both halves are ours."""
        return cls(machine=f"checks-{os.getpid()}")

    @classmethod
    def read(cls, path: Path) -> Job:
        """What `write` wrote."""
        value = json.loads(path.read_text())
        tuples = {name: tuple(value.get(name, ())) for name in ("only", "weak")}
        return cls(**{**value, **tuples})

    def write(self, path: Path) -> None:
        """As JSON."""
        names = [each.name for each in dataclasses.fields(self) if each.name != "stack"]
        path.write_text(json.dumps({name: getattr(self, name) for name in names}))

    def wants(self, check: Check) -> bool:
        """Whether a check is to be run."""
        if check.level > self.level or (check.beyond and not self.kit):
            return False
        if self.source and self.engine == REFERENCE and check.half == "engine":
            return False
        if self.source and self.monitor == REFERENCE and check.half == "monitor":
            return False
        return not self.only or check.id in self.only or check.group in self.only

    def clean_up(self) -> None:
        """Remove the machine and what was unpacked."""
        self.stack.close()


def open_session(job: Job) -> Session:
    """The session of a job; the guest is made when the first check asks for it.

    Raises:
        LabError: the submission cannot be opened, or makes no sense: its own problem.
    """
    tree: Tree | None = None
    engine, monitor = reference_engine(), reference_module()
    behind: frozenset[Path] = frozenset()
    if job.source:
        from grading.run.skeleton import read

        work = Path(job.stack.enter_context(tempfile.TemporaryDirectory(prefix="boxwright-")))
        tree = job.stack.enter_context(opened(Submission(job.submission, Path(job.source)), work))
        chosen = take(tree, starters=read(job), engine=job.engine or None, monitor=job.monitor or None)
        engine = half_of(chosen.engine, engine, (*chosen.why("engine"), *tree.notes))
        monitor = half_of(chosen.monitor, monitor, (*chosen.why("monitor"), *tree.notes))
        behind = frozenset(path.relative_to(tree.root) for path in leftovers(tree.root))
    try:
        with console.progress(quiet=True) as progress:
            kit = tools(progress, job.suite or None)
    except LabError as error:
        raise RuntimeError(f"the observer cannot be made: {error}") from error  # ours: no point is lost

    def open_guest() -> Guest:
        if job.host:
            from grading.run.standing import standing_guest

            return standing_guest(job.host, kit)
        with console.progress(quiet=True) as progress:
            remove_guest(job.machine)
            return fresh_guest(job.machine, kit, progress, job.suite or None)

    job.stack.callback(remove_guest, job.machine)
    return Session(
        open_guest=open_guest, tools=kit, tree=tree.root if tree else None, left_behind=behind,
        engine_half=engine, module_half=monitor, level=job.level, seed=job.seed,
        student=job.student, course_seed=job.course_seed,
    )  # fmt: skip


def half_of(choice: Choice | None, ours: Half, notes: tuple[str, ...]) -> Half:
    """What was chosen of a submission, with its paths as they are in the guest.

    Args:
        choice: what was taken; None for nothing.
        ours: what stands in where the choice is the reference.
        notes: said of it, too.
    """
    if choice is None:
        return Half("submission", reasons=notes)
    if choice.reference:
        return dataclasses.replace(ours, reasons=choice.reasons)

    def inside(path: str) -> str:
        return posixpath.normpath(posixpath.join(TREE, path))

    attempts = tuple(dataclasses.replace(each, folder=inside(each.folder)) for each in choice.attempts)
    products = tuple(inside(path) for path in choice.products)
    reasons = (*choice.reasons, *notes)
    return Half("submission", inside(choice.folder), attempts, products, reasons, choice.sources)
