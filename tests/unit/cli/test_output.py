"""Files that are named with --output: whole or as they were, and never instead of what is no file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lab import output


def test_folders_are_made_and_the_umask_holds(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        output.write(tmp_path / "a/b/c", b"new")
        output.write_all({tmp_path / "mine": b"new"}, mode=0o600)
    finally:
        os.umask(old)
    assert (tmp_path / "a/b/c").read_bytes() == b"new"
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "mine").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["c"]


@pytest.mark.parametrize("there", [False, True])
def test_a_link_stays_one(tmp_path: Path, there: bool) -> None:
    link, far = tmp_path / "link", tmp_path / "far"
    far.mkdir()
    link.symlink_to("far/file")
    if there:
        (far / "file").write_bytes(b"old")
    output.write(link, b"new")
    assert link.is_symlink() and (far / "file").read_bytes() == b"new"
    assert [path.name for path in far.iterdir()] == ["file"]


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    output.write(pipe, b"new")
    assert os.read(reader, 10) == b"new" and pipe.is_fifo()
    os.close(reader)


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("full", errno.ENOSPC),
        ("folder", errno.EISDIR),
        ("file/x", errno.ENOTDIR),
        ("loop", errno.ELOOP),
        ("x" * 256, errno.ENAMETOOLONG),
    ],
)
def test_what_cannot_be_written_is_named_and_nothing_else_is_written(
    tmp_path: Path, name: str, number: int
) -> None:
    (tmp_path / "full").symlink_to("/dev/full")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"old")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(OSError) as raised:
        output.write_all({tmp_path / "new/first": b"new", tmp_path / "file": b"new", tmp_path / name: b"new"})
    assert (raised.value.errno, raised.value.filename) == (number, str(tmp_path / name))
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file").read_bytes() == b"old"
