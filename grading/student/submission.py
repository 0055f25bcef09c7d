"""Makes the archive that a student hands in, and refuses in words what the grader would refuse."""

from __future__ import annotations

import ast
import gzip
import hashlib
import importlib.metadata
import io
import json
import re
import tarfile
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from grading.run.content import checks_hash
from grading.student.work import kept_files, opened_with
from grading.submissions.archives import ENDINGS
from grading.submissions.candidates import Half
from grading.submissions.taking import Choice
from lab.errors import LabError
from lab.exercises import catalogue, regions
from lab.files import write_output
from lab.workspace import progress
from lab.workspace.state import Workspace

MANIFEST = "manifest.json"
FORMAT = 1
"""Version of the manifest."""

LINKS = "left out, the link leads"
"""How the grader begins a note on a link that leads elsewhere."""


@dataclass(frozen=True)
class Made:
    """An archive that was made."""

    file: Path
    digest: str
    """SHA-256 of its bytes."""
    manifest: dict[str, Any]
    notes: tuple[str, ...]
    """What the student should know of, a sentence each."""


def default_place(workspace: Workspace) -> Path:
    """Where the archive goes if nobody says it: beside the workspace, by the student's id or the folder's name."""
    return workspace.folder.resolve().parent / f"{_word(workspace)}.tar.gz"


def _word(workspace: Workspace) -> str:
    text = workspace.student or workspace.folder.resolve().name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "submission"


def make(workspace: Workspace, output: Path) -> Made:
    """Make the archive.

    Args:
        workspace: the student's.
        output: the file; replaced where it is there.

    Raises:
        LabError: the grader would refuse it, or could make nothing of it.
        OSError: this host cannot write it.
    """
    if not output.name.endswith((".tar.gz", ".tgz")):
        remedy = "Let its name end in .tar.gz" + (
            "; the grader knows others, lab makes this one." * output.name.endswith(ENDINGS)
        )
        raise LabError(f"{output} is no name for the archive", remedy)
    _whole_markers(workspace)
    if workspace.folder.resolve() in output.resolve().parents:
        raise LabError(
            f"{output} lies in the workspace, and would be part of what you hand in next",
            f"Name a place outside of it, such as {default_place(workspace)}.",
        )
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="boxwright-"))
        tree, chosen = stack.enter_context(opened_with(workspace, Path(folder)))
        links = next((note for note in tree.notes if LINKS in note), None)
        if links is not None:
            raise LabError(
                f"Links out of the workspace are not taken: {links}", "Put the files themselves there."
            )
        halves: tuple[tuple[Half, Choice | None], ...] = (
            ("engine", chosen.engine), ("monitor", chosen.monitor)
        )  # fmt: skip
        for half, choice in halves:
            if choice is None:
                why = "; ".join(chosen.why(half)) or f"no {half} found"
                raise LabError(why[0].upper() + why[1:], "`git status` shows what was moved or removed.")
        contents = {name: path for name, path in kept_files(tree).items() if name != MANIFEST}
        files = {name: path.read_bytes() for name, path in contents.items()}
        programs = frozenset(name for name, path in contents.items() if path.stat().st_mode & 0o111)
        notes = (*tree.notes, *_unparsable(files))
    changed = _changed(workspace, files)
    manifest = _manifest(workspace, files, changed)
    data = _packed(_word(workspace), files, programs, manifest, changed)
    write_output(output, data)
    return Made(output, hashlib.sha256(data).hexdigest(), manifest, notes)


def _whole_markers(workspace: Workspace) -> None:
    """Make sure that every region still stands between its markers."""
    wanted: dict[str, list[str]] = {}
    for region in catalogue.all_regions():
        if workspace.track in region.files:
            wanted.setdefault(region.files[workspace.track], []).append(region.name)
    for path, names in wanted.items():
        try:
            # Only markers are looked for: a letter of another encoding in a comment is nobody's business.
            text = (workspace.folder / path).read_text(encoding="utf-8", errors="surrogateescape")
            there = regions.find(text, path)
        except OSError as error:
            raise LabError(
                f"{path} cannot be read: {error.strerror}", f"`git checkout -- {path}` brings it back."
            ) from error
        missing = [name for name in names if name not in there]
        if missing:
            raise LabError(
                f"{path} has no region {missing[0]} any more",
                f"Put its markers back, a line `region {missing[0]}` and a line `endregion {missing[0]}`, as comments.",
            )


def _unparsable(files: Mapping[str, bytes]) -> tuple[str, ...]:
    """Python files that are none, with the place; nothing of them is run."""
    found = []
    for name, content in files.items():
        if name.endswith(".py") or content.startswith(b"#!/usr/bin/env python3"):
            try:
                ast.parse(content, name)
            except (SyntaxError, ValueError) as error:
                line = getattr(error, "lineno", None)
                found.append(
                    f"{name}{f', line {line}' if line else ''}: {getattr(error, 'msg', error)}; nothing starts with it."
                )
    return tuple(found)


def _changed(workspace: Workspace, files: Mapping[str, bytes]) -> int:
    """When something in it was written last: seconds since 1970; that of the archive, so that bytes repeat."""
    times = []
    for name in files:
        try:
            times.append(int((workspace.folder / name).stat().st_mtime))
        except OSError:
            continue  # it has another name there
    return max(times, default=0)


def _manifest(workspace: Workspace, files: Mapping[str, bytes], changed: int) -> dict[str, Any]:
    known = progress.load(workspace)
    return {
        "format": FORMAT,
        "student": workspace.student,
        "course_seed": workspace.course_seed,
        "track": workspace.track,
        "changed": datetime.fromtimestamp(changed, UTC).isoformat(),
        "kit": {"version": importlib.metadata.version("boxwright"), "checks": checks_hash()},
        "hints": [asdict(each) for each in known.hints],
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
    }


def _packed(
    word: str, files: Mapping[str, bytes], programs: frozenset[str], manifest: dict[str, Any], changed: int
) -> bytes:
    """The archive: one folder, root's files, one time, in order."""
    everything = dict(files) | {
        MANIFEST: (json.dumps(manifest, indent=1, ensure_ascii=False) + "\n").encode()
    }
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in sorted(everything):
            member = tarfile.TarInfo(f"{word}/{name}")
            member.size, member.mtime = len(everything[name]), changed
            member.mode = 0o755 if name in programs else 0o644
            member.uname = member.gname = "root"
            archive.addfile(member, io.BytesIO(everything[name]))
    return gzip.compress(tar.getvalue(), mtime=0)
