"""The options of `start` and `run` that only stand before the command, as with docker: what they mean.

They change how a container is made and what it may use. What was given is kept in its record.
"""

from __future__ import annotations

import os
import re
import socket
import stat
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

from supervisor.errors import EngineError, UsageError
from supervisor.options import Line, Option, number, show
from supervisor.start_request import StartOptions
from supervisor.volumes import parse_volume

MAX_PIDS = 1 << 22
"""PID_MAX_LIMIT of include/linux/threads.h on 64 bits."""
CPUS_LEAST = 0.01
"""The kernel takes no quota below a millisecond of a period of 100 (kernel/sched/core.c)."""
MAX_TIMEOUT = 10**8
"""Seconds: three years."""
HOSTNAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9-]{1,63}(?<!-))*")
MAX_HOSTNAME = 64
"""__NEW_UTS_LEN of linux/utsname.h."""


def _before(*names: str, text: str, value: str = "") -> Option:
    return Option(names, text, value, anywhere=False)


OPTIONS = (
    _before("--rm", text="when it has ended, its record and its log go away"),
    _before("--timeout", text="stop it, as `stop` does, after so many seconds", value="SECONDS"),
    _before("-e", "--env", text="set a variable; without =VALUE, to what it is here", value="NAME[=VALUE]"),
    _before("--env-file", text="variables from a regular file, one NAME[=VALUE] a line", value="FILE"),
    _before("-w", "--workdir", text="the folder in which the command begins; it must be there", value="DIR"),
    _before("-h", "--hostname", text="its hostname; the id if not given", value="NAME"),
    _before("--init", text="a small init as PID 1, which passes on signals and reaps orphans"),
    _before("--read-only", text="nothing of its root file system can be changed"),
    _before("-v", "--volume", text="show it a file or folder of this machine", value="SRC:DST[:ro]"),
    _before("--cpus", text="at most so much of all CPUs together, such as 1.5", value="N"),
    _before("--pids-limit", "--pids", text="at most so many processes and threads; -1 for any", value="N"),
    _before("--join-streams", text="one pipe for its standard output and error: their true order"),
)


def parse(line: Line) -> StartOptions:
    """The options of a line.

    Raises:
        UsageError: a value is not what its option takes.
    """
    workdir = line.last("--workdir", "/")
    if not workdir.startswith("/"):
        raise UsageError(f"--workdir is an absolute path in the container, not {show(workdir)}")
    hostname = line.last("--hostname")
    if line.has("--hostname") and not (HOSTNAME.fullmatch(hostname) and len(hostname) <= MAX_HOSTNAME):
        raise UsageError(
            f"{show(hostname)} is not a hostname", "It is made of A-Z a-z 0-9 - and dots, 64 at most."
        )
    for variable in line.all("--env"):
        check_variable("--env", variable)
    return StartOptions(
        remove=line.has("--rm"),
        timeout=decimal("--timeout", line, CPUS_LEAST, MAX_TIMEOUT),
        environment=tuple(line.all("--env")),
        environment_files=tuple(line.all("--env-file")),
        workdir=workdir,
        hostname=hostname,
        init=line.has("--init"),
        read_only=line.has("--read-only"),
        volumes=tuple(map(parse_volume, line.all("--volume"))),
        cpus=decimal("--cpus", line, CPUS_LEAST, os.cpu_count() or 1),
        pids=pids(line.last("--pids")) if line.has("--pids") else 0,
        join_streams=line.has("--join-streams"),
    )


def decimal(key: str, line: Line, low: float, high: float) -> float:
    """The number an option holds; 0 if it was not given.

    Raises:
        UsageError: it holds none, or one out of range.
    """
    if not line.has(key):
        return 0
    text = line.last(key)
    if not re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
        raise UsageError(f"{key} is a number from {low:g} to {high:g}, not {show(text)}")
    return float(text)


def pids(text: str) -> int:
    """A number of processes; 0 for any.

    Raises:
        UsageError: it is none.
    """
    return 0 if text == "-1" else number("--pids", text, 1, MAX_PIDS)


def check_variable(where: str, text: str) -> None:
    """Make sure that something is NAME=VALUE or NAME.

    Raises:
        UsageError: it has no name.
    """
    if not text.partition("=")[0] or "\0" in text:
        raise UsageError(f"{where} takes NAME=VALUE or NAME, not {show(text)}")


def variables(
    options: StartOptions, directory: str, client: Callable[[], dict[bytes, bytes]]
) -> dict[bytes, bytes]:
    """The variables that were asked for; those of files first, and the last of a name counts.

    Args:
        options: what was given.
        directory: where the paths of files begin.
        client: gives the environment of the client; asked only if a name came without a value.

    Raises:
        EngineError: a file cannot be read, or holds something else.
    """
    found: dict[bytes, bytes] = {}
    theirs: dict[bytes, bytes] | None = None
    for file in options.environment_files:
        for word in read_variables(os.path.join(directory, file)):  # noqa: PTH118 - as the kernel reads it
            theirs = set_variable(found, word, theirs, client)
    for word in options.environment:
        theirs = set_variable(found, word, theirs, client)
    return found


def set_variable(
    found: dict[bytes, bytes],
    word: str,
    theirs: dict[bytes, bytes] | None,
    client: Callable[[], dict[bytes, bytes]],
) -> dict[bytes, bytes] | None:
    """Enter one variable; gives the environment of the client, if it had to be asked for."""
    name, equals, value = word.encode("utf-8", "surrogateescape").partition(b"=")
    if equals:
        found[name] = value
    else:
        theirs = client() if theirs is None else theirs
        if name in theirs:  # as with docker, a variable that is not set stays so
            found[name] = theirs[name]
    return theirs


def read_variables(path: str) -> Iterator[str]:
    """The variables in a file: one a line; lines that are empty or begin with # are comments.

    Raises:
        EngineError: it cannot be read, or a line has no name.
    """
    try:
        # Without waiting for who writes into a pipe; and /dev/fd/3 would be our own, not the client's.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError("it is not a regular file")
            text = file.read().decode("utf-8", "surrogateescape")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise EngineError(f"the file {show(path)} of --env-file cannot be read: {why}") from error
    for line in text.split("\n"):
        line = line.lstrip().removesuffix("\r")
        if line and not line.startswith("#"):
            check_variable(f"a line of {show(path)}", line)
            yield line


def client_environment(connection: socket.socket) -> dict[bytes, bytes]:
    """The environment of the process at the other end of a socket, as it was started with (proc(5)).

    So the client need not send what is hardly ever wanted.

    Raises:
        EngineError: it cannot be seen from here.
    """
    size = struct.calcsize("iII")  # struct ucred of unix(7): PID, UID, GID
    pid, _, _ = struct.unpack("iII", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    try:
        data = Path(f"/proc/{pid}/environ").read_bytes() if pid else b""
    except OSError as error:
        raise EngineError(
            f"the variables of the client (PID {pid}) cannot be read: {error.strerror}",
            "Give their values: --env NAME=VALUE.",
        ) from error
    pairs = (word.partition(b"=") for word in data.split(b"\0"))
    return {name: value for name, equals, value in pairs if equals}
