"""What is known of the skeleton, on its way to the process that grades a submission.

It is the same for a whole class, so it lies in one file; what a submission's own first commit says goes
with its job. JSON, because it also travels to other hosts, and nothing made of a submission is unpickled.
"""

from __future__ import annotations

import json
from pathlib import Path

from grading.run.job import Job
from grading.submissions.starters import Starters


def to_text(starters: Starters) -> str:
    """As JSON; what differs between submissions is left out."""
    return json.dumps(
        {"digests": sorted(starters.digests), "runs": sorted(run.hex() for run in starters.runs)}
    )


def write(starters: Starters, path: Path) -> None:
    """Write it for `read`."""
    path.write_text(to_text(starters))


def read(job: Job) -> Starters:
    """What a job is told of the skeleton."""
    known = json.loads(Path(job.starters).read_text()) if job.starters else {"digests": (), "runs": ()}
    return Starters(
        digests=frozenset(known["digests"]),
        runs=frozenset(bytes.fromhex(run) for run in known["runs"]),
        weak=frozenset(job.weak),
    )
