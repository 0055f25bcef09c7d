"""Everything the engine says in more than a sentence: help, and the table of `ps`."""

from __future__ import annotations

import json
import shlex
import signal
import time

from supervisor.options import HARD_MIB, SOFT_MIB
from supervisor.records import MIB, Record

USAGE = """\
Usage:
  engine supervisor <base-rootfs>
  engine start <id> <container-rootfs> <command> [args...] [options]
  engine run   <id> <container-rootfs> <command> [args...] [options]
  engine ps    [--format table|json]
  engine logs  <id>
  engine stop  <id>
"""

_START = f"""\
  <id>         1 to 31 characters of A-Z a-z 0-9 . _ -, the first a letter or a digit
  <rootfs>     a folder that holds a root file system; one living container each
  <command>    a program with its arguments, or all of it as one quoted string

  --soft-mib N   one warning when the container's memory passes N MiB (default {SOFT_MIB})
  --hard-mib N   killed when it passes N MiB (default {HARD_MIB})
  --nice N       -20 (more of the CPU) to 19 (less); default 0
  --cpuset LIST  the CPUs it may use, such as 0 or 0-1,3

Options may stand before or after the command. What the engine does not know after the
command belongs to the command; `--` before the command gives it everything that follows.
"""

_STATUS = """\
Exit status: 125 the engine could not do it, 126 the command cannot be executed,
127 there is no such command.
"""

TOPICS = {
    "": f"""\
engine: run programs in containers, each with its own processes, mounts, hostname and log.

{USAGE}
One process, the supervisor, stays up and owns the containers; every other command is a
short request to it. A first try, as root, in two terminals:

  engine supervisor /srv/boxwright/rootfs-base
  cp -a /srv/boxwright/rootfs-base /srv/alpha
  engine run hello /srv/alpha echo "hello world"
  engine start alpha /srv/alpha /cpu_hog 30 --nice 5
  engine ps
  engine logs alpha
  engine stop alpha

`engine <command> --help` tells more of each. The environment variable ENGINE_STATE names
another folder for the socket and the logs, so that two supervisors can be apart.
""",
    "supervisor": """\
engine supervisor <base-rootfs>

Stay up and own the containers, until SIGTERM or SIGINT (Ctrl-C); then stop them all, write
their logs to the end and exit 0. <base-rootfs> is the root file system that containers'
root file systems are copied from. Where the kernel monitor is loaded it enforces the
memory limits, cgroup v2 does otherwise; which, is said at the start and by `engine ps`.
""",
    "start": f"""\
engine start <id> <container-rootfs> <command> [args...] [options]

Start a container in the background. Returns when its program has been executed, or says
why it could not be.

{_START}
{_STATUS}""",
    "run": f"""\
engine run <id> <container-rootfs> <command> [args...] [options]

Start a container, show its output, and wait for its end. Ctrl-C (or SIGTERM) stops the
container, and run goes on waiting for its status.

{_START}
Exit status: the command's own, or 128 + the signal that ended it.
{_STATUS}""",
    "ps": """\
engine ps [--format table|json]

Every container, living or ended. STATE is starting, running or exited. REASON tells how it
ended: exited (by itself), stopped (by `stop`; BY says which signal did it),
hard_limit_killed (it passed its hard limit), killed (by SIGKILL from outside).
LIMITS tells who watches its memory: monitor, cgroup or none.
""",
    "logs": """\
engine logs <id>

Everything the container has written so far to its standard output and standard error,
byte for byte and in order.
""",
    "stop": """\
engine stop <id>

Ask the container to end (SIGTERM), and end it (SIGKILL) if it has not done so in 3 seconds.
The first process of a container ignores SIGTERM unless it has a handler for it.
""",
}


def timestamp(seconds: float) -> str | None:
    """A time as ISO 8601 in UTC with milliseconds; None for never."""
    if not seconds:
        return None
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03d}Z"


def signal_name(number: int) -> str:
    """SIGKILL for 9; a real-time signal as its number."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"SIG{number}"


def mebibytes(count: int) -> str:
    """A limit as it was given."""
    return f"{count // MIB}M"


def table(records: list[Record]) -> str:
    """`ps`, for people: one line a container, one word a column."""
    rows = [
        ("ID", "PID", "STATE", "STARTED", "SOFT", "HARD", "NICE", "EXIT", "REASON", "BY", "LIMITS", "LOG")
    ]
    for record in records:
        status = record.status
        end = "-"
        if status is not None:
            end = signal_name(status.signal) if status.signal is not None else str(status.code)
        rows.append(
            (
                record.id,
                str(record.pid or "-"),
                record.state,
                (timestamp(record.started) or "-").partition(".")[0] + ("Z" if record.started else ""),
                mebibytes(record.soft_limit),
                mebibytes(record.hard_limit),
                str(record.nice),
                end,
                record.reason or "-",
                record.stopped_by or "-",
                record.limits,
                record.log,
            )
        )
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = (
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return "\n".join(lines) + "\n"


def as_json(records: list[Record]) -> str:
    """`ps --format json`: an array of objects, one a container; README.md lists the keys."""
    return json.dumps([describe(record) for record in records], indent=2) + "\n"


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
    }
