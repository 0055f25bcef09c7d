"""`ps`: every container, living or ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands.base import Command
from supervisor.errors import UsageError
from supervisor.options import Grammar, Line, Option, parse_filters, show
from supervisor.records import signal_name
from supervisor.text import as_json, columns, describe, mebibytes, timestamp

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.records import Record


KEYS = ("id", "name", "status", "reason", "exited")
"""What can be filtered by."""
STATUSES = {"starting", "running", "paused", "exited"}
REASONS = {"exited", "stopped", "hard_limit_killed", "killed"}


@dataclass(frozen=True)
class PsRequest:
    """`ps`."""

    format: str = "table"
    quiet: bool = False
    filters: tuple[tuple[str, frozenset[str]], ...] = ()  # each must hold; of its values, any


def parse(line: Line) -> PsRequest:
    """The request that a line means."""
    line.nothing()
    filters = parse_filters("--filter", line.all("--filter"), KEYS)
    for key, known in (("status", STATUSES), ("reason", REASONS)):
        if unknown := filters.get(key, frozenset()) - known:
            raise UsageError(
                f"there is no {key} {show(min(unknown))}", f"There are {', '.join(sorted(known))}."
            )
    return PsRequest(line.one_of("--format", "table", "json"), line.has("--quiet"), tuple(filters.items()))


def ps(engine: Engine, request: PsRequest, reply: Reply) -> None:
    """Every record that was asked for, all of one moment."""
    everything = engine.registry.all()
    with engine.registry.lock:
        containers = [one for one in everything if all(holds(one.record, *each) for each in request.filters)]
        records = [container.record for container in containers]
        if request.quiet:
            answer = "".join(f"{record.id}\n" for record in records)
        elif request.format == "json":
            answer = as_json([describe(record) for record in records])
        elif reply.request.terminal is None:
            answer = table(records)
        else:
            answer = ""
    if not answer and not request.quiet and reply.request.terminal is not None:
        from supervisor.commands import ps_view  # most calls need none of it

        answer = ps_view.draw(containers, reply.request.terminal)
    reply.end(0, answer)


def holds(record: Record, key: str, values: frozenset[str]) -> bool:
    """Whether a filter holds of a record."""
    if key in ("id", "name"):
        return any(value in record.id for value in values)
    if key == "status":
        return record.state in values or (record.paused and "paused" in values)
    if key == "reason":
        return record.reason in values
    return record.status is not None and str(record.status.as_shell()) in values


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
    return columns(rows)


PS = Command(
    name="ps",
    usage="[options]",
    summary="every container, living or ended",
    text="""\
Every container, living or ended. STATE is starting, running or exited. REASON tells how it
ended: exited (by itself), stopped (by `stop`; BY says which signal did it),
hard_limit_killed (it passed its hard limit), killed (by SIGKILL from outside).
LIMITS tells who watches its memory: monitor, cgroup or none. On a terminal (unless NO_COLOR
is set) a view for people takes the table's place; where output is read by programs, the
table's columns stay as they are.
""",
    grammar=Grammar(
        (
            Option(("-a", "--all"), "those that have ended as well, which is so in any case"),
            Option(("-q", "--quiet"), "only the ids"),
            Option(("-f", "--filter"), "only those; may be given more than once", "KEY=VALUE"),
            Option(("--format",), "a table for people, or JSON for programs", "table|json"),
        )
    ),
    after="""\
KEY is id (name is the same), of which VALUE may be a part; status (starting, running, paused,
exited); reason; or exited (the exit status). Of several values for one key any will do;
several keys must all hold.
""",
    parse=parse,
    answer=ps,
)
