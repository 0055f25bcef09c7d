"""What a class's folder holds: one submission for each folder and each archive in it.

Names are kept as a learning platform wrote them (`doejane_12345_engine.zip` becomes
`doejane_12345_engine`); the gradebook matches them with the roster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.gradebook.matching import of_a_platform
from grading.submissions.archives import is_named_as_archive, stem
from grading.submissions.site import printable
from lab.errors import LabError

SIGNS = ("Makefile", "makefile", "GNUmakefile", "submission.toml", "engine", "engine.py")
"""A file of this name in a folder makes it a submission, not a class; so does any C source."""

USUAL = ("boilerplate", "src", "engine", "runtime", "kernel", "monitor")
"""Folders that the halves of a submission lie in; with sources inside they say the same."""


@dataclass(frozen=True)
class Submission:
    """One student's, or one team's, work as it was handed in."""

    name: str
    """Its folder's or archive's name, without the archive's ending."""
    source: Path


def find(folder: Path) -> list[Submission]:
    """The submissions in a class's folder, by name; or the one that `folder` itself is.

    Args:
        folder: a class's folder, one submission's folder, or one archive.

    Raises:
        LabError: there is no such folder, there is nothing in it, or two would have one name.
    """
    if not folder.exists():
        raise LabError(f"{folder} does not exist", "Name a folder with submissions, or one submission.")
    if folder.is_file():
        if not is_named_as_archive(folder.name):
            raise LabError(f"{folder} is neither a folder nor an archive", "Name a folder or an archive.")
        return [_submission(folder)]
    if is_one_submission(folder):
        return [_submission(folder.resolve())]
    found = [_submission(path) for path in _listed(folder) if _may_be_one(path)]
    if not found:
        raise LabError(
            f"{folder} holds no submission", "Put folders or archives into it, one for each student or team."
        )
    _all_different(folder, found)
    return sorted(found, key=lambda submission: submission.name)


def left_aside(folder: Path) -> list[str]:
    """Names in a class's folder that count as no submission, such as rosters; hidden ones are not named."""
    if not folder.is_dir() or is_one_submission(folder):
        return []
    return [printable(path.name) for path in _listed(folder) if not _may_be_one(path)]


def is_one_submission(folder: Path) -> bool:
    """Whether a folder is itself a submission: it, or a folder such as `src` in it, holds sources."""
    if _holds_sources(folder) or any(_holds_sources(folder / name) for name in USUAL):
        return True
    # A clone with its work deeper down. A class's folder may be a repository, too: then it holds clones.
    inside = list(_listed(folder))
    several = any(is_named_as_archive(path.name) or _is_there(path / ".git") for path in inside)
    return _is_there(folder / ".git") and not several


def _holds_sources(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    return any(
        path.is_file() and (path.name in SIGNS or (path.suffix == ".c" and not of_a_platform(path.name)))
        for path in folder.iterdir()
    )


def is_hidden(name: str) -> bool:
    """Whether a name in a class's folder is passed over without a word, as that of no submission."""
    return name.startswith((".", "__MACOSX"))


def _listed(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir()) if not is_hidden(path.name))


def _may_be_one(path: Path) -> bool:
    # A link that leads nowhere counts: whoever made it meant a submission, and is told.
    broken = path.is_symlink() and not path.exists()
    return (path.is_dir() and not _is_ours(path)) or broken or is_named_as_archive(path.name)


def _is_ours(folder: Path) -> bool:
    """Whether it holds the gradebook or the report of a class that was graded where it lies."""
    # Loaded here: whoever takes one submission asks for neither.
    from grading.gradebook.store import NAME

    if _is_there(folder / NAME):
        return True
    if not _is_there(folder / "index.html"):
        return False
    from grading.pages.write import is_report

    return is_report(folder)


def _is_there(path: Path) -> bool:
    """Whether there is such a thing; not, in a folder that may not be looked into: it is graded, which says so."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _submission(path: Path) -> Submission:
    return Submission(printable(path.name if path.is_dir() else stem(path.name)), path)


def _all_different(folder: Path, found: list[Submission]) -> None:
    first: dict[str, Submission] = {}
    for submission in found:
        other = first.setdefault(submission.name, submission)
        if other is not submission:
            pair = f"{printable(other.source.name)} and {printable(submission.source.name)}"
            raise LabError(
                f"{pair} in {folder} would both be graded as {submission.name}",
                "Take one of them away, or give it another name.",
            )
