"""Reads a compressed file from front to back, and counts what comes out of it.

`tarfile` gets such a stream in place of a file. It can only go forward, it hands out
small pieces only (so that no header makes tarfile hold a gigabyte in memory), and every
byte goes through the account of the submission's limits.
"""

from __future__ import annotations

import bz2
import lzma
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

from grading.submissions.limits import MIB, Budget
from lab.errors import LabError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Format = Literal["zip", "tar", "gz", "bz2", "xz", "zst", "rar", "7z", "unknown"]

PIECE = 16 * 1024
"""Longest single read, in bytes. A header of tar is 512; an extended one holds a path and some times."""

XZ_MEMORY = 256 * MIB
"""The window that an xz file may ask for; `xz -9` wants 65 MiB."""

ZSTD_WINDOW_LOG = 27
"""128 MiB; what `zstd` itself takes without being told otherwise."""

_MAGIC: tuple[tuple[bytes, Format], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b", "gz"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zst"),
    (b"Rar!\x1a\x07", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
)


class Broken(Exception):
    """The compressed data ends too early or makes no sense."""


class Decompressor(Protocol):
    """What bz2, lzma and zstd have in common in Python's library."""

    @property
    def eof(self) -> bool:
        """Whether the compressed data came to its end."""

    @property
    def needs_input(self) -> bool:
        """Whether more input is needed before more comes out."""

    @property
    def unused_data(self) -> bytes:
        """What followed the end."""

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        """At most `max_length` bytes; what is left comes out with the next call."""


def format_of(path: Path) -> Format:
    """What a file is by its first bytes, and a zip also by its end; its name is not asked.

    Raises:
        OSError: it cannot be read.
        zipfile.BadZipFile: it is one part of several.
    """
    with path.open("rb") as opened:
        start = opened.read(tarfile.BLOCKSIZE)
    for magic, name in _MAGIC:
        if start.startswith(magic):
            return name
    if start[257:262] == b"ustar" or _is_old_header(start):
        return "tar"
    # Last: a tar may have one as its last member. What opens itself, or came by mail, has more before the zip.
    return "zip" if zipfile.is_zipfile(path) else "unknown"


def _is_old_header(block: bytes) -> bool:
    """Whether it is a header of tar as Unix V7 wrote it, which has no sign but its checksum."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


class _Gzip:
    """zlib with the interface of the other three."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)  # 31: a gzip header and trailer
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._rest and not self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        given = self._rest + data
        out = self._inner.decompress(given, max_length)
        # What zlib still holds back inside comes out with the next call, also with no new input.
        self._rest = self._inner.unconsumed_tail
        return out


def _decompressor(kind: Format) -> Decompressor:
    if kind == "gz":
        return _Gzip()
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    if kind == "xz":
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    if kind == "zst":
        options = {int(zstd.DecompressionParameter.window_log_max): ZSTD_WINDOW_LOG}
        return zstd.ZstdDecompressor(options=options)
    raise LabError(f"{kind} is no compression that can be read")


class Stream:
    """The decompressed bytes of a file, forward only.

    Args:
        raw: the compressed file, open for reading.
        kind: how it is compressed; `tar` for not at all.
        size: its length in bytes.
        budget: the account of the submission.
    """

    def __init__(self, raw: BinaryIO, kind: Format, size: int, budget: Budget) -> None:
        self._raw = raw
        self._kind = kind
        self._size = size
        self._budget = budget
        self._inner = None if kind == "tar" else _decompressor(kind)
        self._ready = b""
        self._at = 0
        self._may_read: int | None = None
        self.last = b""
        """What the last read returned."""

    def within(self, count: int | None) -> None:
        """Until it is told otherwise, no more than `count` bytes in sum may be read; None for no bound.

        What is passed over to go forward does not count.
        """
        self._may_read = count

    def read(self, count: int = -1) -> bytes:
        """Up to `count` bytes; fewer only at the end.

        Raises:
            Broken: too much is asked for at once, or the data is damaged.
            TooMuch: a limit of the submission is reached.
        """
        if not 0 <= count <= PIECE:
            raise Broken(f"a piece of {count} bytes where at most {PIECE} are usual")
        if self._may_read is not None:
            self._may_read -= count
            if self._may_read < 0:
                raise Broken("the headers of one member are too long")
        return self._take(count)

    def _take(self, count: int) -> bytes:
        parts, missing = [], count
        while missing:
            if not self._ready:
                self._ready = self._more()
                if not self._ready:
                    break
            part, self._ready = self._ready[:missing], self._ready[missing:]
            parts.append(part)
            missing -= len(part)
        self._at += count - missing
        self.last = b"".join(parts)
        return self.last

    def tell(self) -> int:
        """Position in the decompressed bytes."""
        return self._at

    def seek(self, position: int) -> int:
        """Go forward to a position, as far as there is something.

        Raises:
            Broken: it lies behind; no honest archive asks for that.
        """
        if position < self._at:
            raise Broken("the archive points back to what was read already")
        while self._at < position:
            if not self._take(min(PIECE, position - self._at)):
                break
        return self._at

    def close(self) -> None:
        """Nothing: the file belongs to the caller."""

    def _more(self) -> bytes:
        out = self._raw.read(PIECE) if self._inner is None else self._decompressed()
        self._budget.decompressed(len(out), of_this=self._at + len(out), archive_bytes=self._size)
        return out

    def _decompressed(self) -> bytes:
        """The next piece, of at most PIECE bytes; empty at the end."""
        assert self._inner is not None
        data, at_end = b"", False
        while True:
            if self._inner.eof:
                # Several streams may follow one another (pigz, cat a.gz b.gz), and zeros may follow the last.
                data = (self._inner.unused_data + data).lstrip(b"\0") or self._raw.read(PIECE).lstrip(b"\0")
                if not data:
                    return b""
                self._inner = _decompressor(self._kind)
            elif self._inner.needs_input and not data:
                data = self._raw.read(PIECE)
                at_end = not data
            try:
                out = self._inner.decompress(data, PIECE)
            except (zlib.error, lzma.LZMAError, zstd.ZstdError, OSError, EOFError) as error:
                raise Broken(str(error)) from error
            if out:
                return out
            # Nothing may also come out because it ended exactly with the last piece; then it asks for input next.
            if at_end and not self._inner.eof:
                raise Broken("it ends before its end")
            data = b""
            self._budget.in_time()
