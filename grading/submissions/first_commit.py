"""Reads what a clone's first commit held, without trusting the clone.

A repository from a stranger can name programs in its configuration, its hooks and its
attributes. None of these is taken over: git gets a bare repository made here, which
holds nothing of theirs but objects (plain files with names that git itself gives) and
one commit's number. It reads no work tree, knows no remote, and has little time and memory.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grading.submissions.limits import MIB
from grading.submissions.site import read_pieces
from grading.submissions.sources import LARGEST, MOST, Source, source

LARGEST_STORE = 256 * MIB
"""Bytes of objects that are copied; a bigger repository is not asked."""

MOST_OBJECTS = 50_000

SECONDS = 20.0
"""For each call of git."""

SECONDS_OF_ALL = 60.0
"""For all calls of one clone: each of its files may be a few bytes that are made of hundreds of MiB."""

MEMORY = 1024 * MIB
"""Address space of git, in bytes."""

LONGEST_OUTPUT = 16 * MIB
"""Bytes that one call may write."""

_ID = re.compile(r"[0-9a-f]{40}")
_REF = re.compile(r"ref: (refs/[A-Za-z0-9_][A-Za-z0-9._/+-]*)")
_OBJECT = re.compile(r"[0-9a-f]{2}/[0-9a-f]{38}|pack/pack-[0-9a-f]{40}\.(?:pack|idx)")


@dataclass(frozen=True)
class FirstCommit:
    """The root of a repository's history."""

    id: str
    sources: tuple[Source, ...]


class _NotThere(Exception):
    """The repository does not say; why does not matter, for nothing depends on it."""


def first_commit(clone: Path) -> FirstCommit | None:
    """The first commit of a clone; None if it is no clone, a shallow, a huge, or a damaged one.

    Args:
        clone: a folder with a `.git` folder in it.
    """
    git = clone / ".git"
    if git.is_symlink() or not git.is_dir():
        return None
    try:
        with tempfile.TemporaryDirectory(prefix="boxwright-git-") as work:
            bare = Path(work)
            head = _head(git)
            _copy_objects(git / "objects", bare / "objects")
            (bare / "refs").mkdir()
            (bare / "HEAD").write_text(f"{head}\n")
            (bare / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
            return _read(bare, head)
    except (_NotThere, OSError, subprocess.SubprocessError):
        return None


def _head(git: Path) -> str:
    """The number of the commit that is checked out."""
    said = _text(git / "HEAD").strip()
    if match := _REF.fullmatch(said):
        name = match[1]
        if ".." in name:
            raise _NotThere
        loose = git / name
        if not loose.is_symlink() and loose.is_file():
            said = _text(loose).strip()
        else:
            packed = re.search(
                rf"^([0-9a-f]{{40}}) {re.escape(name)}$", _text(git / "packed-refs"), re.MULTILINE
            )
            said = packed[1] if packed else ""
    if not _ID.fullmatch(said):
        raise _NotThere
    return said


def _text(path: Path) -> str:
    content = b""
    for piece in read_pieces(path):
        content += piece
        if len(content) > MIB:
            raise _NotThere
    return content.decode("ascii", "replace")


def _copy_objects(theirs: Path, ours: Path) -> None:
    """Copy objects and packs: no alternates, no links, nothing with another name."""
    (ours / "pack").mkdir(parents=True)
    size = count = 0
    for folder in [theirs / "pack", *sorted(theirs.glob("[0-9a-f][0-9a-f]"))]:
        if folder.is_symlink() or not folder.is_dir():
            continue
        for path in folder.iterdir():
            inside = f"{folder.name}/{path.name}"
            if not _OBJECT.fullmatch(inside):
                continue
            count += 1
            size += path.lstat().st_size
            if size > LARGEST_STORE or count > MOST_OBJECTS:
                raise _NotThere
            copy = ours / inside
            copy.parent.mkdir(exist_ok=True)
            with copy.open("xb") as out:
                out.writelines(read_pieces(path))


def _read(bare: Path, head: str) -> FirstCommit:
    ends = time.monotonic() + SECONDS_OF_ALL
    roots = _git(bare, "rev-list", "--max-parents=0", head).decode("ascii", "replace").split()
    if not roots or not _ID.fullmatch(roots[-1]):
        raise _NotThere
    root = roots[-1]  # with several, the list ends with the oldest
    listed = _git(bare, "ls-tree", "-r", "-z", "--long", root)
    held: list[Source] = []
    for path, blob in _blobs(listed):
        if time.monotonic() > ends:
            raise _NotThere
        if read := source(path, _git(bare, "cat-file", "blob", blob)):
            held.append(read)
    return FirstCommit(root, tuple(held))


def _blobs(listed: bytes) -> Iterator[tuple[str, str]]:
    """Path and number of each file in a listing of `ls-tree -z --long` that may be a source."""
    found = 0
    for entry in listed.split(b"\0"):
        facts, _, path = entry.partition(b"\t")
        match = re.fullmatch(rb"100(?:644|755) blob ([0-9a-f]{40}) +([0-9]+)", facts)
        name = path.decode("utf-8", "replace")
        if match and int(match[2]) <= LARGEST and name.endswith((".c", ".h", ".py", "engine")):
            found += 1
            if found > MOST:
                return
            yield name, match[1].decode()


def _git(bare: Path, *arguments: str) -> bytes:
    program, limiter = shutil.which("git"), shutil.which("prlimit")
    if program is None or limiter is None:
        raise _NotThere
    limits = (f"--as={MEMORY}", f"--cpu={SECONDS:.0f}", f"--fsize={LONGEST_OUTPUT}", "--core=0")
    settings = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never")
    # Into a file, because its length can be limited: a tree of trees of trees lists for ever.
    with tempfile.TemporaryFile() as out:
        subprocess.run(
            [
                limiter,
                *limits,
                "--",
                program,
                "--no-replace-objects",
                f"--git-dir={bare}",
                *settings,
                *arguments,
            ],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.DEVNULL,
            check=True,
            cwd=bare,
            timeout=SECONDS,
            env={
                "PATH": os.defpath,
                "HOME": "/nonexistent",
                "LC_ALL": "C",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": "/dev/null",
                "GIT_CEILING_DIRECTORIES": str(bare.parent),
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_OPTIONAL_LOCKS": "0",
            },
        )
        out.seek(0)
        return out.read()
