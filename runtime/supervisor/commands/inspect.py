"""`inspect`: everything that is known of containers."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

from supervisor import usage
from supervisor.commands.base import Command
from supervisor.commands.several import IdsRequest, parse_ids
from supervisor.container import CAPABILITIES
from supervisor.errors import EngineError
from supervisor.records import signal_name
from supervisor.text import as_json, describe, words

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container

NAMESPACES = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def inspect(engine: Engine, request: IdsRequest, reply: Reply) -> None:
    """An array of those that there are; an error for each of the others."""
    found, status = [], 0
    for identifier in request.ids:
        try:
            found.append(examine(engine, engine.registry.find(identifier)))
        except EngineError as error:
            reply.error(str(error))
            status = error.exit_status
    reply.end(status, as_json(found))


def examine(engine: Engine, container: Container) -> dict[str, object]:
    """A container as JSON shows it: what `ps` tells, how it was set up, what it is now."""
    with engine.registry.lock:
        record, spec, log = describe(container.record), container.spec, container.log
        guests = [{"pid": guest.pid, "command": words(guest.command)} for guest in container.guests]
        record["stop_signal"] = signal_name(container.record.stop_signal)
    set_up: dict[str, object] = {
        "hostname": spec.hostname if spec else None,
        "arguments": words(container.record.command),
        "working_directory": os.fsdecode(spec.workdir) if spec else None,
        "environment": {
            text(name): text(value) for name, value in (spec.environment.items() if spec else ())
        },
        "capabilities": [name for name, _ in CAPABILITIES],
        "no_new_privileges": True,
        "log_bytes": log.size if log else 0,
        "log_lost_bytes": log.lost if log else 0,
        "execs": guests,
    }
    now: dict[str, object] = {
        "namespaces": None,
        "cgroup": None,
        "mounts": None,
        "rlimits": None,
        "usage": None,
    }
    if container.record.state == "running":
        found = look(container)
        if container.exists():  # so its PID was no other's while we looked
            now = found
    return {**record, **set_up, **now}


def text(value: bytes) -> str:
    """Bytes for JSON."""
    return value.decode("utf-8", "backslashreplace")


def look(container: Container) -> dict[str, object]:
    """What the kernel tells of a container that runs."""
    pid = container.record.pid
    used = usage.usage(container)
    return {
        "namespaces": {name: inode for name in NAMESPACES if (inode := namespace(pid, name))},
        "cgroup": str(container.cgroup.path) if container.cgroup is not None else None,
        "mounts": mounts(pid),
        "rlimits": rlimits(pid),
        "usage": used
        and {
            "memory_bytes": used.memory,
            "cpu_seconds": used.cpu,
            "processes": usage.pids(container),
        },
    }


def namespace(pid: int, name: str) -> int | None:
    """The inode number of a namespace (namespaces(7)), as `lsns` shows it; None if the process is gone."""
    try:
        return os.stat(f"/proc/{pid}/ns/{name}").st_ino  # noqa: PTH116
    except OSError:
        return None


def mounts(pid: int) -> list[dict[str, object]]:
    """What is mounted where in a process's mount namespace (proc_pid_mountinfo(5))."""
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="backslashreplace") as file:  # noqa: PTH123
            lines = file.read().splitlines()
    except OSError:
        return []
    found: list[dict[str, object]] = []
    for line in lines:
        left, _, right = line.partition(" - ")
        fields, (kind, source, *_) = left.split(), right.split()
        found.append({"target": fields[4], "type": kind, "source": source, "options": fields[5].split(",")})
    return found


def rlimits(pid: int) -> dict[str, list[int | None]]:
    """The resource limits of a process, soft and hard (getrlimit(2)); None is no limit."""
    limits: dict[str, list[int | None]] = {}
    for name in dir(resource):
        if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE":  # an older name of RLIMIT_NOFILE
            try:
                pair = resource.prlimit(pid, getattr(resource, name))
            except (OSError, ValueError):
                continue
            limits[name] = [None if value == resource.RLIM_INFINITY else value for value in pair]
    return limits


INSPECT = Command(
    name="inspect",
    usage="<id>...",
    summary="everything that is known of containers",
    text="""\
An array of objects in JSON, one a container: what `ps --format json` tells; how it was set
up; and, while it runs, its namespaces (inode numbers, as lsns(8) shows them), cgroup, mounts,
resource limits, and what it uses. What is not so any more is null.
""",
    parse=parse_ids,
    answer=inspect,
    completes="containers",
)
