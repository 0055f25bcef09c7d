"""`help`: the engine as a whole, or one command."""

from __future__ import annotations

from dataclasses import dataclass

from supervisor.commands.base import Command
from supervisor.options import Line

INTRODUCTION = "engine: run programs in containers, each with its own processes, mounts, hostname and log.\n"
FIRST_TRY = """\
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
"""


@dataclass(frozen=True)
class HelpRequest:
    """`--help`, of the engine or of one command."""

    topic: str = ""


def parse(line: Line) -> HelpRequest:
    """Help on a command; on the engine, where the word is none."""
    return HelpRequest(line.operands[0] if line.operands else "")


def usage() -> str:
    """Every command in a line."""
    from supervisor.commands import COMMANDS  # it lists us, too

    return "Usage:\n" + "".join(f"  {command.line}\n" for command in COMMANDS.values())


def tell(request: HelpRequest) -> str:
    """The text."""
    from supervisor.commands import COMMANDS

    command = COMMANDS.get(request.topic)
    if command is None or request.topic == HELP.name:
        return f"{INTRODUCTION}\n{usage()}\n{FIRST_TRY}"
    return command.help()


HELP = Command(
    name="help",
    usage="[command]",
    summary="what the engine, or one of its commands, can do",
    text="",
    parse=parse,
    tell=tell,
    completes="commands",
)
