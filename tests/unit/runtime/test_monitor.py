"""The monitor's interface, byte by byte, as kernel/monitor_ioctl.h has it."""

from __future__ import annotations

import re
import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from supervisor import monitor
from supervisor.monitor import Event, parse_events, parse_kernel_log

HEADER = Path(__file__).parents[3] / "kernel" / "monitor_ioctl.h"


def event(kind: int, pid: int, name: bytes, rss: int = 5, limit: int = 4) -> bytes:
    return struct.pack("=IIiIQQQ32s", 72, kind, pid, 0, rss, limit, 1, name)


def test_numbers_are_those_of_the_kernel() -> None:
    """_IOW('M', 1, 56 bytes), _IOW('M', 3, 64 bytes), _IOR('M', 5, 4 bytes), worked out by hand."""
    assert monitor.REGISTER == 0x40384D01
    assert monitor.REGISTER_V2 == 0x40404D03
    assert monitor.ABI_VERSION == 0x80044D05
    assert len(event(1, 1, b"")) == 72


def test_the_header_still_says_so() -> None:
    """Order and width of the fields in the header are what is packed here."""
    source = HEADER.read_text()
    widths = {"__u32": "I", "__s32": "i", "__u64": "Q", "char": "32s"}
    for name, packed in (("monitor_request_v2", "IIiIQQ32s"), ("monitor_event", "IIiIQQQ32s")):
        body = re.search(rf"struct {name} {{(.*?)}};", source, re.DOTALL)
        assert body
        assert "".join(widths[kind] for kind in re.findall(r"(\w+) \w+(?:\[\w+\])?;", body[1])) == packed


def test_events_are_read_record_by_record() -> None:
    data = event(1, 7, b"a") + event(2, 7, b"a") + event(3, 7, b"a", 0, 0) + event(2, 8, b"x" * 31) + b"half"
    assert parse_events(data) == [
        Event("soft", 7, "a", 5, 4),
        Event("hard", 7, "a", 5, 4),
        Event("hard", 8, "x" * 31, 5, 4),
    ]


@given(st.binary(max_size=300))
def test_any_bytes_can_be_read(data: bytes) -> None:
    parse_events(data)
    parse_kernel_log(data)


def test_older_modules_say_it_in_the_kernel_log() -> None:
    """In the exact words of the contract, and in those of a course submission."""
    exact = b"4,1,2,-;[container_monitor] HARD LIMIT container=box pid=42 rss=5 limit=4\n SUBSYSTEM=x\n"
    assert parse_kernel_log(exact) == [Event("hard", 42, "box", 0, 0)]
    assert parse_kernel_log(b"4,1,2,-;container_monitor: soft limit exceeded, PID 42\n") == [
        Event("soft", 42, "", 0, 0)
    ]
    assert (
        parse_kernel_log(b"6,1,2,-;[container_monitor] Registering container=box pid=42 soft=1 hard=2\n")
        == []
    )
    assert parse_kernel_log(b"4,1,2,-;something else: HARD LIMIT pid=42\n") == []
