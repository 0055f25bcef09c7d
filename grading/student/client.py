"""Asks a workspace's keeper, and starts it where there is none."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from grading.student.places import LOCK, LOG, MACHINE, SOCKET, home, machine_name, stamp
from lab.console import Progress
from lab.errors import LabError
from lab.workspace.state import Workspace

START_SECONDS = 60.0
"""Until a keeper listens; it reads all checks first, and leaves a process behind that serves."""

END_SECONDS = 20.0

Event = dict[str, Any]


def ask(workspace: Workspace, request: Event, named: str | None, progress: Progress) -> Iterator[Event]:
    """What the keeper answers, as it comes; `step` goes to the progress, and an error is raised.

    Args:
        workspace: the student's.
        request: what is asked for.
        named: the machine that the command line says.
        progress: told what is done.

    Raises:
        LabError: it says what went wrong, or no keeper can be started.
    """
    machine = machine_name(workspace, named)
    for _ in range(3):
        with contextlib.closing(_connected(workspace, machine, progress)) as connection:
            with contextlib.suppress(ConnectionError):  # it has just ended, as the lack of an answer tells
                connection.sendall(json.dumps({**request, "stamp": stamp()}).encode() + b"\n")
            other = yield from _events(connection, home(workspace), progress)
        if not other:
            return
        progress.step("Starting anew, since the kit has changed")
        _await_end(workspace)
    raise LabError("The kit changes while it works", "Try again when nothing changes it.")


def _events(connection: socket.socket, folder: Path, progress: Progress) -> Generator[Event, None, bool]:
    """The answers to one request; returns whether another keeper is to be asked."""
    nothing_came = True
    with connection.makefile("rb") as lines, contextlib.suppress(ConnectionError):
        for line in lines:
            event: Event = json.loads(line)
            if "other" in event:
                return True
            nothing_came = False
            if "step" in event:
                progress.step(event["step"])
            elif "error" in event:
                said = event["error"]
                raise LabError(
                    said["what"], said["remedy"], detail=said["detail"], exit_status=said["status"]
                )
            else:
                yield event
                if "done" in event:
                    return False
    if nothing_came:
        return True  # it ended of itself at this moment
    raise LabError(
        "The process that keeps the guest has ended in the middle",
        f"Try again; {folder / LOG} may say why.",
        exit_status=3,
    )


def _connected(workspace: Workspace, machine: str, progress: Progress) -> socket.socket:
    folder = home(workspace)
    connection = _settled(folder)
    if connection is not None:
        with contextlib.suppress(OSError):
            if (folder / MACHINE).read_text() == machine:
                return connection
        connection.close()
        end(workspace)
    progress.step("Starting the guest's keeper")
    said = folder / LOG
    with said.open("wb") as log, contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            # -P: nothing that lies where the student stands is imported.
            [
                *(sys.executable, "-P", "-m", "grading.student.keeper"),
                *(str(workspace.folder.resolve()), machine, str(folder)),
            ],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=START_SECONDS, check=False,
            start_new_session=True,  # Ctrl-C is for us
        )  # fmt: skip
    if (connection := _connect(folder)) is not None:
        return connection
    words = said.read_text("utf-8", "replace").strip().splitlines()
    raise LabError(
        "The process that keeps the guest did not start", f"{said} says why.",
        detail=words[-1] if words else "", exit_status=3,
    )  # fmt: skip


def _settled(folder: Path) -> socket.socket | None:
    """A connection to the keeper, also to one that is just starting; None once there is none, nor its machine."""
    deadline = time.monotonic() + END_SECONDS
    while True:
        connection = _connect(folder)
        if connection is not None or _is_free(folder) or time.monotonic() > deadline:
            return connection
        time.sleep(0.05)


def _is_free(folder: Path) -> bool:
    """Whether no keeper is there: each holds a lock as long as it lives."""
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _connect(folder: Path) -> socket.socket | None:
    """A connection to the keeper in a folder; None where none listens."""
    connection = socket.socket(socket.AF_UNIX)
    try:
        # By way of a descriptor: the path of the folder may be too long for an address (unix(7)).
        place = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        try:
            connection.connect(f"/proc/self/fd/{place}/{SOCKET}")
        finally:
            os.close(place)
    except OSError:
        connection.close()
        return None
    return connection


def end(workspace: Workspace) -> None:
    """Let the keeper end, where there is one, and its machine with it."""
    folder = home(workspace)
    connection = _connect(folder)
    if connection is None:
        return
    with contextlib.closing(connection), contextlib.suppress(OSError):
        connection.sendall(b'{"do": "end"}\n')  # without a stamp: it is another kit's
        connection.recv(1 << 16)
    _await_end(workspace)


def _await_end(workspace: Workspace) -> None:
    deadline = time.monotonic() + END_SECONDS
    while not _is_free(home(workspace)) and time.monotonic() < deadline:
        time.sleep(0.05)
