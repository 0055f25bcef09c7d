"""Which file each submission's page is: a name that is one on every system and leaves no folder."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

MOST = 60
"""Characters of a submission's name that are kept; the longest file name is 255 bytes on most systems."""
RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Devices on Windows, with whatever ending."""


HASH = 10
"""Hexadecimal digits of a hash that are put behind a name."""


def file_names(submissions: Iterable[str]) -> dict[str, str]:
    """A file name for each submission, `.html` included, without a folder in it.

    A name that is harmless stays as it is, so that links go on working when a class is
    graded again. One that had to be changed, or that differs from another only in upper
    and lower case, carries a part of its hash, by which it is unlike all others.
    """
    wanted = {each: _harmless(each) for each in submissions}
    how_often = Counter(stem.casefold() for stem in wanted.values())
    return {
        each: f"{stem}.html" if _stays(each, stem, how_often) else f"{stem}-{_hash(each)}.html"
        for each, stem in wanted.items()
    }


def _stays(submission: str, stem: str, how_often: Counter[str]) -> bool:
    """Whether the name needs no hash; one that looks as if it had one gets its own."""
    looks_hashed = re.search(rf"-[0-9a-f]{{{HASH}}}$", stem, re.IGNORECASE)
    return stem == submission and how_often[stem.casefold()] == 1 and not looks_hashed


def _harmless(submission: str) -> str:
    """Letters, digits and `._-`, no dot at either end; never empty, and no name of a device."""
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", submission)[:MOST].strip(".-")
    return f"submission-{stem}".rstrip("-") if not stem or RESERVED.fullmatch(stem) else stem


def _hash(submission: str) -> str:
    return hashlib.sha256(submission.encode("utf-8", "surrogatepass")).hexdigest()[:HASH]
