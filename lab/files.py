"""Files and folders that are there whole or not at all: made beside their place, then renamed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
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
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_bytes(content)
        if mode is not None:
            draft.chmod(mode)
        draft.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        draft.unlink(missing_ok=True)


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
