"""A folder that gets its name only once all of its bytes are on the disk.

A rename does not wait for what was written (fsync(2)). After a power cut within the next half a minute the name may
be there, and files of length 0 behind it; whoever finds the name would take them for finished.
"""

from __future__ import annotations

import os
from pathlib import Path


def publish(new: Path, target: Path) -> None:
    """Rename a finished folder: its files are on the disk before, its name is after.

    Args:
        new: the folder; there are no folders in it.
        target: its name from then on; nothing has it yet.

    Raises:
        OSError: the disk did not take it.
    """
    for path in new.iterdir():
        if path.is_file():
            _sync(path)
    _sync(new)
    new.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
