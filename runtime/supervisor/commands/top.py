"""`top`: the processes of a container, as the host sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor import usage
from supervisor.commands.base import Command
from supervisor.errors import EngineError
from supervisor.options import Grammar, Line, Option, printable
from supervisor.text import as_json, columns, duration, size, words

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.usage import Process


@dataclass(frozen=True)
class TopRequest:
    """`top`."""

    id: str
    format: str = "table"


def parse(line: Line) -> TopRequest:
    """The request that a line means."""
    return TopRequest(line.id(), line.one_of("--format", "table", "json"))


def top(engine: Engine, request: TopRequest, reply: Reply) -> None:
    """Every process of the moment."""
    container = engine.registry.find(request.id)
    if container.record.state != "running":
        raise EngineError(f"container {request.id} is not running")
    found = usage.processes(container)
    if request.format == "json":
        reply.end(0, as_json([describe(process) for process in found]))
        return
    rows = [("PID", "INSIDE", "PPID", "STATE", "RSS", "TIME", "COMMAND")]
    for one in found:
        command = " ".join(words(one.command)) if one.command else f"[{one.name}]"
        rows.append(
            (
                str(one.pid),
                str(one.inner),
                str(one.parent),
                one.state,
                size(one.resident),
                duration(one.cpu),
                printable(command),
            )
        )
    reply.end(0, columns(rows))


def describe(process: Process) -> dict[str, object]:
    """A process as JSON shows it."""
    return {
        "pid": process.pid,
        "pid_inside": process.inner,
        "ppid": process.parent,
        "state": process.state,
        "rss_bytes": process.resident,
        "cpu_seconds": process.cpu,
        "name": process.name,
        "command": words(process.command),
    }


TOP = Command(
    name="top",
    usage="[options] <id>",
    summary="the processes of a container",
    text="""\
The processes of a container that runs, those that `exec` has put there included. PID and
PPID are the host's, so the first process's parent is the supervisor; INSIDE is the PID in the
container. RSS is resident memory, TIME the time on a CPU.
""",
    grammar=Grammar((Option(("--format",), "a table for people, or JSON for programs", "table|json"),)),
    parse=parse,
    answer=top,
    completes="running",
)
