"""What the outputs of the guest say, as values: containers, lines of the kernel log, namespaces.

Pure functions of text. What cannot be read raises `Unreadable`, which makes the
demonstration fail with that sentence, not the program.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

MIB = 1 << 20


class Unreadable(Exception):
    """An output is not what it should be; the text says which and how."""


@dataclass(frozen=True)
class Container:
    """A container as `engine ps --format json` tells it."""

    id: str
    pid: int | None
    state: str
    started: float | None
    """Seconds since the epoch."""
    soft_limit: int
    """Bytes, as is the hard limit."""
    hard_limit: int
    nice: int
    exit_code: int | None
    signal: int | None
    reason: str | None
    stopped_by: str | None
    log: str
    limits: str

    @property
    def ended(self) -> bool:
        """Whether it is over."""
        return self.state == "exited"


def containers(text: str) -> dict[str, Container]:
    """All containers of `engine ps --format json`, by id."""
    try:
        rows: list[dict[str, Any]] = json.loads(text)
        return {row["id"]: _container(row) for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise Unreadable(f"`engine ps --format json` cannot be read ({error!r})") from error


def _container(row: dict[str, Any]) -> Container:
    return Container(
        id=row["id"],
        pid=row["pid"],
        state=row["state"],
        started=datetime.fromisoformat(row["started"]).timestamp() if row["started"] else None,
        soft_limit=row["soft_limit_bytes"],
        hard_limit=row["hard_limit_bytes"],
        nice=row["nice"],
        exit_code=row["exit_code"],
        signal=row["signal"],
        reason=row["reason"],
        stopped_by=row["stopped_by"],
        log=row["log"],
        limits=row["limits"],
    )


def one(known: dict[str, Container], identifier: str) -> Container:
    """The container of that id."""
    if identifier not in known:
        raise Unreadable(f"`engine ps` does not know the container {identifier}")
    return known[identifier]


@dataclass(frozen=True)
class LimitEvent:
    """A line in which the monitor says that a container passed a limit."""

    kind: str
    """`SOFT` or `HARD`."""
    id: str
    pid: int
    rss: int
    """Bytes, as is the limit."""
    limit: int
    position: int
    """Which line of the kernel log, from 0."""


_LIMIT = re.compile(
    r"\[container_monitor\] (SOFT|HARD) LIMIT container=(\S+) pid=(\d+) rss=(\d+) limit=(\d+)"
)


def limit_events(kernel_log: Iterable[str], identifier: str) -> list[LimitEvent]:
    """What the monitor said of one container, in order; time stamps before the line do not disturb."""
    found = []
    for position, line in enumerate(kernel_log):
        match = _LIMIT.search(line)
        if match and match[2] == identifier:
            found.append(
                LimitEvent(match[1], match[2], int(match[3]), int(match[4]), int(match[5]), position)
            )
    return found


def fields(text: str, name: str) -> list[str]:
    """The values of `Name: value` in outputs such as /proc/PID/status, in order."""
    return re.findall(rf"^(?:[^:\n]*:)?{re.escape(name)}:[ \t]*(.*)$", text, re.MULTILINE)


def json_lines(text: str) -> list[dict[str, Any]]:
    """What a program of `guest/` printed."""
    try:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise Unreadable(f"the measuring program in the guest did not answer in JSON ({error})") from error


TROUBLE = re.compile(
    r"BUG:|Oops|general protection fault|WARNING: |Call Trace|KASAN|kernel panic|soft lockup|hung task"
    r"|rcu.*stall|refcount_t|use-after-free|UBSAN",
    re.IGNORECASE,
)
"""What the kernel says when a module misbehaves."""


def trouble(kernel_log: Iterable[str]) -> list[str]:
    """The lines of a kernel log that must not be there."""
    return [line for line in kernel_log if TROUBLE.search(line)]
