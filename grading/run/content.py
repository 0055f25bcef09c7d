"""Names what is graded, and what it is graded with, by content: equal names mean that a result would be equal."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from grading.submissions.limits import Limits
from grading.submissions.site import read_pieces
from grading.submissions.tree import NEVER
from lab import paths

EXERCISES = paths.EXERCISES
"""Where the checks are; `paths.exercises` knows where else."""


class _Digest(Protocol):
    def update(self, data: bytes, /) -> None: ...


def content_hash(source: Path) -> str:
    """SHA-256 over a submission as it was handed in: an archive's bytes, or a folder's names and files.

    Times, owners and what `tree.NEVER` leaves out do not count; of files too long to be taken only the length.

    Raises:
        OSError: something in it cannot be read.
    """
    digest = hashlib.sha256()
    source = source.resolve()  # a link that the instructor laid; within a submission none is followed
    if source.is_dir():
        for path, name in _below(source):
            _add(digest, name, *_status(path))
            if path.is_file() and not path.is_symlink():
                _add_content(digest, path)
    else:
        for piece in read_pieces(source):
            digest.update(piece)
    return digest.hexdigest()


def checks_hash(exercises: Path = EXERCISES) -> str:
    """SHA-256 over the checks and what they are written with: equal hashes mean equal checks."""
    digest = hashlib.sha256()
    api = Path(__file__).resolve().parent.parent / "api"
    tops = [(top, "test_*.py") for top in paths.exercises(exercises)]
    for top, pattern in (*tops, (api, "*.py")):
        for path in sorted(top.rglob(pattern)):
            _add(digest, os.fsencode(f"{top.name}/{path.relative_to(top).as_posix()}"), path.read_bytes())
    return digest.hexdigest()


def _below(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """All but folders that is below a folder, as far as it would be taken; no link is followed."""
    limits = Limits()
    left = [(folder, b"")]
    listed = 0
    while left and listed <= limits.members:
        here, within = left.pop()
        try:
            with os.scandir(here) as entries:
                inside = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError:  # it may not be read, or lies too deep: it is left out there, too
            continue
        listed += len(inside)
        for entry in inside:
            if entry.name in NEVER:
                continue
            name = within + b"/" + os.fsencode(entry.name)
            if entry.is_dir(follow_symlinks=False):
                if name.count(b"/") <= limits.folders:
                    left.append((Path(entry.path), name))
            else:
                yield Path(entry.path), name


def _status(path: Path) -> tuple[bytes, bytes]:
    status = path.lstat()
    kind = b"%o %d %d" % (stat.S_IFMT(status.st_mode), bool(status.st_mode & 0o111), status.st_size)
    return kind, os.fsencode(path.readlink()) if stat.S_ISLNK(status.st_mode) else b""


def _add_content(digest: _Digest, path: Path) -> None:
    if path.lstat().st_size > Limits().file_bytes:
        return
    try:
        for piece in read_pieces(path):
            digest.update(piece)
    except PermissionError:
        digest.update(b"may not be read")


def _add(digest: _Digest, *fields: bytes) -> None:
    """Each with its length before it, so that no two lists of fields look alike."""
    for field in fields:
        digest.update(b"%d:" % len(field) + field)
