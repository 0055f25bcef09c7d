"""`exec`: one more program in a container that runs, attended by the client; see `supervisor/entering.py`."""

from __future__ import annotations

import fcntl
import marshal
import os
import select
import termios
from collections.abc import Callable
from contextlib import ExitStack, suppress
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervisor.commands import start_options
from supervisor.commands.base import STATUS, Command
from supervisor.container import Spec
from supervisor.errors import EngineError, UsageError
from supervisor.failures import explain
from supervisor.live import Container, Guest
from supervisor.options import Grammar, Line, Option, check_id, command_line, printable
from supervisor.protocol import STDERR, STDOUT, STOP, frame
from supervisor.records import ExitStatus
from supervisor.start_request import StartOptions
from supervisor.stopping import settle
from supervisor.zygote import abandon

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine

PIECE = 1 << 16
"""Bytes read at once: as much as a pipe holds (pipe(7))."""
SHOWN = 200
"""Bytes of a command that its event tells."""


@dataclass(frozen=True)
class ExecRequest:
    """`exec`."""

    id: str
    command: tuple[bytes, ...]
    environment: tuple[str, ...] = ()  # NAME=VALUE, or NAME alone
    environment_files: tuple[str, ...] = ()
    workdir: bytes = b""  # empty for the container's own
    interactive: bool = False


def parse(line: Line) -> ExecRequest:
    """The request that a line means."""
    if line.has("--tty"):
        raise UsageError("there are no terminals in these containers", "Use -i alone.")
    if len(line.operands) < 2:
        raise line.refuse(f"needs {('the id of a container', 'a command')[len(line.operands)]} as well")
    for word in line.all("--env"):
        start_options.check_variable("--env", word)
    return ExecRequest(
        id=check_id(line.operands[0]),
        command=command_line(line.operands[1:]),
        environment=tuple(line.all("--env")),
        environment_files=tuple(line.all("--env-file")),
        workdir=line.last("--workdir").encode("utf-8", "surrogateescape"),
        interactive=line.has("--interactive"),
    )


def execute(engine: Engine, request: ExecRequest, reply: Reply) -> None:
    """Run it, show its output, and end with its status."""
    container = engine.registry.find(request.id)
    settle(engine.registry, container)
    with ExitStack() as ours:
        with ExitStack() as theirs:
            guest, out, err, errors = invite(engine, container, request, reply, ours, theirs)
        try:
            failure = read_all(errors)
            if failure:
                raise explain(request.id, request.command[0], marshal.loads(failure))
            # The journal is to stay small, and arguments may be megabytes.
            shown = printable(b" ".join(request.command)[:SHOWN].decode("utf-8", "backslashreplace"))
            engine.registry.events.add("exec", request.id, pid=guest.pid, command=shown)
            status = attend(guest, out, err, reply).as_shell()
            engine.registry.events.add("exec_exit", request.id, pid=guest.pid, exit_code=status)
        finally:
            guest.close()
            with engine.registry.lock:
                container.guests.remove(guest)
    reply.end(status)


def invite(
    engine: Engine,
    container: Container,
    request: ExecRequest,
    reply: Reply,
    ours: ExitStack,
    theirs: ExitStack,
) -> tuple[Guest, int, int, int]:
    """Start the process; gives it, and our ends of its output, its error output and its error pipe.

    Args:
        engine: whose container it is.
        container: which.
        request: what is to run.
        reply: who has its standard input.
        ours: takes what is to be closed when the process has been attended to.
        theirs: takes what is to be closed as soon as the process has it.

    Raises:
        EngineError: it cannot be started.
    """
    try:
        stdin = reply.take_input() if request.interactive else os.open(os.devnull, os.O_RDONLY)
        theirs.callback(os.close, stdin)
        (out, stdout), (err, stderr), (failure, errors) = (pipe(ours, theirs) for _ in range(3))
        spec = make_spec(container, request, reply)
        guest = enter(engine, container, spec, (stdin, stdout, stderr), errors, theirs)
    except OSError as error:
        raise EngineError(f"no process can be started: {error.strerror}") from error
    return guest, out, err, failure


def make_spec(container: Container, request: ExecRequest, reply: Reply) -> Spec:
    """The container's own, with another program, and what was asked for besides."""
    assert container.spec is not None  # it was started with one
    variables = start_options.variables(
        StartOptions(environment=request.environment, environment_files=request.environment_files),
        reply.request.directory.decode("utf-8", "surrogateescape"),
        lambda: start_options.client_environment(reply.connection),
    )
    spec = copy(container.spec)
    spec.argv = list(request.command)
    spec.environment = spec.environment | variables
    spec.workdir = request.workdir or spec.workdir
    return spec


def pipe(ours: ExitStack, theirs: ExitStack) -> tuple[int, int]:
    """A pipe whose reading end is ours."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    ours.callback(os.close, reading)
    theirs.callback(os.close, writing)
    return reading, writing


def enter(
    engine: Engine,
    container: Container,
    spec: Spec,
    streams: tuple[int, int, int],
    errors: int,
    theirs: ExitStack,
) -> Guest:
    """Have the zygote make the process, and the reaper watch it.

    Raises:
        EngineError: the container does not run, or the process cannot be made.
        OSError: we have no descriptor left; the process is gone again.
    """
    record = container.record
    with engine.registry.lock:
        if record.state != "running":
            raise EngineError(f"container {record.id} is not running")
        if record.paused:
            raise EngineError(f"container {record.id} is paused", f"`engine unpause {record.id}` first.")
    pidfd = container.copy_pidfd()
    if pidfd < 0:
        raise EngineError(f"container {record.id} has just ended")
    theirs.callback(os.close, pidfd)
    cgroup = container.cgroup.copy_descriptor() if container.cgroup is not None else -1
    if cgroup >= 0:
        theirs.callback(os.close, cgroup)
    try:
        pid, guest_pidfd = engine.zygote.enter(spec, pidfd, streams, errors, cgroup)
    except EngineError:
        if has_ended(pidfd):
            raise EngineError(f"container {record.id} has just ended") from None
        raise
    with ExitStack() as undo:  # whatever fails before the reaper knows it
        undo.callback(os.close, guest_pidfd)
        undo.callback(abandon, pid)
        guest = Guest(pid, guest_pidfd, tuple(spec.argv))
        undo.callback(guest.close)
        engine.reaper.watch_guest(guest)
        undo.pop_all()
    with engine.registry.lock:
        container.guests.append(guest)
    return guest


def has_ended(pidfd: int) -> bool:
    """Whether the process behind a pidfd has ended, reaped or not: then it can be read."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def read_all(descriptor: int) -> bytes:
    """All that comes, up to the end of file."""
    return b"".join(iter(lambda: os.read(descriptor, PIECE), b""))


def attend(guest: Guest, out: int, err: int, reply: Reply) -> ExitStatus:
    """Show its output and pass on signals, until it has ended; gives how.

    When the client is gone, the output is read on, and dropped: the process shall neither
    wait for somebody to read it, nor die of it.
    """

    def show(kind: int) -> Callable[[bytes], None]:
        # A client that takes nothing can press Ctrl-C all the same.
        return lambda data: reply.send(frame(kind, data), lambda word: hear(guest, word))

    streams = {out: show(STDOUT), err: show(STDERR)}
    for descriptor in streams:
        # A process can open its own pipe and read from it: what poll() announced may be gone.
        os.set_blocking(descriptor, False)
    hear(guest, reply.early)
    poll = select.poll()
    for descriptor in (*streams, guest.ended, reply.connection.fileno()):
        poll.register(descriptor, select.POLLIN)
    while guest.status is None:
        for descriptor, _ in poll.poll():
            if descriptor in streams:
                with suppress(BlockingIOError):
                    if not pass_on(descriptor, PIECE, streams[descriptor]):
                        poll.unregister(descriptor)
                        del streams[descriptor]
            elif descriptor == reply.connection.fileno():
                word = reply.hear()
                if word is None:
                    poll.unregister(descriptor)
                else:
                    hear(guest, word)
    # What it wrote is in the pipes by now. A process that it has left behind may still hold
    # them open, and write for ever; that is not waited for.
    for descriptor, shown in streams.items():
        left = int.from_bytes(fcntl.ioctl(descriptor, termios.FIONREAD, bytes(4)), "little")
        with suppress(BlockingIOError):
            while left > 0:
                left -= pass_on(descriptor, min(left, PIECE), shown) or left
    return guest.status


def hear(guest: Guest, word: bytes) -> None:
    """Pass the client's signals on."""
    for number in STOP.intersection(word):
        guest.send(number)


def pass_on(descriptor: int, most: int, show: Callable[[bytes], None]) -> int:
    """Show what there is in a pipe; gives how many bytes that was, 0 at its end.

    Raises:
        BlockingIOError: there is nothing now.
    """
    data = os.read(descriptor, most)
    if data:
        with suppress(OSError):  # the client is gone
            show(data)
    return len(data)


EXEC = Command(
    name="exec",
    usage="[options] <id> <command> [args...]",
    summary="run one more program in a running container",
    text="""Run a program in all namespaces, the cgroup and the root file system of a container, with
the container's environment and no more rights than it has; show its output, and wait for
its end. It ends with the container, but not with the client: when that is killed, it goes on,
and its output is dropped. Ctrl-C (or SIGTERM) is passed on to it.
""",
    grammar=Grammar(
        options=(
            Option(("-e", "--env"), "set a variable; without =VALUE, to what it is here", "NAME[=VALUE]"),
            Option(("--env-file",), "variables from a regular file, one NAME[=VALUE] a line", "FILE"),
            Option(("-w", "--workdir"), "begin in that folder, instead of the container's own", "DIR"),
            Option(("-i", "--interactive"), "pass standard input on to it"),
            Option(("-t", "--tty"), "refused: there are no terminals in these containers"),
        ),
        program_at=2,
        closed=True,
    ),
    after=f"Exit status: the command's own, or 128 + the signal that ended it.\n{STATUS}",
    parse=parse,
    answer=execute,
    completes="running",
)
