"""Unpacks zip and tar archives into a site, as files that somebody hostile may have written.

An archive is known by its content, not by its name. Devices and pipes are left out;
where a member goes, and what becomes of links, is decided by the site.

Sources: PKWARE's APPNOTE (flag bit 0: encrypted; the upper half of the external
attributes: the Unix mode), POSIX pax, and the notes on safety in Python's `tarfile`.
"""

from __future__ import annotations

import copy
import errno
import io
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, cast

from grading.submissions.limits import MIB, Budget, Limits
from grading.submissions.site import Parts, Site, printable, read_pieces
from grading.submissions.streams import PIECE, Broken, Stream, format_of
from lab.errors import LabError

ENDINGS = (".tar.gz", ".tar.xz", ".tar.bz2", ".tar.zst", ".tgz", ".txz", ".tbz2", ".tzst", ".tar", ".zip")
"""What an archive is called; the longest ending first."""

CANNOT_OPEN = (".rar", ".7z")
"""Handed in all the same; they end in a sentence and not in silence."""

LONGEST_TARGET = 4096
"""Bytes of a link's target, as PATH_MAX."""

MOST_DIRECTORY = 32 * MIB
"""Bytes of a zip's central directory, which `zipfile` holds in memory with all its entries."""

MOST_HEADERS = MIB
"""Bytes before one member of a tar: names, attributes, and where a sparse file has holes."""

ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}

_SENSELESS = (
    Broken,
    tarfile.TarError,
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    LookupError,
    OverflowError,
    RecursionError,
    NotImplementedError,
)
"""What Python's two modules raise when an archive makes no sense."""


_OURS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOENT}
    | {errno.EMFILE, errno.ENFILE, errno.ENOMEM}
)
"""Errors of this host. All others (none; EINVAL, where zipfile seeks before the beginning) are the archive's."""


def stem(name: str) -> str:
    """A file's name without the ending of an archive; unchanged if it has none."""
    lowered = name.lower()
    for ending in ENDINGS + CANNOT_OPEN:
        if lowered.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def is_named_as_archive(name: str) -> bool:
    """Whether a name has the ending of an archive, also of those that cannot be opened."""
    return name.lower().endswith(ENDINGS + CANNOT_OPEN)


def unpack(path: Path, site: Site, base: Parts = ()) -> None:
    """Unpack an archive below `base`.

    Raises:
        LabError: it is no archive, damaged, or encrypted.
        TooMuch: it goes beyond the submission's limits.
        OSError: this host cannot write.
    """
    try:
        kind = format_of(path)
        if kind == "zip":
            _unzip(path, site, base)
        elif kind in ("rar", "7z", "unknown"):
            raise LabError(
                f"{printable(path.name)} is {_what(kind)}", "Ask for a .zip, or a .tar in any compression."
            )
        else:
            with path.open("rb") as raw:
                stream = Stream(raw, kind, path.stat().st_size, site.budget)
                _untar(stream, site, base)
            # tarfile stops without a word also where a header is cut, or missing; POSIX wants zeros at the end.
            if stream.last != bytes(tarfile.BLOCKSIZE):
                site.notes.add("perhaps cut short, its end is missing", path.name)
    except OSError as error:
        if error.errno in _OURS:
            raise
        raise _damaged(path, error) from error
    except _SENSELESS as error:
        raise _damaged(path, error) from error


def _what(kind: str) -> str:
    return "no archive" if kind == "unknown" else f"a {kind} archive, which cannot be opened here"


def _damaged(path: Path, error: Exception) -> LabError:
    why = printable(str(error)) or type(error).__name__
    return LabError(f"the archive {printable(path.name)} is damaged or cut short: {why}", "Ask for it again.")


def _unzip(path: Path, site: Site, base: Parts) -> None:
    _look_at_directory(path)
    size, out = path.stat().st_size, 0

    def pieces(opened: IO[bytes] | Stream) -> Iterator[bytes]:
        nonlocal out
        while piece := opened.read(PIECE):
            out += len(piece)
            site.budget.decompressed(len(piece), of_this=out, archive_bytes=size)
            yield piece

    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            # Some Windows programs write backslashes, against the specification.
            name = member.filename.replace("\\", "/")
            mode = member.external_attr >> 16
            site.budget.in_time()
            if member.flag_bits & 1:
                raise LabError(
                    f"the archive {printable(path.name)} is encrypted", "Ask for it without a password."
                )
            parts = site.parts(name, base)
            if parts is None:
                continue
            if name.endswith("/") or stat.S_ISDIR(mode):
                site.folder(parts)
            elif stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFLNK):
                site.notes.add("left out, neither file nor folder", name)
            elif member.compress_type not in ZIP_METHODS:
                raise LabError(
                    f"the archive {printable(path.name)} uses compression method {member.compress_type}",
                    "Ask for an ordinary .zip.",
                )
            else:
                with _opened(archive, member, site.budget.limits) as opened:
                    if stat.S_ISLNK(mode):
                        site.link(parts, opened.read(LONGEST_TARGET).decode("utf-8", "replace"))
                    else:
                        site.file(parts, pieces(opened), executable=bool(mode & 0o111))


@contextmanager
def _opened(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo, limits: Limits
) -> Iterator[IO[bytes] | Stream]:
    """The content of a member, of which a read holds a piece in memory and no more.

    Of bzip2 `zipfile` expands as much as the 4 KiB that it reads at once hold, which may be gigabytes. So it gives
    out the compressed bytes, as if they were merely stored; bzip2 has checksums of its own.
    """
    if member.compress_type != zipfile.ZIP_BZIP2:
        with archive.open(member) as opened:
            yield opened
        return
    stored = copy.copy(member)
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, member.compress_size
    del stored.CRC
    with archive.open(stored) as compressed:
        # An account of its own: what is read here is counted once more where it comes out.
        yield Stream(cast(BinaryIO, compressed), "bz2", member.compress_size, Budget(limits))


def _look_at_directory(path: Path) -> None:
    """Refuse a zip whose directory alone would fill the memory.

    Raises:
        Broken: it has no end record, or too long a directory.
    """
    with path.open("rb") as opened:
        opened.seek(max(0, path.stat().st_size - 0x10000 - 200))
        end = opened.read()
    at = end.rfind(b"PK\5\6")
    if at < 0 or len(end) < at + 22:
        raise Broken("its end is missing")
    (size,) = struct.unpack_from("<I", end, at + 12)
    wide = end.rfind(b"PK\6\6")
    if 0 <= wide <= len(end) - 48:
        # Python's zipfile takes this one's word whenever it is there, whatever the other says.
        size = max(size if size != 0xFFFFFFFF else 0, *struct.unpack_from("<Q", end, wide + 40))
    if size > MOST_DIRECTORY:
        raise Broken(f"a list of contents of {size:,} bytes")


def _untar(stream: Stream, site: Site, base: Parts) -> None:
    # Opened for seeking, not as a "stream" of tarfile's: that one would read a header of any length at once.
    stream.within(MOST_HEADERS)  # opening reads the first member
    with tarfile.open(fileobj=cast(io.BufferedReader, stream), mode="r:", errorlevel=2) as archive:
        while (member := _next(archive, stream)) is not None:
            archive.members = []  # type: ignore[attr-defined] # or it keeps every one; hard links are looked up on disk
            site.budget.in_time()
            parts = site.parts(member.name, base)
            if parts is None:
                continue
            if member.isdir():
                site.folder(parts)
            elif member.issym():
                site.link(parts, member.linkname[:LONGEST_TARGET])
            elif member.islnk():
                _hard_link(member, parts, site, base)
            elif member.isreg() and (opened := archive.extractfile(member)) is not None:
                site.file(parts, iter(lambda: opened.read(PIECE), b""), executable=bool(member.mode & 0o111))
            else:
                site.notes.add("left out, neither file nor folder", member.name)


def _next(archive: tarfile.TarFile, stream: Stream) -> tarfile.TarInfo | None:
    """The next member; the headers that it may have before it are read as far as `MOST_HEADERS` (the list of holes
    of GNU's sparse files has no end of its own, and `tarfile` holds it in memory)."""
    stream.within(MOST_HEADERS)
    try:
        return archive.next()
    finally:
        stream.within(None)


def _hard_link(member: tarfile.TarInfo, parts: Parts, site: Site, base: Parts) -> None:
    """A second name of a member that came before: a copy of it."""
    first = site.parts(member.linkname, base)
    if first is None or first == parts or not site.path(first).is_file():
        site.notes.add("left out, the link leads out of the submission or nowhere", member.name)
        return
    site.file(parts, read_pieces(site.path(first)), executable=bool(member.mode & 0o111))
