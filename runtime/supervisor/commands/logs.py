"""`logs`: what a container has written."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands.base import Command
from supervisor.options import Line

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.logs import ContainerLog

PIECE = 1 << 18
"""Bytes of a log in one frame."""
PATIENCE = 10.0
"""Seconds that the log of a container which has ended may take to be complete."""


@dataclass(frozen=True)
class LogsRequest:
    """`logs`."""

    id: str


def parse(line: Line) -> LogsRequest:
    """The request that a line means."""
    return LogsRequest(line.id())


def logs(engine: Engine, request: LogsRequest, reply: Reply) -> None:
    """What has been written so far; of a container that has ended, all of it."""
    container = engine.registry.find(request.id)
    log = container.log
    if log is None or container.record.state == "starting":
        reply.end(0)
        return
    if container.exited.is_set():
        log.complete.wait(PATIENCE)
    file = log.open_reader()
    try:
        send_log(file, 0, log.size, reply)
    finally:
        os.close(file)
    end_with_log(log, 0, reply)


def end_with_log(log: ContainerLog, status: int, reply: Reply) -> None:
    """End a reply that showed a log; say so if the log is not whole."""
    if log.lost:
        reply.error(f"the log is not whole: {log.lost} bytes could not be written to the disk")
    reply.end(status)


def send_log(file: int, start: int, end: int, reply: Reply) -> int:
    """Send a part of a log; gives where it stopped."""
    while start < end:
        piece = os.pread(file, min(PIECE, end - start), start)
        if not piece:
            break  # somebody has cut the file
        reply.out(piece)
        start += len(piece)
    return start


LOGS = Command(
    name="logs",
    usage="<id>",
    summary="what a container has written",
    text="""\
Everything the container has written so far to its standard output and standard error,
byte for byte and in order.
""",
    parse=parse,
    answer=logs,
    completes="containers",
)
