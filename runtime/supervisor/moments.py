"""Moments as people write them, and as they are shown: RFC 3339, seconds since the epoch, "10m" ago."""

from __future__ import annotations

import re
import time
from datetime import datetime

from supervisor.errors import UsageError
from supervisor.options import show

_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(h|ms|us|µs|m|s)"
_DURATION = re.compile(f"(?:{_PART})+")
_SECONDS = re.compile(r"[0-9]{1,11}(?:\.[0-9]{1,9})?")


def parse_moment(key: str, text: str, now: float) -> int:
    """A moment in microseconds since the epoch.

    Takes what `docker logs --since` takes: a duration before now in the manner of Go
    (`90s`, `1h30m`), seconds since the epoch, or a date with or without time and zone
    (`2026-01-31T12:00:00Z`); without a zone it is the supervisor's local time.

    Args:
        key: the option that holds it.
        text: its value.
        now: seconds since the epoch.

    Raises:
        UsageError: it is none of these.
    """
    if _DURATION.fullmatch(text):
        ago = sum(float(count) * _UNITS[unit] for count, unit in re.findall(_PART, text))
        return max(0, int((now - ago) * 1e6))
    if _SECONDS.fullmatch(text):
        return int(float(text) * 1e6)
    try:
        return max(0, int(datetime.fromisoformat(text).timestamp() * 1e6))
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{key} is a moment, not {show(text)}",
            "Write 2026-01-31T12:00:00Z, seconds since the epoch, or a time ago such as 10m or 1h30m.",
        ) from None


def stamp(moment: int) -> bytes:
    """Microseconds since the epoch in RFC 3339, UTC."""
    seconds, rest = divmod(moment, 1_000_000)
    return time.strftime(f"%Y-%m-%dT%H:%M:%S.{rest:06d}Z", time.gmtime(seconds)).encode()
