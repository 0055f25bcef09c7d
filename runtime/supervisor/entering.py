"""`exec`: one more process in a container that runs; what `container.py` is for the first one.

Two processes are needed, for setns(2) takes nobody into a PID namespace, only the children
that are made afterwards. The *usher*, a clone of the zygote, joins every namespace of the
container and makes the *guest*, in the container's cgroup; then it ends. Both are children
of the supervisor (CLONE_PARENT), which reaps them. The guest is a member of the container's
PID namespace, so the kernel kills it when the container's first process ends.

What is in the container must not get hold of what the guest brings along before its exec:
descriptors of the host's folders (CVE-2016-9962, CVE-2024-21626), its memory, its program
(CVE-2019-5736). So it is not dumpable, which closes /proc/PID to everybody without
CAP_SYS_PTRACE on the host, from before it is visible in there until exec has closed its
descriptors; and its program is the zygote's sealed copy in memory.
"""

from __future__ import annotations

import marshal
import os

from supervisor import seccomp
from supervisor import syscalls as sys
from supervisor.container import (
    CAPABILITY_MASK,
    Spec,
    die_with_the_supervisor,
    execute,
    report,
    set_priorities,
)

HEAD = 5
"""Bytes before the spec of a request: its kind and its length."""
CLONE, ENTER = range(2)
"""Kinds of request: the first process of a container, or one more in it."""

ALL_NAMESPACES = sys.CLONE_NEWNS | sys.CLONE_NEWUTS | sys.CLONE_NEWIPC | sys.CLONE_NEWPID | sys.CLONE_NEWNET
"""Joining one that we are in already changes nothing. The cgroup namespace comes later: seen from
inside, the cgroup that the usher is in does not exist, and nobody may be moved out of it."""


def enter(spec: Spec, descriptors: list[int]) -> tuple[bytes, int]:
    """Have a guest made, by an usher; to be called in the zygote.

    Args:
        spec: what the guest is to run, and as what.
        descriptors: a pidfd of the container's first process; the guest's standard input, output
            and error; the write end of its error pipe; the container's cgroup, where it has one.

    Returns:
        The answer for the supervisor, (PID, errno, what the kernel said, PID of the usher, whom
        the supervisor must wait for, 0 if there is none), marshalled; and -1, for no descriptor
        goes with it: a full table would lose it.
    """
    pipe: tuple[int, ...] = ()
    try:
        pipe = os.pipe()
        usher, pidfd = sys.clone3(sys.CLONE_PARENT)
    except OSError as error:
        for descriptor in pipe:
            os.close(descriptor)
        return marshal.dumps((0, error.errno, error.strerror, 0)), -1
    reading, writing = pipe
    if usher == 0:
        lead_in(spec, descriptors, writing)
    os.close(pidfd)
    os.close(writing)
    # A few bytes, in one piece; none if the usher was killed.
    answer = os.read(reading, 4096) or marshal.dumps((0, 0, "its usher was killed"))
    os.close(reading)
    return marshal.dumps((*marshal.loads(answer), usher)), -1


def lead_in(spec: Spec, descriptors: list[int], writing: int) -> None:
    """The usher: join the container, make the guest, tell its PID; never returns."""
    container, *streams_and_errors = descriptors
    streams, errors, cgroup = streams_and_errors[:3], streams_and_errors[3], streams_and_errors[4:]
    pid, number, text = 0, 0, ""
    try:
        die_with_the_supervisor()
        sys.prctl(sys.PR_SET_DUMPABLE, 0)
        sys.setns(container, ALL_NAMESPACES)
        pid, _ = sys.clone3(sys.CLONE_PARENT, *cgroup)
        if pid == 0:
            become_guest(spec, container, streams, errors)
    except OSError as error:
        number, text = error.errno or 0, error.strerror or ""
    finally:
        os.write(writing, marshal.dumps((pid, number, text)))
        os._exit(0)


def become_guest(spec: Spec, container: int, streams: list[int], errors: int) -> None:
    """The guest: become the program; never returns."""
    step = "setting up the process"
    try:
        die_with_the_supervisor()
        os.setsid()
        sys.setns(container, sys.CLONE_NEWCGROUP)
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        sys.close_on_exec_from(3)
        set_priorities(spec)
        step = "taking system calls away"
        sys.filter_calls(seccomp.PROGRAM)
        step = "giving up capabilities"
        sys.capset(CAPABILITY_MASK)
        die_with_the_supervisor()  # a change of credentials may clear it
        step = "changing to its working directory"
        os.chdir(spec.workdir)
        step = "executing"
        execute(spec.argv, spec.environment)
    except Exception as error:  # noqa: BLE001 - a bug of ours must reach the supervisor as well
        report(errors, step, error)
    finally:
        os._exit(125)
