"""`stop`: SIGTERM, a time of grace, SIGKILL."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands.base import Command
from supervisor.options import Line

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine


@dataclass(frozen=True)
class StopRequest:
    """`stop`."""

    id: str


def parse(line: Line) -> StopRequest:
    """The request that a line means."""
    return StopRequest(line.id())


def stop(engine: Engine, request: StopRequest, reply: Reply) -> None:
    """Returns when the container has ended."""
    container = engine.registry.find(request.id)
    if container.record.state == "exited":
        reply.end(0, f"{request.id} has exited already\n")
        return
    engine.stop_container(container)
    by = container.record.stopped_by
    reply.end(0, f"{request.id} stopped" + (f" by SIG{by}" if by else "") + "\n")


STOP = Command(
    name="stop",
    usage="<id>",
    summary="end a container",
    text="""\
Ask the container to end (SIGTERM), and end it (SIGKILL) if it has not done so in 3 seconds.
The first process of a container ignores SIGTERM unless it has a handler for it.
""",
    parse=parse,
    answer=stop,
    completes="containers",
)
