"""Folders and clones, and what lies in submissions of every kind."""

from __future__ import annotations

import io
import os
import socket
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grading.submissions.limits import Limits
from lab.errors import LabError

LaidDown = Callable[..., tuple[dict[str, bytes], tuple[str, ...]]]
Write = Callable[[str, str], Path]


def zip_bytes(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_a_clone_without_its_git(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    write(".git/config", "[core]\n\tfsmonitor = touch /tmp/owned\n")
    write("lib/.git", "gitdir: elsewhere")
    write(".venv/lib/x.py", "")
    write(".gitignore", "*.ko")
    folder = write("src/engine.c", "int x;")
    assert laid_down(folder, tmp_path / "w") == ({".gitignore": b"*.ko", "src/engine.c": b"int x;"}, ())


def test_the_submission_itself_is_not_touched(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    folder = write("engine.c", "int x;")
    (folder / "inner.zip").write_bytes(zip_bytes({"a.c": b"a"}))
    before = {path: path.lstat() for path in folder.rglob("*")}
    laid_down(folder, tmp_path / "w")
    after = {path: path.lstat() for path in folder.rglob("*")}
    assert [s.st_mtime_ns for s in after.values()] == [s.st_mtime_ns for s in before.values()]


def test_no_link_is_followed_and_no_pipe_is_opened(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    folder = write("engine.c", "int x;")
    (tmp_path / "secret").write_text("secret")
    (folder / "secret").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to("..")
    (folder / "loop").symlink_to(".")
    write("deep/er/a.h", "")
    (folder / "deep/er/loop").symlink_to("..")
    (folder / "same.c").symlink_to("engine.c")
    os.mkfifo(folder / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
    found, notes = laid_down(folder, tmp_path / "w")
    assert found == {"engine.c": b"int x;", "same.c": b"int x;", "deep/er/a.h": b""}
    assert "left out, the link leads to a folder that it is in: deep/er/loop → .." in notes
    assert "left out, neither file nor folder: pipe, socket" in notes


def test_links_to_folders_do_not_multiply_without_end(
    write: Write, tmp_path: Path, laid_down: LaidDown
) -> None:
    folder = write("a0/engine.c", "int x;")
    for number in range(1, 12):
        (folder / f"a{number}").mkdir()
        for name in ("x", "y"):
            (folder / f"a{number}" / name).symlink_to(f"../a{number - 1}")
    try:
        found, _ = laid_down(folder, tmp_path / "w", Limits(members=500))
    except LabError as error:
        assert "more than 500 files" in str(error)
    else:
        assert len(found) < 500


def test_a_file_with_a_hole_of_a_terabyte(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    folder = write("engine.c", "int x;")
    with (folder / "disk.img").open("wb") as out:
        out.truncate(1 << 40)
    found, notes = laid_down(folder, tmp_path / "w")
    assert set(found) == {"engine.c"}
    assert notes == ("left out, longer than 67,108,864 bytes: disk.img",)


def test_root_file_systems_are_left_out(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    for top in ("rootfs-base", "box/rootfs-alpha"):
        write(f"{top}/etc/alpine-release", "3.20.3")
        write(f"{top}/bin/busybox", "ELF")
        write(f"{top}/lib/libc.so", "ELF")
        folder = write(f"{top}/memory_hog", "ELF")
        (folder / top / "bin" / "sh").symlink_to("/bin/busybox")
    write("src/lib/list.c", "")
    write("engine.c", "int x;")
    (folder / "alpine-minirootfs-3.20.3-x86_64.tar.gz").write_bytes(b"\x1f\x8b not even looked at")
    found, notes = laid_down(folder, tmp_path / "w")
    assert set(found) == {
        "engine.c",
        "src/lib/list.c",
        "rootfs-base/memory_hog",
        "box/rootfs-alpha/memory_hog",
    }
    assert "left out, a root file system: box/rootfs-alpha, rootfs-base" in notes
    assert "left out, a tarball that is no source: alpine-minirootfs-3.20.3-x86_64.tar.gz" in notes


def test_a_rootfs_in_a_tarball(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    folder = write("engine.c", "int x;")
    with tarfile.open(folder / "base.tar.gz", "w:gz") as archive:
        for name in ("bin/busybox", "etc/alpine-release", "lib/libc.so", "bin/sh"):
            member = tarfile.TarInfo(name)
            if name == "bin/sh":
                member.type, member.linkname = tarfile.SYMTYPE, "/bin/busybox"
            archive.addfile(member)
    found, notes = laid_down(folder, tmp_path / "w")
    assert set(found) == {"engine.c"}
    assert not any("link" in note for note in notes)


def test_a_zip_in_a_zip_in_a_folder(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    folder = write("report.txt", "see the zip")
    inner = zip_bytes({"project/engine.c": b"int x;"})
    (folder / "final.zip").write_bytes(zip_bytes({"final/inner.zip": inner}))
    (folder / "final").mkdir()
    found, notes = laid_down(folder, tmp_path / "w")
    assert found == {"report.txt": b"see the zip", "final_unpacked_2/final/inner/project/engine.c": b"int x;"}
    assert len([note for note in notes if note.startswith("unpacked")]) == 1


def test_a_zip_of_itself_comes_to_an_end(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    content = b"int x;"
    for _ in range(6):
        content = zip_bytes({"engine.c": b"int x;", "again.zip": content})
    folder = write("report.txt", "")
    (folder / "again.zip").write_bytes(content)
    found, notes = laid_down(folder, tmp_path / "w")
    assert sum(name.endswith("engine.c") for name in found) == 3
    assert any("too many archives in archives" in note for note in notes)


def test_a_broken_archive_inside_costs_only_itself(write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    folder = write("engine.c", "int x;")
    (folder / "screens.zip").write_bytes(zip_bytes({"a": b"a" * 99})[:60])
    (folder / "old.rar").write_bytes(b"Rar!\x1a\x07\0")
    found, notes = laid_down(folder, tmp_path / "w")
    assert set(found) == {"engine.c"}
    assert "screens.zip is damaged" in notes[0] and "old.rar" in notes[0]


@pytest.mark.parametrize(
    "names", [(), (".git/HEAD",), ("rootfs/etc/apk/x", "rootfs/bin/busybox", "rootfs/lib/x")]
)
def test_nothing_in_it(names: tuple[str, ...], write: Write, tmp_path: Path, laid_down: LaidDown) -> None:
    (tmp_path / "hand-in").mkdir()
    for name in names:
        write(name, "")
    with pytest.raises(LabError, match=r"^alice: nothing in it can be graded"):
        laid_down(tmp_path / "hand-in", tmp_path / "w")


def test_it_is_gone(tmp_path: Path, laid_down: LaidDown) -> None:
    with pytest.raises(LabError, match="is not there"):
        laid_down(tmp_path / "gone", tmp_path / "w")
