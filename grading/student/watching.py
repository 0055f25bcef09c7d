"""Notices that a file of a workspace was saved, by looking at times and sizes twice a second."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from grading.submissions.tree import NEVER
from lab.workspace.state import Workspace

LOOK_SECONDS = 0.4
SETTLE_SECONDS = 0.2
"""An editor writes in several steps, and a formatter after it: no look in between counts."""

EMPTY_SECONDS = 3.0
"""Many editors empty a file and then write it; on a slow disk that takes longer than to settle. Whoever really
emptied one waits this long for the check."""

Seen = dict[str, tuple[int, int]]


def changes(workspace: Workspace) -> Iterator[None]:
    """Once at the beginning, and then each time something was saved and has settled. Never ends."""
    before = look(workspace)
    yield None
    while True:
        now = look(workspace)
        if now == before:
            time.sleep(LOOK_SECONDS)
            continue
        filled_by = time.monotonic() + EMPTY_SECONDS
        while True:
            time.sleep(SETTLE_SECONDS)
            again = look(workspace)
            if again == now and (not _emptied(before, now) or time.monotonic() > filled_by):
                break
            now = again
        before = now
        yield None


def _emptied(before: Seen, now: Seen) -> bool:
    """Whether there is nothing in a file that had something in it."""
    return any(size == 0 and before.get(path, (0, 0))[1] > 0 for path, (_, size) in now.items())


def look(workspace: Workspace) -> Seen:
    """Time and size of each file, by its path; what programs leave there, and editors' own files, do not count."""
    found: Seen = {}
    for folder, subfolders, names in os.walk(workspace.folder):
        subfolders[:] = [name for name in subfolders if name not in NEVER]
        for name in names:
            if name.startswith((".", "#")) or name.endswith(("~", ".swp", ".tmp")):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118 - hundreds of files twice a second
            try:
                status = os.stat(path)  # noqa: PTH116
            except OSError:
                continue  # it was replaced at this moment
            found[path] = (status.st_mtime_ns, status.st_size)
    return found
