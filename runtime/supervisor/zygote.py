"""The supervisor's end of the zygote: start it, ask it for a process.

The zygote is executed from a sealed copy of the interpreter in memory, not from
/usr/bin. A container whose program is a script with `#!/proc/self/exe` runs whatever its
process was executed from *before*; had that been the host's interpreter, root in the
container could open it for writing (CVE-2019-5736). A sealed memfd nobody can write.
"""

from __future__ import annotations

import fcntl
import marshal
import os
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from supervisor.container import Spec
from supervisor.entering import CLONE, ENTER, HEAD
from supervisor.errors import EngineError

INIT = Path(__file__).resolve().parent.parent / "init" / "init"
"""The program that `--init` makes PID 1, as its Makefile leaves it."""


class Zygote:
    """The process that clones containers for us; one request at a time."""

    def __init__(self, pid: int, connection: socket.socket, init: int) -> None:
        self.pid = pid
        self.init = init  # its descriptor of the program in init/; -1 where that has not been built
        self._connection = connection
        self._lock = threading.Lock()

    @classmethod
    def start(cls) -> Zygote:
        """Fork and execute it. To be called while the supervisor still has one thread."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        interpreter = sealed_copy(os.path.realpath(sys.executable))
        package = Path(__file__).resolve().parent.parent
        init = sealed_copy(os.fspath(INIT)) if INIT.exists() else -1
        program = (
            f"import sys; sys.path.insert(0, {str(package)!r}); "
            f"from supervisor.zygote_main import main; main({theirs.fileno()})"
        )
        # The interpreter finds its library from argv[0], so that names the original.
        command = [sys.executable, "-S", "-E", "-I", "-c", program]
        pid = os.fork()
        if pid == 0:
            try:
                for descriptor in (theirs.fileno(), init) if init >= 0 else (theirs.fileno(),):
                    os.set_inheritable(descriptor, True)
                os.execve(interpreter, command, {"LC_ALL": "C.UTF-8"})
            finally:
                os._exit(125)
        for descriptor in (interpreter, init) if init >= 0 else (interpreter,):
            os.close(descriptor)
        theirs.close()
        return cls(pid, ours, init)

    def clone(
        self, spec: Spec, streams: tuple[int, int], barrier: int, errors: int, cgroup: int = -1
    ) -> tuple[int, int]:
        """A new process that waits at the barrier: its PID and a pidfd. It is our own child.

        Args:
            spec: what it is to become.
            streams: its standard output and standard error.
            barrier: where it waits for a byte.
            errors: where it tells what failed.
            cgroup: where it is born.

        Raises:
            EngineError: the kernel refused, or the zygote is gone.
            OSError: we have no descriptor left for it; it is gone again.
        """
        descriptors = [*streams, barrier, errors, *([cgroup] if cgroup >= 0 else [])]
        (pid, number, text), pidfd = self._ask(CLONE, spec, descriptors)
        if not pid:
            raise EngineError(f"the kernel refused a new process: {text} (errno {number})")
        # Where our table of descriptors is full, the kernel drops the one that came with the answer.
        return pid, pidfd if pidfd >= 0 else hold(pid)

    def enter(
        self, spec: Spec, container: int, streams: tuple[int, int, int], errors: int, cgroup: int = -1
    ) -> tuple[int, int]:
        """A new process in a container that runs: its PID and a pidfd. It is our own child.

        Args:
            spec: what it is to become.
            container: a pidfd of the container's first process.
            streams: its standard input, output and error.
            errors: where it tells what failed.
            cgroup: where it is born.

        Raises:
            EngineError: the container has ended, the kernel refused, or the zygote is gone.
            OSError: we have no descriptor left for it; it is gone again.
        """
        descriptors = [container, *streams, errors, *([cgroup] if cgroup >= 0 else [])]
        (pid, number, text, usher), _ = self._ask(ENTER, spec, descriptors)
        if usher:
            os.waitid(os.P_PID, usher, os.WEXITED)
        if not pid:
            raise EngineError(f"the kernel refused a new process in the container: {text} (errno {number})")
        return pid, hold(pid)

    def _ask(self, kind: int, spec: Spec, descriptors: list[int]) -> tuple[Any, int]:
        """One request, and the zygote's answer: what it has marshalled, and a pidfd or -1."""
        body = spec.to_bytes()
        head = bytes([kind]) + len(body).to_bytes(HEAD - 1, "little")
        with self._lock:
            try:
                socket.send_fds(self._connection, [head], descriptors)
                self._connection.sendall(body)
                answer, received, _, _ = socket.recv_fds(self._connection, 4096, 1)
            except OSError:
                answer, received = b"", []
        if not answer:
            raise EngineError("the zygote, which clones the containers, is gone", "Restart the supervisor.")
        return marshal.loads(answer), received[0] if received else -1

    def stop(self) -> None:
        """Let it end; the reaper waits for it."""
        self._connection.close()


def hold(pid: int) -> int:
    """A pidfd of a new child of ours. We alone wait for it, so until we do, its PID is no other's.

    Raises:
        OSError: we have no descriptor left; the child is ended and reaped.
    """
    try:
        return os.pidfd_open(pid)
    except OSError:
        abandon(pid)
        raise


def abandon(pid: int) -> None:
    """End and reap a child of ours that the reaper does not watch.

    Nobody else ever would: a zombie for good, and a guest's container that cannot end, since its
    first process waits in the kernel until all others of its PID namespace have been reaped.
    """
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED)


def sealed_copy(path: str) -> int:
    """A copy of a file in memory that nobody can change any more, as a descriptor."""
    # region 10.sealed
    copy = os.memfd_create(Path(path).name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    with Path(path).open("rb") as original:
        remaining = os.fstat(original.fileno()).st_size
        while remaining:
            sent = os.sendfile(copy, original.fileno(), None, remaining)
            if not sent:
                break
            remaining -= sent
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    fcntl.fcntl(copy, fcntl.F_ADD_SEALS, seals)
    return copy
    # endregion 10.sealed
