"""`start` and `run`: a new container, in the background or attended."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands.base import STATUS, Command
from supervisor.commands.logs import end_with_log
from supervisor.errors import EngineError, UsageError
from supervisor.options import Grammar, Line, Option, check_id, command_line, parse_cpus
from supervisor.protocol import STOP
from supervisor.reading import Reader, follow
from supervisor.records import MIB

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container

SOFT_MIB, HARD_MIB = 40, 64
MAX_MIB = 1 << 24  # 16 TiB; bytes stay far inside 64 bits


@dataclass(frozen=True)
class StartRequest:
    """`start`, or `run` where `attached`."""

    id: str
    rootfs: str
    command: tuple[bytes, ...]
    soft_limit: int = SOFT_MIB * MIB  # bytes
    hard_limit: int = HARD_MIB * MIB  # bytes
    nice: int = 0
    cpuset: str = ""  # as given, such as "0-1,3"; empty for all
    attached: bool = False


def parse(line: Line) -> StartRequest:
    """The request that a line means."""
    if len(line.operands) < 3:
        missing = ("an id", "the container's rootfs", "a command")[len(line.operands)]
        raise line.refuse(f"needs {missing} as well")
    identifier, rootfs, *command = line.operands
    check_id(identifier)
    if not rootfs:
        raise UsageError("the path of the rootfs is empty")
    soft = line.number("--soft-mib", SOFT_MIB, 1, MAX_MIB)
    hard = line.number("--hard-mib", HARD_MIB, 1, MAX_MIB)
    if soft > hard:
        defaults = [key for key in ("--soft-mib", "--hard-mib") if not line.has(key)]
        remedy = f"Give {defaults[0]} as well, its default does not fit." if len(defaults) == 1 else ""
        raise UsageError(f"the soft limit ({soft} MiB) is above the hard limit ({hard} MiB)", remedy)
    cpuset = line.last("--cpuset")
    if line.has("--cpuset"):
        parse_cpus(cpuset)
    return StartRequest(
        id=identifier,
        rootfs=rootfs,
        command=command_line(command),
        soft_limit=soft * MIB,
        hard_limit=hard * MIB,
        nice=line.number("--nice", 0, -20, 19),
        cpuset=cpuset,
        attached=line.name == "run",
    )


def start(engine: Engine, request: StartRequest, reply: Reply) -> None:
    """Start it; `run` then attends to it."""
    directory = reply.request.directory.decode("utf-8", "surrogateescape")
    container = engine.start(request, directory)
    if request.attached:
        attend(engine, container, reply)
    else:
        reply.end(0, f"{request.id} started, PID {container.record.pid}\n")


def attend(engine: Engine, container: Container, reply: Reply) -> None:
    """Show the output as it is logged, hear the client, and end with the container's status.

    The output is read back from the log: a client that takes it slowly, or not at all,
    holds up this thread and nothing else.
    """
    log = container.log
    assert log is not None

    def hear(word: bytes) -> None:
        if STOP.intersection(word):
            threading.Thread(target=stop_quietly, args=(engine, container), daemon=True).start()

    hear(reply.early)
    reader = Reader(log)
    try:
        if not follow(container, reader, reply, hear=hear):
            return  # the client is gone; the container lives on
    finally:
        reader.close()
    status = container.record.status
    assert status is not None
    end_with_log(log, status.as_shell(), reply)


def stop_quietly(engine: Engine, container: Container) -> None:
    """Stop a container whose client will hear of its end anyway."""
    try:
        engine.stop_container(container)
    except EngineError as error:
        engine.say(str(error))


_OPERANDS = """\
  <id>        1 to 31 characters of A-Z a-z 0-9 . _ -, the first a letter or a digit
  <rootfs>    a folder that holds a root file system; one living container each
  <command>   a program with its arguments, or all of it as one quoted string
"""

_PLACE = """\
Options may stand before or after the command. What the engine does not know after the
command belongs to the command; `--` before the command gives it everything that follows.
"""

_GRAMMAR = Grammar(
    options=(
        Option(("--soft-mib",), f"one warning when its memory passes N MiB (default {SOFT_MIB})", "N"),
        Option(("--hard-mib",), f"killed when it passes N MiB (default {HARD_MIB})", "N"),
        Option(("--nice",), "-20 (more of the CPU) to 19 (less); default 0", "N"),
        Option(("--cpuset",), "the CPUs it may use, such as 0 or 0-1,3", "LIST"),
    ),
    program_at=3,
)

START = Command(
    name="start",
    usage="<id> <container-rootfs> <command> [args...] [options]",
    summary="start a container in the background",
    text=f"""\
Start a container in the background. Returns when its program has been executed, or says
why it could not be.

{_OPERANDS}""",
    grammar=_GRAMMAR,
    after=f"{_PLACE}\n{STATUS}",
    parse=parse,
    answer=start,
    completes="files",
)

RUN = Command(
    name="run",
    usage="<id> <container-rootfs> <command> [args...] [options]",
    summary="start a container and attend to it until its end",
    text=f"""\
Start a container, show its output, and wait for its end. Ctrl-C (or SIGTERM) stops the
container, and run goes on waiting for its status.

{_OPERANDS}""",
    grammar=_GRAMMAR,
    after=f"{_PLACE}\nExit status: the command's own, or 128 + the signal that ended it.\n{STATUS}",
    parse=parse,
    answer=start,
    completes="files",
)
