"""A submission opened: a folder of ours with only the regular files of it that may matter.

Out of a folder, a clone or an archive (with archives in it) comes the same: no link, no
device, no `.git`, no root file system, names that make takes. What was left out is noted.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from grading.submissions.archives import is_named_as_archive, stem, unpack
from grading.submissions.found import Submission
from grading.submissions.limits import MIB, Budget, Limits, TooMuch
from grading.submissions.rootfs import TARBALL, folders_of_rootfs
from grading.submissions.site import Parts, Site, printable, read_pieces
from lab.errors import LabError

NEVER = frozenset(
    {".git", ".svn", ".hg", "__MACOSX", ".DS_Store", "Thumbs.db", ".vscode", ".idea", ".venv", "node_modules"}
    | {"__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
    | {".boxwright"}  # what `lab` keeps in a workspace for itself, such as copies of regions
)
"""What programs left there; not worth a note."""

LARGEST_INNER = 32 * MIB
"""Bytes of an archive within a submission that is still unpacked: sources are small."""


@dataclass(frozen=True)
class Tree:
    """A submission's files on this host, as long as it is open."""

    root: Path
    """Its top folder; where everything lay in one folder of an archive, that one."""
    notes: tuple[str, ...] = ()
    """What was left out or renamed, a sentence each."""
    unpacked: frozenset[str] = frozenset()
    """Folders that an archive in the submission was unpacked into; POSIX, within the tree."""


@contextmanager
def opened(submission: Submission, work: Path, limits: Limits | None = None) -> Iterator[Tree]:
    """Unpack or copy a submission into `work`, and remove it at the end.

    Args:
        submission: one that `found.find` named.
        work: a folder of ours, for this submission alone.
        limits: how much it may hold.

    Raises:
        LabError: it is missing, empty, damaged, encrypted, or too big: a problem of this submission alone.
        OSError: this host cannot read or write (a full disk, say).
    """
    root = work / "tree"
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True, mode=0o700)
    site = Site(root, Budget(limits or Limits()))
    try:
        try:
            tree = _laid_down(submission.source, site)
        except LabError as error:
            raise LabError(f"{submission.name}: {error.what}", error.remedy) from error
        yield tree
    finally:
        shutil.rmtree(root, ignore_errors=True)


def _laid_down(source: Path, site: Site) -> Tree:
    if source.is_dir():
        _copy_folder(source, (), site)
    elif source.is_file():
        unpack(source, site)
    else:
        raise LabError(
            f"{source} is not there, or neither a folder nor an archive", "Look what it should be."
        )
    unpacked = _unpack_inner(site)
    _without_rootfs(site)
    site.settle_links()
    if not any(path.is_file() for path in site.root.rglob("*")):
        notes = "; ".join(site.notes.sentences())
        raise LabError(f"nothing in it can be graded{f' ({notes})' if notes else ': it is empty'}")
    root = site.root
    if source.is_file():
        inside = list(root.iterdir())
        if len(inside) == 1 and inside[0].is_dir():
            root = inside[0]
    within = (site.path(base) for base in unpacked)
    places = frozenset(path.relative_to(root).as_posix() for path in within if path.is_relative_to(root))
    return Tree(root, site.notes.sentences(), places)


def _copy_folder(folder: Path, place: Parts, site: Site) -> None:
    """Copy a folder's regular files; links are written down, everything else is left out."""
    rootfs = folders_of_rootfs(folder)
    if rootfs:
        site.notes.add("left out, a root file system", "/".join(place) or ".")
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        if entry.name in NEVER or entry.name.startswith("._") or entry.name in rootfs:
            continue
        parts = site.parts(entry.name, place)
        if parts is None:
            continue
        shown = "/".join(parts)
        try:
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                site.link(parts, str(Path(entry.path).readlink()))
            elif stat.S_ISDIR(status.st_mode):
                if site.folder(parts):
                    _copy_folder(Path(entry.path), parts, site)
            elif not stat.S_ISREG(status.st_mode):
                site.notes.add("left out, neither file nor folder", shown)
            elif status.st_size > site.budget.limits.file_bytes:
                site.notes.add(f"left out, longer than {site.budget.limits.file_bytes:,} bytes", shown)
            else:
                pieces = read_pieces(Path(entry.path))
                site.file(parts, pieces, executable=bool(status.st_mode & 0o111))
        except PermissionError:
            site.notes.add("left out, it may not be read", shown)


def _unpack_inner(site: Site) -> list[Parts]:
    """Unpack the archives in the submission, and those in them, each beside itself; the folders that they gave."""
    unpacked: list[Parts] = []
    for _ in range(site.budget.limits.depth):
        inner = [path for path in sorted(site.root.rglob("*")) if _is_inner(path)]
        if not inner:
            return unpacked
        for path in inner:
            parts = path.relative_to(site.root).parts
            shown = "/".join(parts)
            if TARBALL in path.name or path.stat().st_size > LARGEST_INNER:
                site.notes.add("left out, a tarball that is no source", shown)
            else:
                base = _free(parts, site)
                try:
                    unpack(path, site, base)
                    unpacked.append(base)
                    site.notes.add("unpacked, an archive in the submission", shown)
                except TooMuch:
                    raise
                except LabError as error:
                    site.notes.add("left out", f"{shown} ({printable(error.what)})")
                    site.forget(base)
            site.forget(parts)
    for path in site.root.rglob("*"):
        if _is_inner(path):
            site.notes.add("not unpacked, too many archives in archives", str(path.relative_to(site.root)))
    return unpacked


def _is_inner(path: Path) -> bool:
    return path.is_file() and is_named_as_archive(path.name)


def _free(parts: Parts, site: Site) -> Parts:
    """A folder beside an archive that is not there yet."""
    name = stem(parts[-1])
    for number in range(1, 100):
        candidate = (*parts[:-1], name if number == 1 else f"{name}_unpacked_{number}")
        if not site.path(candidate).exists() and candidate not in site.links:
            return candidate
    raise LabError(f"too many things beside {'/'.join(parts)} have its name")


def _without_rootfs(site: Site) -> None:
    """Remove root file systems that came out of archives, and what programs left there."""
    for folder, subfolders, files in os.walk(site.root):
        here = Path(folder)
        parts = here.relative_to(site.root).parts
        rootfs = folders_of_rootfs(here)
        if rootfs:
            site.notes.add("left out, a root file system", "/".join(parts) or ".")
        for name in (rootfs | NEVER) & set(subfolders):
            site.forget((*parts, name))
            subfolders.remove(name)
        for name in files:
            if name in NEVER or name.startswith("._"):
                site.forget((*parts, name))
