"""Files that somebody named on a command line: written beside their places and renamed, so never half.

A link stays one, and what it leads to is replaced. What is no regular file, such as a pipe or a device, cannot
be replaced without being lost, and is written into.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path


def write(path: Path, data: bytes) -> None:
    """Write one file, as `write_all` does.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    write_all({path: data})


def write_all(files: Mapping[Path, bytes], *, mode: int = 0o666) -> None:
    """Write files, and make the folders that they need; where one cannot be written, none is, and no folder stays.

    Args:
        files: their content, by where it goes.
        mode: of the files, less the process's umask.

    Raises:
        OSError: one cannot be written; its `filename` is the one of `files`.
    """
    drafts: dict[Path, Path] = {}
    made: list[Path] = []
    try:
        for path, data in files.items():
            with _named(path):
                if _is_replaced(path):
                    place = Path(os.path.realpath(path))
                    _make_folder(place.parent, made)
                    drafts[path] = place.with_name(f".boxwright-{secrets.token_hex(8)}.new")
                    with open(
                        drafts[path], "xb", opener=lambda name, flags: os.open(name, flags, mode)
                    ) as draft:
                        draft.write(data)
                        draft.flush()
                        os.fsync(draft.fileno())
                else:
                    path.write_bytes(data)
        for path, new in drafts.items():
            with _named(path):
                new.replace(os.path.realpath(path))
    except BaseException:
        for new in drafts.values():
            new.unlink(missing_ok=True)
        for folder in reversed(made):
            with contextlib.suppress(OSError):  # somebody else put something into it
                folder.rmdir()
        raise


def _is_replaced(path: Path) -> bool:
    """Whether a new file takes the place of what is there; a link is what it leads to."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return True
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return stat.S_ISREG(mode)


def _make_folder(folder: Path, made: list[Path]) -> None:
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
        made.append(each)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an error name the file that was asked for: neither that beside it nor, as of a full disk, none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
