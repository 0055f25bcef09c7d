"""The zygote: a small process with one thread, whose only work is to clone containers.

To fork from a process with threads is to copy locks that nobody will ever release; so
the supervisor starts this one before its first thread, and asks it for each container.
CLONE_PARENT makes the new process a child of the supervisor, not of this one. It runs
from a sealed memfd (see zygote.py), and imports as little as it can.
"""

from __future__ import annotations

import gc
import marshal
import os
from _signal import NSIG, SIG_DFL, SIG_SETMASK, pthread_sigmask, signal  # type: ignore[import-not-found]
from _socket import CMSG_SPACE, MSG_CMSG_CLOEXEC, MSG_NOSIGNAL, SCM_RIGHTS, SOL_SOCKET, socket
from sys import meta_path

from supervisor import syscalls as sys
from supervisor.container import CAPABILITY_MASK, Spec, become, die_with_the_supervisor
from supervisor.entering import ENTER, HEAD, enter

MAX_DESCRIPTORS = 8


def main(channel: int) -> None:
    """Serve the supervisor at the other end of a socket until it is gone."""
    prepare()
    connection = socket(fileno=channel)
    while True:
        kind, request, descriptors = receive(connection)
        if not request:
            os._exit(0)
        spec = Spec.from_bytes(request)
        answer, pidfd = (enter if kind == ENTER else clone)(spec, descriptors)
        rights = [(SOL_SOCKET, SCM_RIGHTS, pidfd.to_bytes(4, "little"))] if pidfd >= 0 else []
        connection.sendmsg([answer], rights, MSG_NOSIGNAL)
        for descriptor in [*descriptors, *([pidfd] if pidfd >= 0 else [])]:
            os.close(descriptor)


def clone(spec: Spec, descriptors: list[int]) -> tuple[bytes, int]:
    """Make the first process of a container.

    Args:
        spec: what it is to become.
        descriptors: its standard output and error, its barrier, its error pipe, its cgroup if it has one.

    Returns:
        The answer, (PID, errno, what the kernel said), marshalled, and a pidfd; -1 if there is none.
    """
    stdout, stderr, barrier, errors, *cgroup = descriptors
    # region 01.flags
    namespaces = sys.CLONE_NEWPID | sys.CLONE_NEWNS | sys.CLONE_NEWUTS | sys.CLONE_NEWIPC
    try:
        pid, pidfd = sys.clone3(namespaces | sys.CLONE_PARENT, *cgroup)
    except OSError as error:
        return marshal.dumps((0, error.errno, error.strerror)), -1
    if pid == 0:
        become(spec, stdout, stderr, barrier, errors)
    return marshal.dumps((pid, 0, "")), pidfd
    # endregion 01.flags


def prepare() -> None:
    """Do once what every container would otherwise have to do for itself."""
    die_with_the_supervisor()
    os.setsid()  # Ctrl-C on the supervisor's terminal is not meant for us
    os.umask(0o022)
    os.setgroups([])
    # Python ignores SIGPIPE, nohup SIGHUP: an ignored signal would stay ignored after exec.
    for number in range(1, NSIG):
        try:
            signal(number, SIG_DFL)
        except (OSError, ValueError):
            continue  # SIGKILL and SIGSTOP have no other disposition, and libc keeps two for itself
    pthread_sigmask(SIG_SETMASK, [])
    # region 10.privileges
    sys.prctl(sys.PR_SET_NO_NEW_PRIVS, 1)
    sys.prctl(sys.PR_CAP_AMBIENT, sys.PR_CAP_AMBIENT_CLEAR_ALL)
    # endregion 10.privileges
    # region 10.capabilities
    capability = 0
    while True:
        try:
            if not CAPABILITY_MASK >> capability & 1:
                sys.prctl(sys.PR_CAPBSET_DROP, capability)
        except OSError:
            break  # EINVAL: the last capability of this kernel was the one before
        capability += 1
    # endregion 10.capabilities
    null = os.open("/dev/null", os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    # Once a child has changed its root, a file of that name would be the container's: so nothing
    # is imported from here on, and what tries to fails.
    meta_path.clear()
    # A collection would touch, and so copy, every page of every child.
    gc.disable()
    gc.freeze()


def receive(connection: socket) -> tuple[int, bytes, list[int]]:
    """One request: a byte of kind, four of length, the spec; its descriptors come with the first byte."""
    head, ancillary, _, _ = connection.recvmsg(HEAD, CMSG_SPACE(MAX_DESCRIPTORS * 4), MSG_CMSG_CLOEXEC)
    descriptors = []
    for level, kind, data in ancillary:
        if (level, kind) == (SOL_SOCKET, SCM_RIGHTS):
            for start in range(0, len(data) // 4 * 4, 4):
                descriptors.append(int.from_bytes(data[start : start + 4], "little"))
    if len(head) < HEAD:
        return 0, b"", descriptors
    length = int.from_bytes(head[1:], "little")
    parts = []
    while length:
        part = connection.recv(min(length, 1 << 16))
        if not part:
            return 0, b"", descriptors
        parts.append(part)
        length -= len(part)
    return head[0], b"".join(parts), descriptors
