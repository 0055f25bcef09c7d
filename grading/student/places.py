"""Where things of a workspace lie on this host, and what its machine is called."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.machine.record import QemuRecord, check_name, machine_folder, read_record
from lab.workspace.state import Workspace

SOCKET, LOCK, MACHINE, LOG = "socket", "lock", "machine", "keeper.log"
"""Files in `home`."""

CODE = ("grading/**/*.py", "grading/**/*.[ch]", "lab/**/*.py")
CHECKS = ("*/*.py", "*/*.toml")
"""What a process that runs must have read anew when it changes, in the checkout and in folders of exercises."""


def _key(workspace: Workspace) -> str:
    return hashlib.sha256(os.fsencode(workspace.folder.resolve())).hexdigest()[:10]


def home(workspace: Workspace) -> Path:
    """A folder for this workspace alone: the socket, what was built."""
    folder = paths.state() / "workspaces" / _key(workspace)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def machine_name(workspace: Workspace, named: str | None) -> str:
    """The name of a workspace's machine.

    Args:
        workspace: the student's.
        named: the one that the command line says; None for the usual one.

    Raises:
        LabError: that machine is not a workspace's, and would be thrown away.
    """
    word = re.sub(r"[^a-z0-9]+", "-", workspace.folder.resolve().name.lower()).strip("-")[:14].strip("-")
    name = check_name(named or f"{word or 'lab'}-{_key(workspace)[:6]}")
    if (machine_folder(name) / "machine.json").exists():
        record = read_record(name)
        if not (isinstance(record, QemuRecord) and record.hardware.read_only_disk):
            raise LabError(
                f"The machine {name!r} is another's: checks throw away all that is in theirs",
                "Name one that there is not, or none.",
            )
    return name


def stamp() -> str:
    """Names the kit as it is now: another one means that its files have changed."""
    digest = hashlib.sha256()
    tops = [(paths.CHECKOUT, pattern) for pattern in CODE]
    tops += [(folder, pattern) for folder in paths.exercises() for pattern in CHECKS]
    for top, pattern in tops:
        for path in sorted(top.glob(pattern)):
            status = path.stat()
            digest.update(f"{path} {status.st_mtime_ns} {status.st_size}\n".encode())
    return digest.hexdigest()
