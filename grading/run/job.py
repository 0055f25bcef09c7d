"""What is to be graded, as one process is told it, and the session that comes of it."""

from __future__ import annotations

import dataclasses
import json
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from grading.api.checks import Check
from grading.guest.tools import tools
from grading.guest.vm import Guest, fresh_guest, remove_guest
from grading.session import Session, reference_engine, reference_module
from lab import console

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
    seed: str = "boxwright"
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
    folder: str = ""
    """Of a `host`: where the work lies on it; empty where `source` is to be delivered."""
    evidence: str = ""
    """A folder of ours for what `grading.evidence` keeps of each failure; empty to keep nothing."""
    patch_engine: str = ""
    """A patch against the reference, for the grader's own gate."""
    patch_monitor: str = ""
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
        if check.level > self.level:
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
    """The session of a job; the guest is made when the first check asks for it."""
    with console.progress(quiet=True) as progress:
        kit = tools(progress, job.suite or None)

        def open_guest() -> Guest:
            remove_guest(job.machine)
            return fresh_guest(job.machine, kit, progress, job.suite or None)

        job.stack.callback(remove_guest, job.machine)
        engine, monitor = reference_engine(), reference_module()
        return Session(
            open_guest=open_guest, tools=kit, tree=None, leave_out=lambda path: False,
            engine_half=engine, module_half=monitor, level=job.level, seed=job.seed,
        )  # fmt: skip
