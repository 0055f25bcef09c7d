"""`wait`: until containers have ended."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from supervisor.commands.base import Command
from supervisor.commands.several import IdsRequest, Left, await_end, each, parse_ids, present
from supervisor.errors import EngineError

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container


def wait(engine: Engine, request: IdsRequest, reply: Reply) -> None:
    """Shows the status of each as it ends."""

    def status(container: Container) -> str:
        await_end(container, reply)
        end = container.record.status
        if end is None or not container.executed:
            raise EngineError(f"container {container.record.id} could not be started")
        return str(end.as_shell())

    with suppress(Left):
        each(engine, request.ids, reply, status, present(engine, request.ids))


WAIT = Command(
    name="wait",
    usage="<id>...",
    summary="wait until containers have ended",
    text="""\
Wait until each of the containers has ended, and show its exit status, one a line, in the
order in which they were named: the exit code, or 128 + the signal. That is not the
status of `wait` itself. Of a container that has ended already, the status is known.
""",
    parse=parse_ids,
    answer=wait,
    completes="running",
)
