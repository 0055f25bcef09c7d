"""The kernel does not patch its own running code while somebody works: see `boxwright-limits.slice` of the image."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

HASHES = r"""
import hashlib, json, struct

symbols = {}
for line in open("/proc/kallsyms"):
    address, _, name = line.split()[:3]
    if name in ("_stext", "_etext"):
        symbols[name] = int(address, 16)
start, end = symbols["_stext"], symbols["_etext"]
core = open("/proc/kcore", "rb")
header = core.read(64)  # an ELF file, elf(5)
assert header[:5] == b"\x7fELF\x02"
(table,) = struct.unpack_from("<Q", header, 32)
size, count = struct.unpack_from("<HH", header, 54)
for number in range(count):
    core.seek(table + number * size)
    kind, _, offset, first, _, length = struct.unpack("<IIQQQQ", core.read(40))
    if kind == 1 and first <= start and end <= first + length:
        core.seek(offset + start - first)
        text = core.read(end - start)
print(json.dumps([hashlib.sha1(text[page:page + 4096]).hexdigest() for page in range(0, len(text), 4096)]))
"""
"""Prints a hash of each page of the running kernel's code."""


def pages(machine: Machine) -> list[str]:
    """A hash of each page of the kernel's code, as it is now."""
    return list(json.loads(machine.run(f"python3 -c {shlex.quote(HASHES)}", timeout=60).stdout))


def test_the_first_limit_and_the_last_change_nothing(
    machine: Machine, rootfs: str, unstarted: Supervisor
) -> None:
    """A guest on an emulated processor panics at such a patch, or stands still, one time in some tens."""
    before = pages(machine)
    assert len(before) > 1000
    supervisor = unstarted.start()
    during = pages(machine)
    supervisor.engine("start", "limited", rootfs, "--cpus", "0.5", "--cpuset", "0", "--", "/bin/sleep", "600")
    limited = pages(machine)
    supervisor.engine("stop", "limited")
    supervisor.stop()
    after = pages(machine)
    for now in (during, limited, after):
        assert [number for number, page in enumerate(now) if page != before[number]] == []
