"""Replay bundles: for each check that failed a zip with all that it takes to see it fail again.

    results/replay/SUBMISSION/CHECK.zip
        bundle.json         what it was reached with: image, kernel, checks' hash, seed, content hash, verdict
        job.json            as the worker was told it
        starters.json       what was known of the skeleton
        submission.tar.gz   the files, where they are not too many; else bundle.json says where they lay
        failure.txt, transcript.txt, kernel.log, serial.log   what there was to see

SUBMISSION is its name, with a hash where that is not safe as it is.
A bundle may come from anybody: it is read by name, with a limit for each part, and nothing in it is run here.
"""

from __future__ import annotations

import json
import lzma
import shutil
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from grading.evidence import PARTS
from grading.gradebook.files import file_name
from grading.run import parcels
from grading.run.job import Job
from grading.verdicts import ANSWERS, CheckResult, SubmissionResult, check_from_json
from lab.errors import LabError

VERSION = 1
INFORMATION, JOB, STARTERS, SUBMISSION = "bundle.json", "job.json", "starters.json", "submission.tar.gz"

MOST_SUBMISSION = 8 << 20
"""Bytes of packed sources that go into each bundle."""

LIMITS = {INFORMATION: 4 << 20, JOB: 4 << 20, STARTERS: 64 << 20, SUBMISSION: parcels.MOST_BYTES}
"""Bytes of each part that are read; what is told of a failure is shorter."""


TOLD = ("submission", "engine", "monitor", "level", "seed", "student", "course_seed", "suite")
"""What of its `job.json` is believed, as far as it makes sense."""

DAMAGES = (
    OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, EOFError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""What `zipfile`, `json` and a look at what is not there raise."""


@dataclass(frozen=True)
class Bundle:
    """One failure, as it was kept."""

    job: Job
    check: CheckResult
    image: str
    kernel: str
    checks_hash: str
    content_hash: str
    source: str
    """Where the submission lay."""
    packed: bytes
    """The submission; empty where it was too big."""
    starters: str


def write(
    folder: Path, job: Job, result: SubmissionResult, evidence: Path, work: Path, *, content_hash: str
) -> list[Path]:
    """Write a bundle for each check of a result that failed or was not decided.

    Args:
        folder: of all bundles, `results/replay`.
        job: as the worker was told it.
        result: what came of it.
        evidence: where the worker kept what there was to see; a folder for each check.
        work: a folder of ours.
        content_hash: of the submission.

    Raises:
        OSError: this host cannot write.
    """
    place = folder / file_name(result.submission)
    if job.only:  # what else failed is still what the mark says
        for check in result.checks:
            (place / f"{check.id}.zip").unlink(missing_ok=True)
    else:
        shutil.rmtree(place, ignore_errors=True)  # those of an earlier run would speak of other files
    failed = [
        check
        for check in result.checks
        if check.verdict in ("failed", "error") and check.group != ANSWERS  # for those no VM was needed
    ]
    if not failed or not (job.source and Path(job.source).exists()):
        return []
    try:
        packed = parcels.pack(job, work)
    except LabError:
        return []  # nothing of it could be opened, and the verdict says why
    place.mkdir(parents=True, mode=0o700, exist_ok=True)
    starters = Path(job.starters).read_text() if job.starters else ""
    return [
        _write(
            place / f"{check.id}.zip", job, result, check, evidence / check.id, packed, starters, content_hash
        )
        for check in failed
    ]


def _write(
    path: Path,
    job: Job,
    result: SubmissionResult,
    check: CheckResult,
    evidence: Path,
    packed: bytes,
    starters: str,
    content_hash: str,
) -> Path:
    information = {
        "version": VERSION,
        "check": check.__dict__,
        "submission": result.submission,
        "image": result.image,
        "kernel": result.kernel,
        "checks_hash": result.checks_hash,
        "content_hash": content_hash,
        "source": job.source,
        "engine": result.engine.__dict__,
        "monitor": result.monitor.__dict__,
        "started": result.started,
    }
    with (
        tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", suffix=".new", delete=False) as new,
        zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        archive.writestr(INFORMATION, json.dumps(information, indent=1))
        archive.writestr(JOB, parcels.job_to_text(job))
        if starters:
            archive.writestr(STARTERS, starters)
        if len(packed) <= MOST_SUBMISSION:
            archive.writestr(SUBMISSION, packed)
        for name in PARTS:
            if (evidence / name).is_file():
                archive.write(evidence / name, name)
    Path(new.name).replace(path)
    return path


def read(path: Path) -> Bundle:
    """Read a bundle.

    Raises:
        LabError: it is none, or damaged, or of another version.
    """
    if not path.is_file():
        raise LabError(f"There is no bundle {path}", "They lie in results/replay/SUBMISSION/CHECK.zip.")
    try:
        with zipfile.ZipFile(path) as archive:
            parts = {name: _part(archive, name) for name in LIMITS if name in archive.namelist()}
        told: dict[str, Any] = json.loads(parts[INFORMATION])
        if told["version"] != VERSION:
            raise LabError(f"{path} is a bundle of version {told['version']}, not {VERSION}")
        return Bundle(
            job=_job(json.loads(parts[JOB])),
            check=check_from_json(told["check"]),
            image=str(told["image"]),
            kernel=str(told["kernel"]),
            checks_hash=str(told["checks_hash"]),
            content_hash=str(told["content_hash"]),
            source=str(told["source"]),
            packed=parts.get(SUBMISSION, b""),
            starters=parts.get(STARTERS, b"").decode(),
        )
    except DAMAGES as error:
        raise LabError(f"{path} is no bundle, or damaged: {error}", "Name another one.") from error


def _job(values: dict[str, Any]) -> Job:
    """What of a job makes its result; where it ran and what it wrote is another host's."""
    job = Job(**{name: values[name] for name in TOLD if name in values}, weak=tuple(values.get("weak", ())))
    texts = (*(getattr(job, name) for name in TOLD if name != "level"), *job.weak)
    if job.level not in (1, 2) or not all(isinstance(each, str) for each in texts):
        raise ValueError(f"{JOB} makes no sense")
    return job


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    # As they are written. Of the others `zipfile` expands all that 4 KiB hold at once, which may be gigabytes.
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{name} is compressed as none of ours is")
    with archive.open(name) as file:
        content = file.read(LIMITS[name] + 1)
    if len(content) > LIMITS[name]:
        raise ValueError(f"{name} is too long")
    return content
