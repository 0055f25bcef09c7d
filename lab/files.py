"""Files and folders that are there whole or not at all: made beside their place, then renamed.

`write_whole` is for files whose places the kit chooses: it takes the place of whatever file has the name.
`write_output` is for what somebody named on a command line: a link stays one, and what it leads to is replaced;
what is no regular file, such as a pipe or a device, cannot be replaced without being lost, and is written into.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lab.errors import LabError


def write_whole(path: Path, content: bytes, mode: int | None = None) -> None:
    """Write a file, in the place of the one that may be there; where that fails, nothing is left of it.

    Args:
        path: of the file; its folder is there.
        content: all of it.
        mode: its permissions; None for those of any new file.

    Raises:
        LabError: a folder has this name.
        OSError: this host cannot write there; it names the file.
    """
    if path.is_dir():
        raise LabError(f"{path} is a folder, where a file should be", "Move it away.")
    draft = _beside(path)
    try:
        with _named(path):
            draft.write_bytes(content)
            if mode is not None:
                draft.chmod(mode)
            draft.replace(path)
    finally:
        with contextlib.suppress(OSError):  # it is not there, or its folder is none
            draft.unlink()


def write_output(path: Path, content: bytes) -> None:
    """Write one file that somebody named, as `write_outputs` does.

    Raises:
        OSError: it cannot be written; what was there is as it was.
    """
    write_outputs({path: content})


def write_outputs(files: Mapping[Path, bytes], *, mode: int = 0o666) -> None:
    """Write files that somebody named, and the folders that they need; where one cannot be, nothing is.

    Args:
        files: their content, by where it goes.
        mode: of the files, less the process's umask.

    Raises:
        OSError: one cannot be written; its `filename` is the one of `files`.
    """
    drafts: dict[Path, Path] = {}
    made: list[Path] = []
    try:
        for path, content in files.items():
            with _named(path):
                if _is_replaced(path):
                    place = Path(os.path.realpath(path))
                    _make_folder(place.parent, made)
                    drafts[path] = _beside(place)
                    with open(
                        drafts[path], "xb", opener=lambda name, flags: os.open(name, flags, mode)
                    ) as draft:
                        draft.write(content)
                        draft.flush()
                        os.fsync(draft.fileno())
                else:
                    path.write_bytes(content)
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


@contextmanager
def drafted(parent: Path, prefix: str) -> Iterator[Path]:
    """A new folder, to be filled while the block runs and then given its name; what has none by then is removed.

    Args:
        parent: where; made where it is not there.
        prefix: of its name until then; begins with a dot.

    Raises:
        LabError: no folder can be made there.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    except OSError as error:
        raise LabError(
            f"No folder can be made in {parent}: {error.strerror}", "Take another place."
        ) from error
    try:
        draft.chmod(0o755)
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def check_empty(folder: Path) -> None:
    """Make sure that a folder has nothing in it.

    Raises:
        LabError: it has.
        OSError: it cannot be read, or is none.
    """
    if any(folder.iterdir()):
        raise LabError(f"{folder} is not empty", "Take an empty folder, or one that is not there yet.")


def move_draft(draft: Path, folder: Path, *, last: str) -> None:
    """Give a draft its name. A folder that is there and empty is filled: a shell may stand in it.

    Args:
        draft: from `drafted`, beside the folder.
        folder: its name from now on; of two at once, the second is told.
        last: the file that makes it what it is; so that it is never there without the others.

    Raises:
        LabError: the folder is not empty.
        OSError: this host cannot write there; the folder is as it was.
    """
    try:
        if not folder.exists():
            draft.rename(folder)
            return
    except OSError:
        if not folder.is_dir():
            raise
        # Another command was quicker.
    with _locked(folder):
        check_empty(folder)
        entries = sorted(draft.iterdir(), key=lambda path: path.name == last)
        try:
            for entry in entries:
                os.rename(entry, folder / entry.name)  # noqa: PTH104 - rename() of pathlib is the same
        except BaseException:
            for path in (folder / entry.name for entry in entries if not entry.exists()):
                shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a folder against every other command that would fill it; the lock ends with its holder."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _beside(path: Path) -> Path:
    """A name for a draft, in the same folder; not made of the file's, which may be as long as names can be."""
    return path.with_name(f".boxwright-{secrets.token_hex(8)}.new")


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


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an error name the file that was asked for: neither that beside it nor, as of a full disk, none."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
