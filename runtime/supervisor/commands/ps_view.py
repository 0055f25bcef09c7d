"""`ps` on a terminal: colours, gauges and ages, in the width that there is."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from supervisor import drawing
from supervisor.drawing import Cell, Column
from supervisor.options import printable
from supervisor.records import signal_name
from supervisor.text import mebibytes, size, words
from supervisor.usage import usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from supervisor.live import Container
    from supervisor.protocol import Terminal
    from supervisor.records import Record


def draw(containers: Sequence[Container], terminal: Terminal) -> str:
    """The containers, a line each."""
    now = time.time()
    records = [container.record for container in containers]
    shown = [
        Column("ID", [Cell(record.id, drawing.BOLD) for record in records], least=8),
        Column("STATE", [state(record) for record in records]),
        Column("SINCE", [since(record, now) for record in records]),
        Column("MEMORY of SOFT/HARD ", [memory(container) for container in containers]),
        Column("LIMITS", [Cell(record.limits) for record in records], needed=False),
        Column("NICE", [Cell(str(record.nice)) for record in records], needed=False),
        Column("PID", [Cell(str(record.pid or "-")) for record in records], needed=False),
        Column("COMMAND", [Cell(command(record)) for record in records], needed=False, least=12),
    ]
    return "\n".join([*drawing.table(shown, terminal.columns), ""])


def command(record: Record) -> str:
    """What runs in it, in one line."""
    return printable(shlex.join(words(record.command)))


def state(record: Record) -> Cell:
    """Its state in a word, or how it has ended."""
    if record.state == "starting":
        return Cell("starting", drawing.CYAN)
    if record.state == "running":
        return Cell("paused", drawing.YELLOW) if record.paused else Cell("running", drawing.GREEN)
    status = record.status
    end = ""
    if status is not None:
        end = signal_name(status.signal) if status.signal is not None else str(status.code)
    if record.reason == "hard_limit_killed":
        return Cell("killed: hard limit", drawing.RED)
    if record.reason == "killed":
        return Cell("killed", drawing.RED)
    if record.reason == "stopped":
        return Cell(f"stopped by {record.stopped_by}", drawing.DIM)
    return Cell(f"exited {end}", drawing.DIM if end == "0" else drawing.YELLOW)


def since(record: Record, now: float) -> Cell:
    """When it came into that state."""
    moment = record.ended if record.state == "exited" else record.started
    return Cell(drawing.age(now - moment) if moment else "-", drawing.DIM if record.state == "exited" else "")


def memory(container: Container) -> Cell:
    """What it uses of its limits; of one that has ended, which of them it has passed."""
    record = container.record
    limits = f"{mebibytes(record.soft_limit)}/{mebibytes(record.hard_limit)}"
    used = usage(container)
    if used is not None:
        return drawing.gauge(
            f"{size(used.memory)} of {limits}", used.memory, record.soft_limit, record.hard_limit
        )
    if record.hard_limit_hit:
        return Cell(f"over {mebibytes(record.hard_limit)}", drawing.RED)
    if record.soft_limit_hit:
        return Cell(f"was over {mebibytes(record.soft_limit)}", drawing.YELLOW)
    return Cell(f"- of {limits}", drawing.DIM)
