"""Files that are whole or as they were; and those named with --output are never instead of what is no file."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.files import write_output, write_outputs, write_whole


def test_folders_are_made_and_the_umask_holds(tmp_path: Path) -> None:
    old = os.umask(0o027)
    try:
        write_output(tmp_path / "a/b/c", b"new")
        write_outputs({tmp_path / "mine": b"new"}, mode=0o600)
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
    write_output(link, b"new")
    assert link.is_symlink() and (far / "file").read_bytes() == b"new"
    assert [path.name for path in far.iterdir()] == ["file"]


def test_a_pipe_is_written_into(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    write_output(pipe, b"new")
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
        write_outputs({tmp_path / "new/first": b"new", tmp_path / "file": b"new", tmp_path / name: b"new"})
    assert (raised.value.errno, raised.value.filename) == (number, str(tmp_path / name))
    assert sorted(tmp_path.rglob("*")) == before and (tmp_path / "file").read_bytes() == b"old"


@pytest.mark.parametrize("name", ["a", "x" * 255])
def test_what_the_kit_writes_takes_the_place_of_a_link(tmp_path: Path, name: str) -> None:
    (tmp_path / name).symlink_to("far")
    write_whole(tmp_path / name, b"new", 0o640)
    assert not (tmp_path / name).is_symlink() and (tmp_path / name).read_bytes() == b"new"
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["gone/x", "file/x", "x" * 256])
def test_what_the_kit_cannot_write_is_named_and_leaves_no_draft(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OSError) as raised:
        write_whole(tmp_path / name, b"new")
    assert raised.value.filename == str(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_folder_in_the_place_of_what_the_kit_writes_is_said_to_be_one(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="is a folder, where a file should be"):
        write_whole(tmp_path, b"new")
