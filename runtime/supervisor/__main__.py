"""Where the supervisor begins and ends; also what the client does when there is no supervisor."""

from __future__ import annotations

import os
import resource
import select
import signal
import sys
import threading
from pathlib import Path
from typing import TextIO

from supervisor.commands import COMMANDS, handle, tell
from supervisor.commands.help import usage
from supervisor.errors import EngineError, UsageError
from supervisor.state import claim, place

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
LISTENING = 20
"""Milliseconds that whoever reads what we say may take for a line; then it is lost."""
STACK = 256 << 10
"""Bytes of stack of a thread: ours are many, and none goes deep."""


def say(line: str) -> None:
    """A line for whoever runs the supervisor; it must not fail, nor wait, because nobody listens."""
    text = f"{line}\n".encode("utf-8", "backslashreplace")
    try:
        where = sys.stdout.fileno()
        poll = select.poll()
        poll.register(where, select.POLLOUT)
        for begin in range(
            0, len(text), select.PIPE_BUF
        ):  # a pipe that can be written to has room for so much
            if not poll.poll(LISTENING):
                return  # a terminal that was stopped, or a pipe that nobody reads
            os.write(where, text[begin : begin + select.PIPE_BUF])
    except (OSError, ValueError, AttributeError):
        pass


def supervise(base_rootfs: str) -> None:
    """Be the supervisor, until a signal says stop.

    Raises:
        EngineError: it cannot be.
    """
    # Not above: loading these takes long, and who only learns that there is no supervisor should not wait for them.
    from supervisor.control import Control
    from supervisor.lifecycle import Engine
    from supervisor.zygote import Zygote

    # Ignored by whoever started us, it would have the kernel reap our containers, and nobody know how they ended.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # In every thread to come, these wait for sigwait() below and interrupt nothing.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    if os.geteuid() != 0:
        raise EngineError("the supervisor makes namespaces and mounts, which only root may", "Use sudo.")
    if not Path(base_rootfs).is_dir():
        raise EngineError(
            f"the base rootfs {base_rootfs!r} is not a folder",
            "Give the root file system that containers' are copied from.",
        )
    where = place()
    claim(where)
    os.chdir("/")  # whatever folder we were started in can be unmounted
    zygote = Zygote.start()  # before the first thread
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    threading.stack_size(STACK)
    engine = Engine(where, zygote, say)
    if engine.cgroups is None:
        say("cgroup v2 is not mounted here: no accounting, and no CPU weights between containers")
    if engine.monitor is None:
        by = "cgroup v2 (memory.high, memory.max)" if engine.cgroups is not None else "nobody"
        say(f"memory limits: the kernel monitor is not loaded, {by} holds them")
    try:
        control = Control(where, lambda request, reply: handle(engine, request, reply), say)
    except (OSError, RuntimeError) as error:
        raise EngineError(f"the control socket {where.socket} cannot be made: {error}") from error
    say(f"ready: {where.socket}")
    # region 09.signals
    number = signal.sigwait(STOP_SIGNALS)
    say(f"{signal.Signals(number).name}: stopping every container")
    control.close()
    engine.shut_down()
    control.join()
    say("stopped")
    # endregion 09.signals


def without_supervisor(arguments: list[str]) -> tuple[str, int]:
    """The answer to a command line where no supervisor answers: its text and its status."""
    if not arguments:
        return usage(), 125
    answer = tell([os.fsencode(word) for word in arguments])
    if answer is None:
        raise EngineError(
            f"no supervisor answers at {place().socket}", "Start one with `engine supervisor <base-rootfs>`."
        )
    return answer, 0


def show(text: str, where: TextIO | None = None) -> None:
    """Write what was asked for, by default to standard output.

    Raises:
        EngineError: it cannot be written, as where a disk is full.
        BrokenPipeError: whoever reads wants no more.
    """
    where = where or sys.stdout
    try:
        where.write(text)
        where.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EngineError(f"the answer cannot be written: {error.strerror}") from error


def main(arguments: list[str]) -> int:
    """Run as `engine supervisor …`, or in place of the client where no supervisor answers."""
    try:
        match arguments:
            case ["supervisor", "--help" | "-h"]:
                show(COMMANDS["supervisor"].help())
            case ["supervisor", base] | ["supervisor", "--", base] if not base.startswith("-"):
                supervise(base)
            case ["supervisor", *_]:
                raise UsageError("`engine supervisor` takes the base rootfs, and nothing else")
            case _:
                answer, status = without_supervisor(arguments)
                show(answer, sys.stderr if status else sys.stdout)
                return status
    except EngineError as error:
        sys.stderr.write(f"engine: {error}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
