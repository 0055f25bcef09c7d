"""The folder that a report is: written whole or not at all, and only for its owner, because it holds marks."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from grading.gradebook.ledger import Ledger
from grading.pages.model import Similar
from grading.pages.names import file_names
from grading.pages.render import GENERATOR, class_page, rows_of, student_page
from grading.verdicts import SubmissionResult
from lab.errors import LabError

TO_HAND_OUT = "students"
"""The folder of the students' copies, where hidden checks keep their secrets."""
WITH_EVERYTHING = "instructor"
"""The folder of the same pages with all there is."""


def check_folder(folder: Path) -> None:
    """Refuse a place that cannot take the report, before anything is done.

    Raises:
        LabError: it is a file, holds something else than a report, or cannot be written.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise LabError(f"{folder} is not a folder", "Name another with --output.")
    if folder.is_dir() and any(folder.iterdir()) and not is_report(folder):
        raise LabError(
            f"The folder {folder} holds something else than a report", "Name another with --output."
        )
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise LabError(f"There is no folder {parent}", "Make it, or name another with --output.")
    if not os.access(parent, os.W_OK):
        raise LabError(f"The folder {parent} cannot be written", "Name another with --output.")


def is_report(folder: Path) -> bool:
    """Whether a folder is what `write_report` made."""
    try:
        with (folder / "index.html").open(encoding="utf-8", errors="replace") as page:
            return f'content="{GENERATOR}"' in page.read(4096)
    except OSError:
        return False


def write_report(
    folder: Path,
    results: Sequence[SubmissionResult],
    *,
    title: str,
    ledger: Ledger | None = None,
    similar: Sequence[Similar] = (),
) -> Path:
    """Write the class page and the submissions' pages; a report that is there is replaced.

    Args:
        folder: where to; its parent must be there.
        results: one for each submission, names unlike each other.
        title: what the class is called.
        ledger: whose they are, and their marks.
        similar: pairs of submissions with much in common, the most similar first.

    Returns:
        The class page.

    Raises:
        LabError: the folder cannot take the report (see `check_folder`).
        ValueError: two results are of one submission.
    """
    check_folder(folder)
    names = file_names(result.submission for result in results)
    if len(names) != len(results):
        raise ValueError("two results of one submission")
    rows = rows_of(ledger)
    folder = folder.absolute()
    half = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for copy in (TO_HAND_OUT, WITH_EVERYTHING):
            (half / copy).mkdir()
        for result in results:
            file, its_rows = names[result.submission], rows.get(result.submission, ())
            _write(half / TO_HAND_OUT / file, student_page(result, rows=its_rows))
            whole = student_page(
                result,
                rows=its_rows,
                to_hand_out=False,
                class_link="../index.html",
                copy_link=f"../{TO_HAND_OUT}/{file}",
            )
            _write(half / WITH_EVERYTHING / file, whole)
        links = {name: f"{WITH_EVERYTHING}/{file}" for name, file in names.items()}
        page = class_page(results, title=title, links=links, ledger=ledger, similar=similar)
        _write(half / "index.html", page)
        _put(half, folder)
    finally:
        if half.exists():
            shutil.rmtree(half)
    return folder / "index.html"


def _write(path: Path, page: str) -> None:
    path.write_text(page, encoding="utf-8")


def _put(half: Path, folder: Path) -> None:
    """Let the finished folder take its place, and what was there go."""
    if not folder.exists():
        half.rename(folder)
        return
    old = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    folder.rename(old / "old")
    half.rename(folder)
    shutil.rmtree(old)
