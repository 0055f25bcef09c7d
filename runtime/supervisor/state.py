"""Where the engine keeps what it has, and the lock that says whose it is.

The lock is on the folder itself (flock(2)), so it leaves no file behind and goes away
with its holder, however that one died. Who holds it knows that a socket found there is stale.
"""

from __future__ import annotations

import fcntl
import os
import zlib
from dataclasses import dataclass
from pathlib import Path

from supervisor.errors import EngineError

DEFAULT_FOLDER = Path("/run/boxwright")
DEFAULT_LOGS = Path("/var/log/boxwright")
SOCKET = "engine.sock"
MAX_SOCKET_PATH = 107
"""Longest path of a socket in bytes: `sun_path` holds 108 with the final NUL (unix(7))."""


@dataclass(frozen=True)
class Place:
    """The folders of one supervisor."""

    folder: Path
    logs: Path

    @property
    def socket(self) -> Path:
        """The control socket."""
        return self.folder / SOCKET

    @property
    def tag(self) -> str:
        """Eight hex digits that tell this place's cgroups from those of others."""
        return f"{zlib.crc32(os.fsencode(self.folder.resolve())):08x}"

    def log_of(self, identifier: str) -> Path:
        """The log of a container."""
        return self.logs / f"{identifier}.log"


def place() -> Place:
    """The place the environment names: ENGINE_STATE, or the usual one.

    Raises:
        EngineError: the path is too long for a socket.
    """
    named = os.environ.get("ENGINE_STATE")
    folder = Path(named).absolute() if named else DEFAULT_FOLDER
    if len(os.fsencode(folder / SOCKET)) > MAX_SOCKET_PATH:
        raise EngineError(
            f"the path of the state folder, {folder}, is too long for a socket",
            f"Let ENGINE_STATE name one of at most {MAX_SOCKET_PATH - len(SOCKET) - 1} bytes.",
        )
    return Place(folder, folder / "logs" if named else DEFAULT_LOGS)


def claim(where: Place) -> int:
    """Make the folders and take the lock, held until the process ends; gives its descriptor.

    Raises:
        EngineError: another supervisor lives there, or the folders cannot be made.
    """
    try:
        where.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        where.logs.mkdir(mode=0o755, parents=True, exist_ok=True)
        lock = os.open(where.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise EngineError(f"the folder {error.filename} cannot be used: {error.strerror}") from error
    # region 09.stale
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise EngineError(
            f"another supervisor is running in {where.folder}",
            "Stop it first, or let ENGINE_STATE name another folder for this one.",
        ) from error
    # endregion 09.stale
    for leftover in where.logs.glob(".*.log*.new"):
        leftover.unlink(missing_ok=True)
    return lock
