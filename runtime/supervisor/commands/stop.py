"""`stop` and `kill`: signals, from the one that asks to the one that ends."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor import stopping
from supervisor.commands.base import Command
from supervisor.commands.several import each, present
from supervisor.options import Grammar, Line, Option, parse_signal

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container

LONGEST_GRACE = 86400


@dataclass(frozen=True)
class StopRequest:
    """`stop`."""

    ids: tuple[str, ...]
    grace: float | None = stopping.GRACE  # seconds; None waits for ever
    signal: int = signal.SIGTERM


@dataclass(frozen=True)
class KillRequest:
    """`kill`."""

    ids: tuple[str, ...]
    signal: int = signal.SIGKILL


def parse_stop(line: Line) -> StopRequest:
    """The request that a line means."""
    seconds = line.number("--time", int(stopping.GRACE), -1, LONGEST_GRACE)
    return StopRequest(
        ids=line.ids(),
        grace=None if seconds < 0 else float(seconds),
        signal=parse_signal("--signal", line.last("--signal", "TERM")),
    )


def parse_kill(line: Line) -> KillRequest:
    """The request that a line means."""
    return KillRequest(line.ids(), parse_signal("--signal", line.last("--signal", "KILL")))


def stop(engine: Engine, request: StopRequest, reply: Reply) -> None:
    """All at the same time; returns when they have ended, and says of each how."""
    registry = engine.registry
    found = present(engine, request.ids)
    living = [one for one in found.values() if one.record.state != "exited"]
    stopping.stop(registry, living, request.grace, request.signal)

    def say(container: Container) -> str:
        if container not in living:
            return f"{container.record.id} has exited already"
        stopping.check_ended(container)
        by = container.record.stopped_by
        return f"{container.record.id} stopped" + (f" by SIG{by}" if by else "")

    each(engine, request.ids, reply, say, found)


def kill(engine: Engine, request: KillRequest, reply: Reply) -> None:
    """Returns when the signal is sent."""

    def send(container: Container) -> str:
        stopping.kill(engine.registry, container, request.signal)
        return container.record.id

    each(engine, request.ids, reply, send)


STOP = Command(
    name="stop",
    usage="[options] <id>...",
    summary="end containers",
    text="""\
Ask a container to end (SIGTERM), and end it (SIGKILL) if it has not done so in time. The
first process of a container ignores SIGTERM unless it has a handler for it. A paused
container goes on first. Returns when all have ended.
""",
    grammar=Grammar(
        (
            Option(
                ("-t", "--time"),
                f"seconds until SIGKILL (default {stopping.GRACE:.0f}; -1: never)",
                "SECONDS",
            ),
            Option(("-s", "--signal"), "ask with another signal than SIGTERM", "SIGNAL"),
        )
    ),
    parse=parse_stop,
    answer=stop,
    completes="running",
)

KILL = Command(
    name="kill",
    usage="[options] <id>...",
    summary="send a signal to containers",
    text="""\
Send a signal to the first process of a container, and ask for nothing more. The first
process ignores a signal that it has no handler for, but for SIGKILL, which ends the
container, and SIGSTOP. `ps` then says: killed. A paused container can be killed; any
other signal waits until it goes on.
""",
    grammar=Grammar((Option(("-s", "--signal"), "which (default SIGKILL)", "SIGNAL"),)),
    parse=parse_kill,
    answer=kill,
    completes="running",
)
