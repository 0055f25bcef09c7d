"""The commands of the engine: the one table that lists them, and the way from a request to its answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from supervisor.commands.base import Command
from supervisor.errors import UsageError
from supervisor.options import show, split

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.protocol import RawRequest

PLACES = {
    "supervisor": ("supervisor", "SUPERVISOR"),
    "start": ("start", "START"),
    "run": ("start", "RUN"),
    "ps": ("ps", "PS"),
    "logs": ("logs", "LOGS"),
    "exec": ("exec", "EXEC"),
    "top": ("top", "TOP"),
    "stats": ("stats", "STATS"),
    "inspect": ("inspect", "INSPECT"),
    "events": ("events", "EVENTS"),
    "stop": ("stop", "STOP"),
    "kill": ("stop", "KILL"),
    "pause": ("pause", "PAUSE"),
    "unpause": ("pause", "UNPAUSE"),
    "wait": ("wait", "WAIT"),
    "rm": ("rm", "RM"),
    "help": ("help", "HELP"),
    "completion": ("completion", "COMPLETION"),
}
"""Every command, in the order of the usage: its module, and the name of its `Command` there."""


class _Commands(Mapping[str, Command[Any]]):
    """The commands by name. A module is loaded when its command is first asked for: a supervisor starts in
    three quarters of the time that it would take with all of them, and most are never asked for.
    """

    def __getitem__(self, name: str) -> Command[Any]:
        module, constant = PLACES[name]
        command: Command[Any] = getattr(import_module(f"supervisor.commands.{module}"), constant)
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


COMMANDS: Mapping[str, Command[Any]] = _Commands()


def parse(arguments: list[bytes]) -> tuple[Command[Any], Any]:
    """The command and the request that a command line means.

    Raises:
        UsageError: it means none; the text says why and what would be right.
    """
    words = [argument.decode("utf-8", "surrogateescape") for argument in arguments]
    if not words:
        raise UsageError("a command is missing", "Try `engine --help`.")
    name, *rest = words
    if name in ("--help", "-h"):
        name = "help"
    command = COMMANDS.get(name)
    # region 04.unknown
    if command is None:
        raise UsageError(f"{show(name)} is not a command of the engine", "Try `engine --help`.")
    # endregion 04.unknown
    line = split(name, command.grammar, rest)
    if line.has("--help"):
        from supervisor.commands import help

        return help.HELP, help.HelpRequest(name)
    return command, command.parse(line)


def handle(engine: Engine, raw: RawRequest, reply: Reply) -> None:
    """Do what a client asks.

    Raises:
        EngineError: it could not be done; the caller tells the client.
        OSError: the client is gone.
    """
    command, request = parse(list(raw.arguments))
    if command.answer is not None:
        command.answer(engine, request, reply)
    elif command.tell is not None:
        reply.end(0, command.tell(request))


def tell(arguments: list[bytes]) -> str | None:
    """The answer to a command line that needs no supervisor; None to one that does.

    Raises:
        EngineError: the line means nothing.
    """
    command, request = parse(arguments)
    return command.tell(request) if command.tell is not None else None
