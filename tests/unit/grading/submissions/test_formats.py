"""What is taken for an archive, by its content: also the forms that have no sign at their beginning."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
from pathlib import Path

import pytest

from grading.submissions.archives import MOST_DIRECTORY
from grading.submissions.limits import MIB, Limits
from grading.submissions.streams import format_of
from lab.errors import LabError
from tests.unit.grading.submissions.conftest import LaidDown
from tests.unit.grading.submissions.test_archives import ENGINE, file, tar_bytes, zipped

SCRIPT = b"#!/bin/sh\nexec unzip $0\n"


def old_tar(name: str = "engine.c", *, signed: bool = False) -> bytes:
    """As Unix V7 wrote it: nothing behind the name of a link, and the sum of bytes, with a sign on some machines."""
    member, content = file(name, ENGINE["engine.c"])
    member.size = len(content)
    header = member.tobuf(tarfile.GNU_FORMAT, "utf-8")
    blank = header[:148] + b" " * 8 + header[156:257] + bytes(255)
    total = sum(struct.unpack("512b", blank)) if signed else sum(blank)
    return blank[:148] + b"%06o\0 " % total + blank[156:] + content.ljust(512, b"\0") + bytes(1024)


@pytest.mark.parametrize("name", ["engine.c", "w\u00f6rk/engine.c"])
@pytest.mark.parametrize("signed", [False, True])
def test_a_tar_of_unix_v7(name: str, signed: bool, tmp_path: Path, laid_down: LaidDown) -> None:
    path = tmp_path / "alice.tar"
    path.write_bytes(old_tar(name, signed=signed))
    assert b"ustar" not in path.read_bytes() and tarfile.is_tarfile(path)
    assert laid_down(path, tmp_path / "w") == (ENGINE, ())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        bytes(10240),
        b"x" * 512,
        old_tar()[:511],
        b"y" + old_tar()[1:],
        b" " * 2048,
        bytes(range(256)) * 4,
    ],
)
def test_what_only_resembles_an_archive_is_none(content: bytes, tmp_path: Path, laid_down: LaidDown) -> None:
    path = tmp_path / "alice.tar"
    path.write_bytes(content)
    with pytest.raises(LabError, match="is no archive"):
        laid_down(path, tmp_path / "w")


def test_a_zip_behind_something_else(tmp_path: Path, laid_down: LaidDown) -> None:
    """As one that opens itself, or as a mail program leaves it."""
    path = zipped(tmp_path / "alice.zip", ENGINE)
    path.write_bytes(SCRIPT + path.read_bytes())
    assert laid_down(path, tmp_path / "w") == (ENGINE, ())


def test_the_limits_of_a_zip_hold_for_one_behind_something_else(tmp_path: Path, laid_down: LaidDown) -> None:
    path = zipped(tmp_path / "alice.zip", {"engine.c": b" " * 20_000_000})
    whole = SCRIPT + path.read_bytes()
    path.write_bytes(whole)
    with pytest.raises(LabError, match="more than 1 MiB unpacked"):
        laid_down(path, tmp_path / "w", Limits(read_bytes=MIB))
    at = whole.rindex(b"PK\5\6")
    path.write_bytes(whole[: at + 12] + struct.pack("<I", MOST_DIRECTORY + 1) + whole[at + 16 :])
    with pytest.raises(LabError, match=r"a list of contents of|is no archive"):  # by newer Pythons
        laid_down(path, tmp_path / "v")


def test_a_tar_that_ends_with_a_zip_is_a_tar(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("engine.c", "")
    for content in (old_tar(), tar_bytes(file("engine.c"))):
        path = tmp_path / "alice.tar"
        path.write_bytes(content + inner.getvalue())
        assert format_of(path) == "tar"
