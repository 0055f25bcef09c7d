"""`ps`: every container, living or ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands.base import Command
from supervisor.options import Grammar, Line, Option
from supervisor.records import signal_name
from supervisor.text import as_json, describe, mebibytes, timestamp

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.records import Record


@dataclass(frozen=True)
class PsRequest:
    """`ps`."""

    format: str = "table"


def parse(line: Line) -> PsRequest:
    """The request that a line means."""
    line.nothing()
    return PsRequest(line.one_of("--format", "table", "json"))


def ps(engine: Engine, request: PsRequest, reply: Reply) -> None:
    """Every record, all of one moment."""
    containers = engine.registry.all()
    with engine.registry.lock:
        records = [container.record for container in containers]
        json = request.format == "json"
        answer = as_json([describe(record) for record in records]) if json else table(records)
    reply.end(0, answer)


def table(records: list[Record]) -> str:
    """`ps`, for people: one line a container, one word a column."""
    rows = [
        ("ID", "PID", "STATE", "STARTED", "SOFT", "HARD", "NICE", "EXIT", "REASON", "BY", "LIMITS", "LOG")
    ]
    for record in records:
        status = record.status
        end = "-"
        if status is not None:
            end = signal_name(status.signal) if status.signal is not None else str(status.code)
        rows.append(
            (
                record.id,
                str(record.pid or "-"),
                record.state,
                (timestamp(record.started) or "-").partition(".")[0] + ("Z" if record.started else ""),
                mebibytes(record.soft_limit),
                mebibytes(record.hard_limit),
                str(record.nice),
                end,
                record.reason or "-",
                record.stopped_by or "-",
                record.limits,
                record.log,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join(lines) + "\n"


PS = Command(
    name="ps",
    usage="[options]",
    summary="every container, living or ended",
    text="""\
Every container, living or ended. STATE is starting, running or exited. REASON tells how it
ended: exited (by itself), stopped (by `stop`; BY says which signal did it),
hard_limit_killed (it passed its hard limit), killed (by SIGKILL from outside).
LIMITS tells who watches its memory: monitor, cgroup or none.
""",
    grammar=Grammar((Option(("--format",), "a table for people, or JSON for programs", "table|json"),)),
    parse=parse,
    answer=ps,
)
