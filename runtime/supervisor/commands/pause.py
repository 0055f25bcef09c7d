"""`pause` and `unpause`: let a container stand still."""

from __future__ import annotations

from typing import TYPE_CHECKING

from supervisor import freezer
from supervisor.commands.base import Command
from supervisor.commands.several import IdsRequest, each, parse_ids
from supervisor.errors import EngineError

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container


def pause(engine: Engine, request: IdsRequest, reply: Reply) -> None:
    """Returns when all of it stands still."""

    def freeze(container: Container) -> str:
        freezer.freeze(engine.registry, container)
        return container.record.id

    each(engine, request.ids, reply, freeze)


def unpause(engine: Engine, request: IdsRequest, reply: Reply) -> None:
    """Let it go on."""

    def thaw(container: Container) -> str:
        if not freezer.thaw(engine.registry, container):
            raise EngineError(f"container {container.record.id} is not paused")
        return container.record.id

    each(engine, request.ids, reply, thaw)


PAUSE = Command(
    name="pause",
    usage="<id>...",
    summary="let containers stand still",
    text="""\
Freeze every process of a container (cgroup v2), until `unpause`. Nothing in the container
notices. `ps` goes on to call it running; its JSON says `"paused": true`.
""",
    parse=parse_ids,
    answer=pause,
    completes="running",
)

UNPAUSE = Command(
    name="unpause",
    usage="<id>...",
    summary="let paused containers go on",
    text="Let a container that was paused go on.\n",
    parse=parse_ids,
    answer=unpause,
    completes="paused",
)
