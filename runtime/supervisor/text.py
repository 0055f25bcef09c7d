"""How times, signals, sizes and records are worded, whichever command shows them."""

from __future__ import annotations

import json
import shlex
import time

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
        "command": shlex.join(word.decode("utf-8", "backslashreplace") for word in record.command),
        "notes": list(record.notes),
        "paused": record.paused,
    }
