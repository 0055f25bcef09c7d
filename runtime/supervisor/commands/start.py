"""`start` and `run`: a new container, in the background or attended."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from supervisor.commands import start_options
from supervisor.commands.base import STATUS, Command
from supervisor.commands.logs import end_with_log
from supervisor.errors import EngineError, UsageError
from supervisor.guardian import guard
from supervisor.options import Grammar, Line, Option, check_id, command_line, parse_cpus
from supervisor.protocol import STOP
from supervisor.reading import APART, Reader, follow
from supervisor.records import MIB
from supervisor.start_request import HARD_MIB, SOFT_MIB, StartRequest
from supervisor.stopping import PATIENCE

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine
    from supervisor.live import Container

MAX_MIB = 1 << 24  # 16 TiB; bytes stay far inside 64 bits


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
    # region 04.limits
    if soft > hard:
        defaults = [key for key in ("--soft-mib", "--hard-mib") if not line.has(key)]
        remedy = f"Give {defaults[0]} as well, its default does not fit." if len(defaults) == 1 else ""
        raise UsageError(f"the soft limit ({soft} MiB) is above the hard limit ({hard} MiB)", remedy)
    # endregion 04.limits
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
        options=start_options.parse(line),
    )


def start(engine: Engine, request: StartRequest, reply: Reply) -> None:
    """Start it; `run` then attends to it."""
    directory = reply.request.directory.decode("utf-8", "surrogateescape")
    options = request.options
    variables = start_options.variables(
        options, directory, lambda: start_options.client_environment(reply.connection)
    )
    container = engine.start(request, directory, variables)
    log = container.log
    assert log is not None
    try:
        reader = Reader(log, APART) if request.attached else None  # opened before anybody can remove it
    except BaseException:
        guard(engine, container, options.timeout, options.remove)
        raise
    try:
        guard(engine, container, options.timeout, options.remove)
    except EngineError:
        if reader is not None:
            reader.close()
        raise
    if reader is None:
        reply.end(0, f"{request.id} started, PID {container.record.pid}\n")
        return
    # region 04.run
    try:
        stayed = attend(engine, container, reader, reply)
    finally:
        reader.close()
    if stayed:
        if options.remove:
            container.removed.wait(PATIENCE)
        status = container.record.status
        assert status is not None
        end_with_log(log, status.as_shell(), reply)
    # endregion 04.run


def attend(engine: Engine, container: Container, reader: Reader, reply: Reply) -> bool:
    """Show the output as it is logged, and hear the client; False when that is gone.

    The output is read back from the log: a client that takes it slowly, or not at all,
    holds up this thread and nothing else.
    """

    # region 04.interrupt
    def hear(word: bytes) -> None:
        if STOP.intersection(word):
            stopping = threading.Thread(target=stop_quietly, args=(engine, container), daemon=True)
            try:
                stopping.start()
            except RuntimeError:  # the system has no thread left: this one has to do it
                stop_quietly(engine, container)

    hear(reply.early)
    return follow(container, reader, reply, hear=hear)
    # endregion 04.interrupt


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
Options stand before the command. The first four may also stand after it; all else there
belongs to the command, and `--` before the command gives it everything that follows.
A container that --timeout stops has the reason and the status of any stopped one.
"""

_GRAMMAR = Grammar(
    options=(
        Option(("--soft-mib",), f"one warning when its memory passes N MiB (default {SOFT_MIB})", "N"),
        Option(("--hard-mib",), f"killed when it passes N MiB (default {HARD_MIB})", "N"),
        Option(("--nice",), "-20 (more of the CPU) to 19 (less); default 0", "N"),
        Option(("--cpuset-cpus", "--cpuset"), "the CPUs it may use, such as 0 or 0-1,3", "LIST"),
        *start_options.OPTIONS,
    ),
    program_at=3,
)

START = Command(
    name="start",
    usage="[options] <id> <container-rootfs> <command> [args...]",
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
    usage="[options] <id> <container-rootfs> <command> [args...]",
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
