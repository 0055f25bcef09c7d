"""Files of the gradebook's exports: what they are called, and who may read them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.files import write_outputs

_LONGEST = 120
"""Bytes of a file's name that come from a submission's name; NAME_MAX is 255, and endings follow."""

_DIGITS = 12
"""Of a hash that is put behind a name."""

_LOOKS_HASHED = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}\Z", re.IGNORECASE)


def write(path: Path, data: bytes) -> None:
    """Write a file whole, or leave what was there.

    Raises:
        LabError: it cannot be written there.
    """
    write_all({path: data})


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write all of these files, or none; marks are nobody else's business, hence the mode.

    Raises:
        LabError: one cannot be written there.
    """
    try:
        write_outputs(files, mode=0o600)
    except OSError as error:
        raise LabError(
            f"{error.filename} cannot be written: {error.strerror}", "Name another place with --output."
        ) from error


def file_names(submissions: list[str]) -> dict[str, str]:
    """A file name for each submission: its own where that is safe, and no two alike, in whatever case."""
    found: dict[str, str] = {}
    taken: set[str] = set()
    for submission in submissions:
        name = _safe(submission)
        if name.casefold() in taken:
            name = _hashed(submission)
        taken.add(name.casefold())
        found[submission] = name
    return found


def file_name(submission: str) -> str:
    """A file name that follows from a submission's name alone: its own where that is safe, or with its hash.

    What looks as if it had another one's hash gets its own. Those that differ in nothing but case are apart only
    where the disk holds them apart.
    """
    name = _safe(submission)
    return name if name == submission and not _LOOKS_HASHED.search(name) else _hashed(submission)


def _safe(text: str, longest: int = _LONGEST) -> str:
    kept = "".join(char if char.isalnum() or char in "._- +@()," else "_" for char in text).lstrip(".- ")
    if not kept or len(kept.encode("utf-8", "replace")) > longest:
        start = kept.encode("utf-8", "replace")[: longest - 1 - _DIGITS].decode("utf-8", "ignore")
        kept = f"{start}-{_short_hash(text)}".lstrip("-")
    return kept


def _hashed(submission: str) -> str:
    return f"{_safe(submission, _LONGEST - 1 - _DIGITS)}-{_short_hash(submission)}"


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
