"""`rm`: forget containers."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor import stopping
from supervisor.commands.base import Command
from supervisor.commands.several import each
from supervisor.errors import EngineError
from supervisor.options import Grammar, Line, Option

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container


@dataclass(frozen=True)
class RemoveRequest:
    """`rm`."""

    ids: tuple[str, ...]
    force: bool = False


def parse(line: Line) -> RemoveRequest:
    """The request that a line means."""
    return RemoveRequest(line.ids(), line.has("--force"))


def remove(engine: Engine, request: RemoveRequest, reply: Reply) -> None:
    """The record goes, then the log."""

    def forget(container: Container) -> str:
        if request.force:
            stopping.stop(engine.registry, [container], 0, signal.SIGKILL)
            stopping.check_ended(container)
        try:
            engine.registry.remove(container)
        except EngineError:
            if not (request.force and container.record.settings.get("remove")):
                raise  # or else it was `--rm` that was faster
        if container.log is not None:
            container.log.remove()
        return container.record.id

    each(engine, request.ids, reply, forget)


RM = Command(
    name="rm",
    usage="[options] <id>...",
    summary="forget containers that have ended, and their logs",
    text="""\
Take the record of a container out of `ps`, and delete its log. Its root file system stays.
""",
    grammar=Grammar((Option(("-f", "--force"), "one that still runs as well: kill it (SIGKILL) first"),)),
    parse=parse,
    answer=remove,
    completes="containers",
)
