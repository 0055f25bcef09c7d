"""Short conversations with a running QEMU over its QMP socket.

QEMU's monitor talks to one client at a time, so nobody keeps a connection: each call
connects, asks and leaves, and `lab status` works while a demonstration runs.
The protocol: docs/interop/qmp-spec.rst in QEMU's sources.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from qemu.qmp import ExecuteError, QMPClient, QMPError

from lab.errors import MachineError

logging.getLogger("qemu.qmp").setLevel(logging.CRITICAL)  # what it would log, our exceptions say

T = TypeVar("T")

Command = tuple[str, dict[str, Any]]


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Another name for a socket, short enough for sockaddr_un (107 bytes, unix(7)) wherever it lies."""
    folder = os.open(path.parent, os.O_PATH)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class QmpRefused(MachineError):
    """QEMU understood a command and would not do it."""


def execute(path: Path, name: str, /, *, timeout: float = 10, **arguments: Any) -> Any:
    """Run one QMP command and return its answer.

    Args:
        path: QEMU's monitor socket.
        name: the command, as in QEMU's QMP reference.
        timeout: seconds until QEMU counts as hung.

    Raises:
        QmpRefused: QEMU answered with an error.
        MachineError: there is no QEMU behind the socket, or it does not answer.
    """
    return execute_all(path, [(name, arguments)], timeout=timeout)[0]


def execute_all(path: Path, commands: list[Command], *, timeout: float = 10) -> list[Any]:
    """Run several commands in one conversation; stops at the first that is refused."""

    async def ask(client: QMPClient) -> list[Any]:
        return [await client.execute(name, arguments) for name, arguments in commands]

    return _converse(path, ask, timeout)


def run_job(path: Path, name: str, /, *, timeout: float, **arguments: Any) -> None:
    """Run a QMP command that works in the background as a job, and wait for its end.

    Raises:
        QmpRefused: the job failed; the message holds QEMU's reason.
        MachineError: it did not end within `timeout` seconds.
    """
    job = f"{name}-{time.monotonic_ns()}"

    async def ask(client: QMPClient) -> str | None:
        with client.listener("JOB_STATUS_CHANGE") as events:
            await client.execute(name, {"job-id": job, **arguments})
            async for event in events:
                data: Any = event["data"]
                if data["id"] == job and data["status"] == "concluded":
                    break
        answer: Any = await client.execute("query-jobs")
        reason = next((entry.get("error") for entry in answer if entry["id"] == job), None)
        await client.execute("job-dismiss", {"id": job})
        return None if reason is None else str(reason)

    reason = _converse(
        path, ask, timeout, f"Its `{name}` may still go on: look with `lab status {path.parent.name}`."
    )
    if reason:
        raise QmpRefused(f"QEMU's job `{name}` failed: {reason}")


def _converse(path: Path, ask: Callable[[QMPClient], Awaitable[T]], timeout: float, when_late: str = "") -> T:
    """Connect, let `ask` talk, leave; every way in which that fails becomes a `MachineError`."""

    async def conversation(connected: socket.socket) -> T:
        client = QMPClient("boxwright")
        await client.connect(connected)
        try:
            return await ask(client)
        finally:
            # QEMU hangs up first where the command was `quit`; the answer counts all the same.
            with suppress(EOFError, QMPError):
                await client.disconnect()

    try:
        with _connected(path, timeout) as connected:
            return asyncio.run(asyncio.wait_for(conversation(connected), timeout))
    except ExecuteError as error:
        raise QmpRefused(f"QEMU refused: {error}") from error
    except (TimeoutError, BlockingIOError) as error:
        raise MachineError(
            f"QEMU did not answer on {path} within {timeout:.0f} s",
            when_late or _how_to_end(path.parent),
        ) from error
    except (QMPError, OSError, EOFError) as error:
        raise MachineError(f"No QEMU answers on {path}: {error or type(error).__name__}") from error


def _how_to_end(folder: Path) -> str:
    if folder.suffix == ".new":  # an image or a warm state that is being made
        return "If it hangs, `lab image build` removes it once the command that made it has ended."
    return f"If it hangs, `lab down --force {folder.name}` ends it."


@contextmanager
def _connected(path: Path, timeout: float) -> Iterator[socket.socket]:
    """A connection to QEMU's socket, waited for while others have their turn.

    QEMU lets one client wait besides the one it talks to. For a third, a non-blocking connect
    gives EAGAIN at once (unix(7)), which asyncio takes for success; a blocking one waits.
    """
    with socket.socket(socket.AF_UNIX) as client, short_path(path) as name:
        limit = struct.pack("@ll", int(timeout), int(timeout % 1 * 1e6))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        client.connect(name)
        client.setblocking(False)
        yield client
