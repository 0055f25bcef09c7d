"""Every request the monitor must refuse, with its errno, and some it must take."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lab.deploy import MONITOR_MODULE
from lab.machine.protocol import CommandResult, Machine

EXPECTED = {
    **dict.fromkeys(
        ["soft-above-hard", "soft-zero", "hard-zero", "both-zero", "v2-soft-above-hard"],
        "EINVAL",
    ),
    **dict.fromkeys(["id-empty", "id-newline", "id-escape", "id-space", "id-delete"], "EINVAL"),
    **dict.fromkeys(
        ["id-latin-1", "id-utf-8", "id-without-nul", "unregister-id-without-nul"],
        "EINVAL",
    ),
    **dict.fromkeys(["v2-size", "v2-flags", "v2-reserved"], "EINVAL"),
    **dict.fromkeys(["pid-zero", "pid-negative", "pid-huge", "zombie", "ended", "thread"], "ESRCH"),
    **dict.fromkeys(["kernel-thread", "init"], "EINVAL"),
    **dict.fromkeys(["command-unknown", "command-zero", "command-other-magic"], "ENOTTY"),
    **dict.fromkeys(["command-other-size", "command-other-direction"], "ENOTTY"),
    **dict.fromkeys(["pointer-null", "pointer-kernel", "pointer-over-the-edge"], "EFAULT"),
    **dict.fromkeys(["pointer-null-v2", "pointer-null-unregister", "pointer-null-version"], "EFAULT"),
    **dict.fromkeys(["powerless-register", "powerless-unregister"], "EPERM"),
    **dict.fromkeys(["powerless-register-v2", "powerless-unregister-v2", "powerless-version"], "EPERM"),
    "powerless-open": "EACCES",
    "unregister-unknown": "ENOENT",
    "register": "ok",
    **dict.fromkeys(["same-process", "same-process-other-id", "same-process-other-file"], "EEXIST"),
    "unregister-other-id": "ENOENT",
    "unregister": "ok",
    "unregister-again": "ENOENT",
    "longest-id": "ok",
    # Closing a file drops its entries: what was EEXIST for the other file is not any more.
    "close-the-file": "ok",
    "register-after-close": "ok",
    "unregister-v2": "ok",
    "read-nothing": "EAGAIN",
    "read-short": "EINVAL",
    "write": "EINVAL",
    "seek": "ESPIPE",
    "poll-nothing": "0",
    "abi": "ok",
    "abi-number": "2",
    "register-tiny": "ok",
    "read-into-nowhere": "EFAULT",
    "lost-into-nowhere": "1",
    "killed": "ESRCH",
}

TINY = "container=tiny pid=N"
BIG = "soft=1125899906842624 hard=1125899906842624"
LOGGED = [
    f"Registering container=first pid=N {BIG}",
    "Unregister request container=first pid=N",
    f"Registering container=0123456789012345678901234567890 pid=N {BIG}",
    f"Registering container=first pid=N {BIG}",
    "Unregister request container=first pid=N",
    f"Registering {TINY} soft=1 hard=1",
    f"SOFT LIMIT {TINY} rss=N limit=1",
    f"HARD LIMIT {TINY} rss=N limit=1",
]


def test_every_refusal(machine: Machine, log: Any, probe: Callable[..., CommandResult]) -> None:
    machine.run(f"insmod {MONITOR_MODULE}")
    lines = probe("refusals").text.splitlines()
    machine.run("rmmod monitor")
    answers = dict(line.split(" ", 1) for line in lines)
    assert len(answers) == len(lines)
    assert answers == EXPECTED
    # A request that is refused leaves no word in the log.
    assert [re.sub(r"(pid|rss)=\d+", r"\1=N", line) for line in log.monitor()[1:-1]] == LOGGED
