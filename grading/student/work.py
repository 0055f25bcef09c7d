"""What a student has written, taken as the grader takes a submission: which files, and how they are built."""

from __future__ import annotations

import hashlib
import posixpath
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from grading.guest.delivery import NEVER_NEEDED, TREE
from grading.halves import Half, reference_engine, reference_module
from grading.run.job import half_of
from grading.submissions.found import Submission
from grading.submissions.leftovers import leftovers
from grading.submissions.taking import Selection, take
from grading.submissions.tree import Tree, opened
from lab.errors import LabError
from lab.workspace import state
from lab.workspace.state import Workspace

NOT_SOURCES = frozenset((state.FILE, "answers.toml", "README.md", ".gitignore"))
"""Files at the top that nothing is built from."""

SIDES = ("engine", "monitor")


@dataclass(frozen=True)
class File:
    """A file as it goes into the guest."""

    content: bytes
    executable: bool

    @property
    def mode(self) -> int:
        """Its permissions there."""
        return 0o755 if self.executable else 0o644


@dataclass(frozen=True)
class Work:
    """The sources in a workspace at one moment."""

    files: Mapping[str, File]
    """By their paths, POSIX, within the workspace."""
    engine: Half
    monitor: Half
    """As `grading.session` wants them; paths are in the guest."""
    notes: tuple[str, ...]
    """What was left out, and why there is no engine or no monitor; a sentence each."""

    def digest(self, folder: str = ".", without: str = "") -> str:
        """A name for the files below a folder, as far as they are not below another one."""
        digest = hashlib.sha256()
        for path in sorted(self.files):
            if _is_below(path, folder) and not (without and _is_below(path, without)):
                file = self.files[path]
                digest.update(b"%d %d %d:" % (len(path), file.executable, len(file.content)))
                digest.update(path.encode() + file.content)
        return digest.hexdigest()[:32]

    @property
    def digests(self) -> dict[str, str]:
        """What verdicts depend on, by `SIDES`; `both` for what looks at both."""
        monitor = _inside(self.monitor.folder)
        apart = monitor not in ("", ".") and not _is_below(_inside(self.engine.folder) or "-", monitor)
        found = {
            "engine": self.digest(without=monitor if apart else ""),
            "monitor": self.digest(monitor if apart else "."),
        }
        return found | {"both": f"{found['engine'][:16]}{found['monitor'][:16]}"}


def _inside(path: str) -> str:
    """A path of the guest as seen from the submission's top; empty for none."""
    return posixpath.relpath(path, TREE) if path else ""


def _is_below(path: str, folder: str) -> bool:
    return folder in (".", path) or path.startswith(f"{folder}/")


def read(workspace: Workspace) -> Work:
    """The sources as they are now.

    Raises:
        LabError: nothing can be taken of it, with the grader's words.
        OSError: a file cannot be read.
    """
    with (
        tempfile.TemporaryDirectory(prefix="boxwright-") as folder,
        opened_with(workspace, Path(folder)) as (tree, chosen),
    ):
        return taken(tree, chosen)


@contextmanager
def opened_with(workspace: Workspace, folder: Path) -> Iterator[tuple[Tree, Selection]]:
    """A workspace opened as a submission, and what the grader takes of it.

    Args:
        workspace: the student's.
        folder: an empty one of ours.

    Raises:
        LabError: nothing can be taken of it, with the grader's words.
        OSError: a file cannot be read.
    """
    with opened(Submission(workspace.folder.resolve().name, workspace.folder), folder) as tree:
        yield tree, take(tree)


def kept_files(tree: Tree) -> dict[str, Path]:
    """The files of an opened workspace that a build has not left there, by their paths within it."""
    behind = frozenset(leftovers(tree.root))
    return {
        path.relative_to(tree.root).as_posix(): path
        for path in sorted(tree.root.rglob("*"))
        if path.is_file() and not behind & {path, *path.parents}
    }


def taken(tree: Tree, chosen: Selection) -> Work:
    """What was chosen of an opened workspace, read."""
    files = {
        name: File(path.read_bytes(), bool(path.stat().st_mode & 0o111))
        for name, path in kept_files(tree).items()
        if not NEVER_NEEDED.search(path.name)
    }
    return Work(
        {path: file for path, file in files.items() if path not in NOT_SOURCES},
        _first_way(half_of(chosen.engine, reference_engine(), (*chosen.why("engine"), *tree.notes))),
        _first_way(half_of(chosen.monitor, reference_module(), (*chosen.why("monitor"), *tree.notes))),
        (*tree.notes, *chosen.reasons),
    )


def _first_way(half: Half) -> Half:
    """The likeliest way to build alone: what does not build is told at once, and not tried in four other ways."""
    return replace(half, attempts=half.attempts[:1])


def refusal(work: Work) -> LabError | None:
    """Why there is nothing to check; None where there is an engine or a monitor."""
    if work.engine.folder or work.monitor.folder:
        return None
    return LabError("Neither an engine nor a monitor was found", detail="\n".join(work.notes))
