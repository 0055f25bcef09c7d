from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from grading.submissions.found import Submission
from grading.submissions.limits import Limits
from grading.submissions.tree import opened

NOBODY = 65534
"""The user id that owns nothing; Linux's overflow uid."""

LaidDown = Callable[..., tuple[dict[str, bytes], tuple[str, ...]]]


@pytest.fixture(scope="session")
def laid_down() -> LaidDown:
    """What is in a submission's tree, and its notes; and that there are only plain files and folders."""

    def lay_down(
        source: Path, work: Path, limits: Limits | None = None
    ) -> tuple[dict[str, bytes], tuple[str, ...]]:
        with opened(Submission("alice", source), work, limits) as tree:
            found = {}
            for path in tree.root.rglob("*"):
                status = path.lstat()
                assert stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode), path
                assert not status.st_mode & 0o7022, path
                assert status.st_nlink == 1 or path.is_dir()
                if path.is_file():
                    found[path.relative_to(tree.root).as_posix()] = path.read_bytes()
            notes = tree.notes
        assert not (work / "tree").exists()
        return found, notes

    return lay_down


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Writes a file into the folder tmp_path/hand-in and returns that folder."""
    folder = tmp_path / "hand-in"

    def write(name: str, text: str) -> Path:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return folder

    return write


@pytest.fixture
def nobody() -> Iterator[Path]:
    """A folder of a user who is not root, as whom the test runs: nothing is hidden from root."""
    # What is loaded late could not be read by nobody where the checkout lies in a closed folder.
    import grading.gradebook.store
    import grading.pages.write  # noqa: F401

    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        if os.geteuid():
            yield Path(name)
            return
        os.chown(name, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            os.seteuid(0)
