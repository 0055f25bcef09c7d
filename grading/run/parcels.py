"""What is sent to another host and back: a submission as an archive of ours, and JSON text; nothing else.

The archive is made of the tree as it was opened here, so it holds plain files and folders. It is unpacked as
if it came from a stranger all the same.
"""

from __future__ import annotations

import dataclasses
import io
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from grading.run import reading
from grading.run.job import Job
from grading.run.single import Graded
from grading.submissions import archives
from grading.submissions.found import Submission
from grading.submissions.limits import Budget, Limits
from grading.submissions.site import Site, printable
from grading.submissions.tree import opened
from grading.verdicts import SubmissionResult
from lab.errors import LabError

MOST_BYTES = 64 << 20
"""Of an archive; sources are small."""

LIMITS = Limits(ratio=2000)
"""Of what comes out of one: as of any submission, but that a tree which held them may be of zeros alone."""


def pack(job: Job, work: Path) -> bytes:
    """The submission of a job as tar with gzip.

    Raises:
        LabError: it cannot be opened, or is too big to be sent.
        OSError: this host cannot read or write.
    """
    packed = io.BytesIO()
    with (
        opened(Submission(job.submission, Path(job.source)), work) as tree,
        tarfile.open(fileobj=packed, mode="w:gz", compresslevel=3, format=tarfile.PAX_FORMAT) as archive,
    ):
        for path in sorted(tree.root.rglob("*")):
            archive.add(path, path.relative_to(tree.root).as_posix(), recursive=False, filter=_nobodys)
    if packed.tell() > MOST_BYTES:
        raise LabError(
            f"{job.submission}: more than {MOST_BYTES >> 20} MiB are too much to be sent to another host",
            "Grade it on this one.",
        )
    return packed.getvalue()


def unpack(packed: bytes, folder: Path) -> None:
    """Lay it down in a folder, out of which nothing of it leads.

    Not by `tarfile`'s own extraction: its filters have let through, in releases that are in use, links by which
    a member is written anywhere, and they know no limit.

    Raises:
        LabError: it is damaged, or not as `pack` makes it.
        OSError: this host cannot write.
    """
    folder.mkdir(parents=True, exist_ok=True)
    site = Site(folder, Budget(LIMITS))
    with tempfile.NamedTemporaryFile(prefix="boxwright-parcel-") as file:
        file.write(packed)
        file.flush()
        try:
            archives.unpack(Path(file.name), site)
        except LabError as error:
            raise LabError(f"What was sent of a submission is damaged: {error.what}") from error
    notes = site.notes.sentences() or tuple(f"a link, {printable(target)}" for target in site.links.values())
    if notes:
        raise LabError(f"What was sent of a submission is damaged: {notes[0]}")


def job_to_text(job: Job) -> str:
    """A job as JSON, without what means something on this host alone."""
    values = {each.name: getattr(job, each.name) for each in dataclasses.fields(job) if each.name != "stack"}
    return json.dumps({**values, "source": "", "starters": "", "machine": "", "evidence": ""})


def graded_to_text(graded: Graded) -> str:
    """What came of a job, as JSON."""
    return json.dumps(
        {
            "result": graded.result.to_json(),
            "finished": graded.finished,
            "said": graded.said,
            "measured": graded.measured,
        }
    )


def graded_from_text(text: str) -> Graded:
    """Read what `graded_to_text` made.

    Raises:
        LabError: what was sent is an error, or makes no sense.
    """
    try:
        value: dict[str, Any] = json.loads(text)
        if "error" in value:
            raise LabError(str(value["error"]), str(value.get("remedy", "")))
        return Graded(
            SubmissionResult.from_json(value["result"]), bool(value["finished"]), str(value["said"]),
            reading.measured(value["measured"]),
        )  # fmt: skip
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise LabError(f"What another host sent makes no sense: {error}") from error


def _nobodys(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member
