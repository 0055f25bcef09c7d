"""What commands for several containers have in common: one after the other, and a failure stops nobody."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.errors import EngineError
from supervisor.options import Line

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container


@dataclass(frozen=True)
class IdsRequest:
    """A command that takes ids, and nothing else."""

    ids: tuple[str, ...]


def parse_ids(line: Line) -> IdsRequest:
    """The request that a line means."""
    return IdsRequest(line.ids())


def present(engine: Engine, ids: Iterable[str]) -> dict[str, Container]:
    """Those there are now, by id: later `--rm` may have taken one away, or another have its id."""
    registry = engine.registry
    with registry.lock:
        return {identifier: one for identifier in ids if (one := registry.get(identifier))}


def each(
    engine: Engine,
    ids: Iterable[str],
    reply: Reply,
    do: Callable[[Container], str],
    known: Mapping[str, Container] | None = None,
) -> None:
    """Do something to one container after the other, and end the reply.

    Args:
        engine: whose containers they are.
        ids: their ids, in order.
        reply: who asked.
        do: does it, and gives the line to be shown. Its EngineError is shown in its place,
            keeps no other container from its turn, and is the status.
        known: containers that are meant, whatever has become of their ids meanwhile.
    """
    status = 0
    for identifier in ids:
        try:
            said = do((known or {}).get(identifier) or engine.registry.find(identifier))
        except EngineError as error:
            reply.error(str(error))
            status = error.exit_status
        else:
            reply.out(said.encode("utf-8", "backslashreplace") + b"\n")
    reply.end(status)


class Left(Exception):
    """The client has gone while it was waited for something else."""


def await_end(container: Container, reply: Reply) -> None:
    """Wait until a container has ended, or a start has failed.

    Raises:
        Left: the client is gone before.
    """
    with container.bell.heard() as bell:
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        poll.register(reply.connection, select.POLLIN)
        while not container.exited.is_set():
            for descriptor, _ in poll.poll():
                if descriptor == bell:
                    os.eventfd_read(bell)
                elif reply.hear() is None:
                    raise Left
