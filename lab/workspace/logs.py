"""What the last `lab check` left to be read: the kernel's log, what engine and containers printed, every call.

Files in `.boxwright/logs/`; a container's log lies in `containers/`, under its id.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from lab.errors import LabError
from lab.workspace.state import Workspace

FOLDER, CONTAINERS = "logs", "containers"

PARTS = {
    "kernel": "the kernel's log while the checks ran",
    "supervisor": "what your supervisor printed itself",
    "calls": "every command that the checks gave your engine, with its answer",
}
"""What there is, by the name of its file without `.log`."""

MOST_BYTES = 256 << 10
"""Of each; its end is kept."""


def write(workspace: Workspace, texts: Mapping[str, bytes]) -> None:
    """Keep these in the place of all that was there.

    Args:
        workspace: the student's.
        texts: by the names in `PARTS`.

    Raises:
        LabError: `.boxwright` is no folder.
        OSError: this host cannot write there.
    """
    folder = workspace.private / FOLDER
    draft = workspace.make_private() / f".{FOLDER}.{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    (draft / CONTAINERS).mkdir(parents=True)
    for name, text in texts.items():
        (draft / f"{name}.log").write_bytes(text[-MOST_BYTES:])
    shutil.rmtree(folder, ignore_errors=True)
    draft.rename(folder)


def write_container(workspace: Workspace, identifier: str, text: bytes) -> None:
    """Keep a container's log beside what `write` wrote.

    Raises:
        OSError: this host cannot write there.
    """
    path = workspace.private / FOLDER / CONTAINERS / f"{identifier}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text[-MOST_BYTES:])


def containers(workspace: Workspace) -> list[str]:
    """The ids of the containers whose logs are kept."""
    folder = workspace.private / FOLDER / CONTAINERS
    return sorted(path.name.removesuffix(".log") for path in folder.glob("*.log"))


def read(workspace: Workspace, name: str) -> str:
    """A part, or a container's log, by its name or how it begins.

    Raises:
        LabError: nothing was checked so far, or nothing is called so.
    """
    folder = workspace.private / FOLDER
    if not folder.is_dir():
        raise LabError("Nothing was checked so far, so there are no logs", "`lab check` makes some.")
    if name in PARTS:
        return _text(folder / f"{name}.log")
    ids = containers(workspace)
    meant = [each for each in ids if each == name] or [each for each in ids if each.startswith(name)]
    if len(meant) != 1:
        what = "may mean several containers" if meant else "is no container of the last check"
        there = ", ".join(meant or ids) or "none, as far as could be seen"
        raise LabError(f"{name!r} {what}", f"There is {there}; besides {', '.join(PARTS)}.")
    return _text(folder / CONTAINERS / f"{meant[0]}.log")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "backslashreplace")
    except FileNotFoundError:
        return ""
