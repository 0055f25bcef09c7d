"""The binary interface, as a C program of user space sees it: the numbers of the contract."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

REQUEST = "struct monitor_request"
REQUEST_V2 = "struct monitor_request_v2"
EVENT = "struct monitor_event"


def ioc(direction: int, number: int, size: int) -> int:
    """A command number as asm-generic/ioctl.h builds it; 1 is _IOW, 2 is _IOR."""
    return direction << 30 | size << 16 | ord("M") << 8 | number


EXPECTED = {
    f"sizeof({REQUEST})": 56,
    f"offsetof({REQUEST}, pid)": 0,
    f"offsetof({REQUEST}, soft_limit_bytes)": 8,
    f"offsetof({REQUEST}, hard_limit_bytes)": 16,
    f"offsetof({REQUEST}, container_id)": 24,
    f"sizeof({REQUEST_V2})": 64,
    f"offsetof({REQUEST_V2}, size)": 0,
    f"offsetof({REQUEST_V2}, flags)": 4,
    f"offsetof({REQUEST_V2}, pid)": 8,
    f"offsetof({REQUEST_V2}, reserved)": 12,
    f"offsetof({REQUEST_V2}, soft_limit_bytes)": 16,
    f"offsetof({REQUEST_V2}, hard_limit_bytes)": 24,
    f"offsetof({REQUEST_V2}, container_id)": 32,
    f"sizeof({EVENT})": 72,
    f"offsetof({EVENT}, size)": 0,
    f"offsetof({EVENT}, type)": 4,
    f"offsetof({EVENT}, pid)": 8,
    f"offsetof({EVENT}, lost)": 12,
    f"offsetof({EVENT}, rss_bytes)": 16,
    f"offsetof({EVENT}, limit_bytes)": 24,
    f"offsetof({EVENT}, time_ns)": 32,
    f"offsetof({EVENT}, container_id)": 40,
    "MONITOR_REGISTER": ioc(1, 1, 56),
    "MONITOR_UNREGISTER": ioc(1, 2, 56),
    "MONITOR_REGISTER_V2": ioc(1, 3, 64),
    "MONITOR_UNREGISTER_V2": ioc(1, 4, 64),
    "MONITOR_ABI_VERSION": ioc(2, 5, 4),
    "MONITOR_ABI": 2,
    "MONITOR_ID_SIZE": 32,
    "MONITOR_EVENT_SOFT": 1,
    "MONITOR_EVENT_HARD": 2,
    "MONITOR_EVENT_GONE": 3,
}


@pytest.mark.skipif(
    sys.maxsize < 1 << 32 or platform.machine() not in ("x86_64", "aarch64"),
    reason="the contract's numbers are those of a 64-bit machine with asm-generic ioctl numbers",
)
def test_layout_and_numbers(
    build: Callable[[str, Path, Path], Path],
    feed: Callable[[Path, list[str]], list[str]],
    kernel: Path,
    tmp_path: Path,
) -> None:
    prints = "".join(f'    printf("%lu\\n", (unsigned long)({name}));\n' for name in EXPECTED)
    headers = '#include <stddef.h>\n#include <stdio.h>\n#include "monitor_ioctl.h"\n'
    program = build(f"{headers}int main(void)\n{{\n{prints}    return 0;\n}}\n", tmp_path, kernel)
    values = map(int, feed(program, []))
    assert dict(zip(EXPECTED, values, strict=True)) == EXPECTED
