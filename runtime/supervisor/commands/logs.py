"""`logs`: what a container has written, or the part of it that is asked for."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands.base import Command
from supervisor.errors import EngineError, UsageError
from supervisor.index import STDERR, STDOUT
from supervisor.moments import parse_moment
from supervisor.options import Grammar, Line, Option, show
from supervisor.reading import ALL, Reader, Selection, follow

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container
    from supervisor.logs import ContainerLog

PATIENCE = 10.0
"""Seconds that the log of a container which has ended may take to be complete."""

STREAMS = {"all": 0, "apart": 0, "stdout": STDOUT, "stderr": STDERR}


@dataclass(frozen=True)
class LogsRequest:
    """`logs`."""

    id: str
    selection: Selection = ALL
    follow: bool = False


def parse(line: Line) -> LogsRequest:
    """The request that a line means."""
    now = time.time()
    since, until = (
        parse_moment(key, line.last(key), now) if line.has(key) else 0 for key in ("--since", "--until")
    )
    tail = line.last("--tail", "all")
    if tail != "all" and not re.fullmatch("[0-9]{1,18}", tail):
        raise UsageError(f"--tail is a number of lines, or all, not {show(tail)}")
    stream = line.one_of("--stream", *STREAMS)
    return LogsRequest(
        line.id(),
        Selection(
            stream=STREAMS[stream],
            apart=stream == "apart",
            since=since,
            until=until,
            tail=-1 if tail == "all" else int(tail),
            timestamps=line.has("--timestamps"),
        ),
        line.has("--follow"),
    )


def logs(engine: Engine, request: LogsRequest, reply: Reply) -> None:
    """What has been written so far; of a container that has ended, all of it."""
    container = engine.registry.find(request.id)
    log = _begun(engine, container, wait=request.follow)
    if log is None:
        reply.end(0)
        return
    if log.joined and request.selection.stream:
        raise EngineError(
            f"the streams of container {request.id} cannot be told apart: it was started with --join-streams"
        )
    if container.exited.is_set():
        log.complete.wait(PATIENCE)
    reader = Reader(log, request.selection)
    try:
        if request.follow:
            if not follow(container, reader, reply, deadline=lambda: _left(request.selection.until)):
                return
        else:
            reader.send(reply)
    finally:
        reader.close()
    if log.index.broken and request.selection.stream:
        reply.error("the streams could not be told apart to the end: the disk took no more of the index")
    end_with_log(log, 0, reply)


def _begun(engine: Engine, container: Container, *, wait: bool) -> ContainerLog | None:
    """The log of a container, once it has been started; None if it is not, or not yet."""
    with engine.registry.lock:
        while wait and container.record.state == "starting" and container in engine.registry:
            engine.registry.changed.wait()
        return container.log if container.record.state != "starting" else None


def _left(until: int) -> float | None:
    """Milliseconds until a moment; None if it never comes."""
    return max(0.0, until / 1e3 - time.time() * 1e3) if until else None


def end_with_log(log: ContainerLog, status: int, reply: Reply) -> None:
    """End a reply that showed a log; say so if the log is not whole."""
    if log.lost:
        reply.error(f"the log is not whole: {log.lost} bytes could not be written to the disk")
    reply.end(status)


LOGS = Command(
    name="logs",
    usage="[options] <id>",
    summary="what a container has written",
    text="""\
What the container has written so far, byte for byte: both streams as they arrived, on
standard output. Each stream is in its own order; where both were written at nearly the same
time, which came first is not known (see --join-streams of `start`).
""",
    grammar=Grammar(
        (
            Option(("-f", "--follow"), "go on with what is written from now on, until the container ends"),
            Option(("-n", "--tail"), "only the last N lines, or all (the default)", "N"),
            Option(("--since",), "only what arrived at that time or later", "TIME"),
            Option(("--until",), "only what arrived before that time", "TIME"),
            Option(("-t", "--timestamps"), "before each line, when it arrived"),
            Option(
                ("--stream",), "only one of the two; or apart, each on its own", "all|apart|stdout|stderr"
            ),
        )
    ),
    after="""\
TIME is 2026-01-31T12:00:00Z, seconds since the epoch, or a time ago such as 10m or 1h30m.
Times are exact to a hundredth of a second.
""",
    parse=parse,
    answer=logs,
    completes="containers",
)
