"""How much is unpacked at most, compressed streams, and files that are no archive."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import sys
import tarfile
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grading.submissions import archives
from grading.submissions.limits import MIB, Budget, Limits, TooMuch
from grading.submissions.site import Site
from grading.submissions.streams import Broken, Stream, format_of
from lab.errors import LabError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LaidDown = Callable[..., tuple[dict[str, bytes], tuple[str, ...]]]


def bomb(path: Path, mebibytes: int) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("engine.c", "text")
        for number in range(mebibytes):
            archive.writestr(f"zeros{number}", bytes(MIB))
    return path


def test_a_bomb_is_stopped(tmp_path: Path, laid_down: LaidDown) -> None:
    limits = Limits(ratio_from=4 * MIB)
    with pytest.raises(LabError, match="alice: the archive unpacks to more than 200 times"):
        laid_down(bomb(tmp_path / "a.zip", 8), tmp_path / "w", limits)


def test_a_zip_with_bzip2_in_it_never_fills_the_memory(tmp_path: Path, laid_down: LaidDown) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("engine.c", "text")
        with archive.open("zeros", "w") as out:
            for _ in range(96):
                out.write(bytes(MIB))
    tracemalloc.start()
    try:
        files, notes = laid_down(path, tmp_path / "w")
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()
    assert files == {"engine.c": b"text"}
    assert notes == ("left out, longer than 67,108,864 bytes: zeros",)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(kept_bytes=3 * MIB), "more than 3 MiB"),
        (Limits(read_bytes=3 * MIB), "more than 3 MiB unpacked"),
        (Limits(members=5), "more than 5 files"),
        (Limits(seconds=-1), "takes longer than"),
    ],
)
@pytest.mark.parametrize("kind", ["zip", "tar.gz"])
def test_limits(kind: str, limits: Limits, said: str, tmp_path: Path, laid_down: LaidDown) -> None:
    path = tmp_path / f"alice.{kind}"
    if kind == "zip":
        bomb(path, 8)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for number in range(8):
                member = tarfile.TarInfo(f"zeros{number}")
                member.size = MIB
                archive.addfile(member, io.BytesIO(bytes(MIB)))
    with pytest.raises(LabError, match=said):
        laid_down(path, tmp_path / "w", limits)


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress, zstd.compress])
def test_a_stream_never_ends_early_in_silence(compress: Callable[[bytes], bytes], tmp_path: Path) -> None:
    content = os.urandom(40_000)
    path = tmp_path / "x"
    for cut in (0, 1, 12, 10_000):
        whole = compress(content)
        path.write_bytes(whole[: len(whole) - cut])
        with path.open("rb") as raw:
            stream = Stream(raw, format_of(path), path.stat().st_size, Budget())
            if cut:
                with pytest.raises(Broken, match="it ends before its end"):
                    stream.seek(1 << 20)
            else:
                assert stream.seek(1 << 20) == len(content)


@pytest.mark.parametrize(
    "content", [b"", b"PK", b"hello", b"PK\3\4" + b"x" * 100, b"\x1f\x8b" + b"x" * 50, b"\0" * 5000]
)
def test_no_archive_at_all(content: bytes, tmp_path: Path, laid_down: LaidDown) -> None:
    path = tmp_path / "alice.zip"
    path.write_bytes(content)
    with pytest.raises(
        LabError, match=r"^alice: the archive alice.zip is damaged|^alice: alice.zip is no archive"
    ):
        laid_down(path, tmp_path / "w")


@pytest.mark.parametrize(
    ("magic", "name"), [(b"Rar!\x1a\x07\x01\0", "a rar archive"), (b"7z\xbc\xaf\x27\x1c", "a 7z archive")]
)
def test_kinds_that_cannot_be_opened_say_so(
    magic: bytes, name: str, tmp_path: Path, laid_down: LaidDown
) -> None:
    path = tmp_path / "alice.rar"
    path.write_bytes(magic + bytes(600))
    with pytest.raises(LabError, match=f"alice.rar is {name}, which cannot be opened here. Ask for a .zip"):
        laid_down(path, tmp_path / "w")


def test_links_that_name_many_files_end_in_time(tmp_path: Path) -> None:
    """Each file that a link names is looked at, also where nothing is copied: n links to m files are n times m."""
    now = [0.0]
    site = Site(tmp_path / "site", Budget(Limits(seconds=5, folders=1), clock=lambda: now[0]))
    site.root.mkdir()
    (site.root / "many").mkdir()
    for name in range(3):
        (site.root / "many" / str(name)).write_text("")
    site.links = {("a",): "many", ("b",): "many"}
    now[0] = 6.0
    with pytest.raises(TooMuch, match="5 s"):
        site.settle_links()


def test_the_larger_of_a_zips_two_sizes_counts(tmp_path: Path) -> None:
    """APPNOTE.TXT, 4.3.14 and 4.3.16: zipfile goes by the 64-bit record whenever there is one."""
    path = tmp_path / "x.zip"
    wide = b"PK\6\6" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, 1 << 40, 0)
    locator = b"PK\6\7" + struct.pack("<IQI", 0, 0, 1)
    path.write_bytes(wide + locator + b"PK\5\6" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 46, 0, 0))
    with pytest.raises(Broken, match="a list of contents"):
        archives._look_at_directory(path)


def test_a_list_of_holes_without_end_is_not_kept_in_memory(tmp_path: Path, laid_down: LaidDown) -> None:
    """GNU tar, "Storing Sparse Files": each block of 21 entries says whether another one follows."""
    header = bytearray(tarfile.TarInfo("holes").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = header[410:434] = b"00000001000\0" * 2
    header[482:495] = b"\1" + b"00000001000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    more = (b"00000001000\0" * 42).ljust(504) + b"\1".ljust(8, b"\0")
    path = tmp_path / "alice.tar.gz"
    path.write_bytes(gzip.compress(bytes(header) + more * (8 * MIB // 512) + bytes(1024)))
    with pytest.raises(LabError, match="the headers of one member are too long"):
        laid_down(path, tmp_path / "w")
    path.write_bytes(gzip.compress(bytes(header) + more + more[:504] + bytes(8) + bytes(2048)))
    laid_down(path, tmp_path / "w")
