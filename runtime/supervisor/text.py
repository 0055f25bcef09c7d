"""How times, signals, sizes and records are worded, whichever command shows them."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Sequence

from supervisor.records import MIB, Record


def timestamp(seconds: float) -> str | None:
    """A time as ISO 8601 in UTC with milliseconds; None for never."""
    if not seconds:
        return None
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def mebibytes(count: int) -> str:
    """A limit as it was given."""
    return f"{count // MIB}M"


def size(count: float) -> str:
    """A number of bytes, to three digits or so: 640K, 9.5M, 12M, 1.2G."""
    for unit in "BKMG":
        if count < 1000 or unit == "G":
            break
        count /= 1024
    return f"{count:.0f}{unit}" if unit == "B" or count >= 10 else f"{count:.1f}{unit}"


def duration(seconds: float) -> str:
    """A time on a CPU: minutes, seconds, hundredths."""
    minutes, rest = divmod(round(seconds * 100), 6000)
    return f"{minutes}:{rest // 100:02d}.{rest % 100:02d}"


def words(command: Sequence[bytes]) -> list[str]:
    """A command line, for JSON and for people."""
    return [word.decode("utf-8", "backslashreplace") for word in command]


def columns(rows: Sequence[Sequence[str]]) -> str:
    """A table: a line a row, its cells padded to the width of their column."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join(lines) + "\n"


def as_json(value: object) -> str:
    """What programs read: indented, and with a newline at its end."""
    return json.dumps(value, indent=2) + "\n"


def describe(record: Record) -> dict[str, object]:
    """A record as JSON shows it. The keys are an interface: none is ever renamed."""
    status = record.status
    return {
        "id": record.id,
        "pid": record.pid or None,
        "state": record.state,
        "started": timestamp(record.started),
        "ended": timestamp(record.ended),
        "soft_limit_bytes": record.soft_limit,
        "hard_limit_bytes": record.hard_limit,
        "nice": record.nice,
        "cpuset": record.cpuset or None,
        "exit_code": status.code if status else None,
        "signal": status.signal if status else None,
        "reason": record.reason,
        "stopped_by": record.stopped_by,
        "log": record.log,
        "limits": record.limits,
        "soft_limit_hit": record.soft_limit_hit,
        "hard_limit_hit": record.hard_limit_hit,
        "rootfs": record.rootfs,
        "command": shlex.join(words(record.command)),
        "notes": list(record.notes),
        **record.settings,
        "paused": record.paused,
    }
