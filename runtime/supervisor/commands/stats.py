"""`stats`: what containers use, again each second."""

from __future__ import annotations

import json
import os
import select
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor import drawing
from supervisor.commands.base import Command
from supervisor.drawing import Cell, Column
from supervisor.options import Grammar, Line, Option
from supervisor.text import as_json, columns, mebibytes, size, timestamp
from supervisor.usage import Usage, usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container
    from supervisor.protocol import Terminal

INTERVAL = 1.0
"""Seconds between two looks; CPU time is that of the interval."""


@dataclass(frozen=True)
class StatsRequest:
    """`stats`."""

    ids: tuple[str, ...]
    stream: bool = True
    format: str = "table"


@dataclass(frozen=True)
class Sample:
    """What a container uses, and has used of a CPU since the sample before."""

    id: str
    soft: int  # bytes
    hard: int  # bytes
    paused: bool
    usage: Usage | None  # None: it does not run
    cpu: float | None  # 1.0 is one CPU; None where there was no sample before


def parse(line: Line) -> StatsRequest:
    """The request that a line means."""
    return StatsRequest(
        line.ids(at_least=0), not line.has("--no-stream"), line.one_of("--format", "table", "json")
    )


def stats(engine: Engine, request: StatsRequest, reply: Reply) -> None:
    """Until the client leaves, or the containers that were named have ended."""
    named = [engine.registry.find(identifier) for identifier in request.ids]
    terminal = reply.request.terminal if request.stream and request.format == "table" else None
    before: dict[Container, tuple[float, Usage | None]] = {}
    while True:
        chosen = named or [one for one in engine.registry.all() if one.record.state == "running"]
        before = {container: (time.monotonic(), usage(container)) for container in chosen}
        if not pause(engine, reply):
            return
        # Before the samples: the last one tells of every container that it has ended.
        over = engine.registry.events.closed or (named and all(one.exited.is_set() for one in named))
        samples = []
        for container in chosen:
            samples.append(sample(container, *before[container]))
        reply.out(render(samples, request, terminal).encode())
        if over or not request.stream:
            break
    reply.end(0)


def pause(engine: Engine, reply: Reply) -> bool:
    """Let an interval pass; False when the client is gone. The supervisor's end cuts it short."""
    journal = engine.registry.events
    deadline = time.monotonic() + INTERVAL
    with journal.bell.heard() as bell:
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        poll.register(reply.connection, select.POLLIN)
        while (left := deadline - time.monotonic()) > 0 and not journal.closed:
            for descriptor, _ in poll.poll(left * 1000 + 1):
                if descriptor == bell:
                    os.eventfd_read(bell)
                elif reply.hear() is None:
                    return False
    return True


def sample(container: Container, when: float, before: Usage | None) -> Sample:
    """What a container uses now, and has used since an earlier moment."""
    record = container.record
    now = usage(container)
    cpu = (now.cpu - before.cpu) / (time.monotonic() - when) if now and before else None
    return Sample(record.id, record.soft_limit, record.hard_limit, record.paused, now, cpu)


def render(samples: Sequence[Sample], request: StatsRequest, terminal: Terminal | None) -> str:
    """The samples of a moment, for whoever reads them."""
    if request.format == "json":
        shown = [describe(one) for one in samples]
        return as_json(shown) if not request.stream else json.dumps(shown) + "\n"
    if terminal is None:
        return columns([TITLES, *map(row, samples)])
    lines = draw(samples, terminal)
    if len(lines) > terminal.rows - 1:
        lines = [*lines[: terminal.rows - 2], f"... and {len(lines) - terminal.rows + 2} more"]
    ends = drawing.CLEAR_LINE + "\r\n"
    return drawing.HOME + "".join(line + ends for line in lines) + drawing.CLEAR_BELOW


TITLES = ("ID", "CPU%", "MEM", "SOFT", "HARD", "MEM%", "PIDS")


def row(one: Sample) -> tuple[str, ...]:
    """A line of the table, one word a column."""
    limits = mebibytes(one.soft), mebibytes(one.hard)
    if one.usage is None:
        return one.id, "-", "-", *limits, "-", "-"
    return (
        one.id,
        f"{one.cpu:.1%}" if one.cpu is not None else "-",
        size(one.usage.memory),
        *limits,
        f"{one.usage.memory / one.hard:.1%}",
        str(one.usage.processes),
    )


def draw(samples: Sequence[Sample], terminal: Terminal) -> list[str]:
    """The same for a terminal."""
    rows = [row(one) for one in samples]
    memory = [
        drawing.gauge(f"{cells[2]} of {cells[3]}/{cells[4]}", one.usage.memory, one.soft, one.hard)
        if one.usage
        else Cell("-", drawing.DIM)
        for one, cells in zip(samples, rows, strict=True)
    ]
    load = [
        drawing.gauge(cells[1].rjust(8), one.cpu, 2.0, 1.0) if one.cpu is not None else Cell(cells[1])
        for one, cells in zip(samples, rows, strict=True)
    ]
    state = [
        Cell("paused", drawing.YELLOW)
        if one.paused
        else Cell("ended", drawing.DIM)
        if one.usage is None
        else Cell("")
        for one in samples
    ]
    shown = [
        Column("ID", [Cell(one.id, drawing.BOLD) for one in samples], least=8),
        Column("CPU", load),
        Column("MEMORY of SOFT/HARD ", memory),
        Column("PIDS", [Cell(cells[6]) for cells in rows], needed=False),
        Column("", state, needed=False),
    ]
    return drawing.table(shown, terminal.columns)


def describe(one: Sample) -> dict[str, object]:
    """A sample as JSON shows it."""
    used = one.usage
    return {
        "time": timestamp(time.time()),
        "id": one.id,
        "cpu_percent": round(one.cpu * 100, 2) if one.cpu is not None else None,
        "cpu_seconds": used.cpu if used else None,
        "memory_bytes": used.memory if used else None,
        "soft_limit_bytes": one.soft,
        "hard_limit_bytes": one.hard,
        "memory_percent": round(used.memory / one.hard * 100, 2) if used else None,
        "pids": used.processes if used else None,
        "paused": one.paused,
    }


STATS = Command(
    name="stats",
    usage="[options] [id...]",
    summary="what containers use, again each second",
    text="""\
CPU time, memory against both limits, and the number of processes, of the containers named or
of all that run; again each second until Ctrl-C. 100% is one CPU. MEM is what whoever holds
the limits counts: the resident memory of all processes, or the cgroup's memory.
""",
    grammar=Grammar(
        (
            Option(("--no-stream",), "once, over one second"),
            Option(
                ("--format",), "a table for people, or JSON for programs: an array each time", "table|json"
            ),
        )
    ),
    parse=parse,
    answer=stats,
    completes="containers",
)
