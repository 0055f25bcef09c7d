"""The child's half of a start: from the moment it is cloned until it is the container's program.

The order of the steps is the lesson; read `become` from top to bottom. It runs as PID 1
of new PID, mount, UTS and IPC namespaces, in a copy of the zygote. Whatever fails is
written to the error pipe, which exec closes: the supervisor reads either the failure or
the end of file. Imports as little as it can: every page touched here is copied.
"""

from __future__ import annotations

import errno
import marshal
import os
from _signal import SIG_BLOCK, SIG_SETMASK, pthread_sigmask, valid_signals  # type: ignore[import-not-found]
from _socket import sethostname

from supervisor import seccomp
from supervisor import syscalls as sys
from supervisor.mounts import Volume, set_up

CAPABILITIES = (
    ("CAP_CHOWN", 0),
    ("CAP_DAC_OVERRIDE", 1),
    ("CAP_FOWNER", 3),
    ("CAP_FSETID", 4),
    ("CAP_KILL", 5),
    ("CAP_SETGID", 6),
    ("CAP_SETUID", 7),
    ("CAP_SETPCAP", 8),
    ("CAP_NET_BIND_SERVICE", 10),
    ("CAP_NET_RAW", 13),
    ("CAP_SYS_CHROOT", 18),
    ("CAP_MKNOD", 27),
    ("CAP_AUDIT_WRITE", 29),
    ("CAP_SETFCAP", 31),
)
"""What root in a container may still do: the set docker and podman give (linux/capability.h)."""

CAPABILITY_MASK = sum(1 << number for _, number in CAPABILITIES)

SIGKILL = 9
"""As in `signal`, which costs the zygote an import (enum and all) for one number."""

Failure = tuple[str, int, str, str]
"""Step, errno, what the kernel said, path: what the error pipe carries, marshalled."""


class Spec:
    """What the child must know. Plain data, because it crosses to the zygote by `marshal`."""

    __slots__ = (
        "argv",
        "cpus",
        "environment",
        "hostname",
        "init",
        "nice",
        "read_only",
        "rootfs",
        "rootfs_key",
        "volumes",
        "workdir",
    )

    def __init__(
        self,
        argv: list[bytes],
        environment: dict[bytes, bytes],
        hostname: str,
        rootfs: str,
        rootfs_key: tuple[int, int],
        nice: int = 0,
        cpus: list[int] | None = None,
        workdir: bytes = b"/",
        volumes: list[Volume] | None = None,
        read_only: bool = False,
        init: int = -1,
    ) -> None:
        self.argv = argv
        self.environment = environment
        self.hostname = hostname
        self.rootfs = rootfs
        self.rootfs_key = rootfs_key  # device and inode, as they were when it was admitted
        self.nice = nice
        self.cpus = cpus or []
        self.workdir = workdir
        self.volumes = volumes or []
        self.read_only = read_only
        self.init = init  # in the zygote, the program that is to be PID 1 above it; -1 for none

    def to_bytes(self) -> bytes:
        """The spec as bytes; both ends are the same interpreter, and one of them is trusted."""
        return marshal.dumps(
            (
                self.argv,
                self.environment,
                self.hostname,
                self.rootfs,
                self.rootfs_key,
                self.nice,
                self.cpus,
                self.workdir,
                self.volumes,
                self.read_only,
                self.init,
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Spec:
        """The inverse of `to_bytes`."""
        return cls(*marshal.loads(data))


def become(spec: Spec, stdout: int, stderr: int, barrier: int, errors: int) -> None:
    """Turn this process into the container's program; never returns.

    Args:
        spec: what to run and as what.
        stdout: the write end of the pipe for its standard output.
        stderr: the same for its standard error.
        barrier: the read end of a pipe; a byte says go, end of file says the supervisor is gone.
        errors: the write end of the error pipe.
    """
    step = "setting up the process"
    try:
        die_with_the_supervisor()
        os.setsid()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        # Nothing of the zygote's may be open in the program: a directory of the host, held
        # open, is a way out of the rootfs.
        sys.close_on_exec_from(3)

        step = "making its mounts private"
        # region 01.mounts
        # First of all, else each mount below would appear on the host too.
        sys.mount("", "/", flags=sys.MS_REC | sys.MS_PRIVATE)
        # endregion 01.mounts

        step = "mounting its file systems"
        set_up(spec.rootfs, spec.rootfs_key, spec.volumes, spec.read_only)

        step = "setting its hostname, nice value and CPUs"
        # region 01.hostname
        sethostname(spec.hostname)
        # endregion 01.hostname
        set_priorities(spec)

        step = "taking system calls away"
        sys.filter_calls(seccomp.PROGRAM)

        step = "giving up capabilities"
        # The zygote has dropped the rest from the bounding set and set no_new_privs already.
        sys.capset(CAPABILITY_MASK)
        die_with_the_supervisor()  # a change of credentials may clear it

        step = "waiting for the supervisor"
        if os.read(barrier, 1) != b"g":
            os._exit(125)

        step = "changing to its working directory"
        os.chdir(spec.workdir)
        if spec.init >= 0:
            step = "making its init"
            put_under_init(spec.init)
        step = "executing"
        execute(spec.argv, spec.environment)
    except Exception as error:  # noqa: BLE001 - a bug of ours must reach the supervisor as well
        report(errors, step, error)
    finally:
        os._exit(125)


def die_with_the_supervisor() -> None:
    """Ask the kernel to kill this process when its parent dies (prctl(2))."""
    # region 09.death
    # Had the parent died before this line, the barrier will read end of file, so neither
    # moment is missed.
    sys.prctl(sys.PR_SET_PDEATHSIG, SIGKILL)
    # endregion 09.death


def put_under_init(program: int) -> None:
    """Go on as a child of this process, which becomes the init (init/init.c) of the container.

    Every signal stays blocked in it from here on: PID 1 is never interrupted, it asks for
    them one by one. What comes in between waits.
    """
    pthread_sigmask(SIG_BLOCK, valid_signals())
    child = os.fork()
    if child:
        os.execve(program, [b"init", b"%d" % child], {})
    pthread_sigmask(SIG_SETMASK, [])


def set_priorities(spec: Spec) -> None:
    """Take on its nice value and its CPUs; `exec` does so for its processes, too."""
    # region 08.nice
    if spec.nice:
        os.setpriority(os.PRIO_PROCESS, 0, spec.nice)
    # endregion 08.nice
    if spec.cpus:
        os.sched_setaffinity(0, spec.cpus)


def report(errors: int, step: str, error: Exception) -> None:
    """Tell the supervisor what failed, at which step."""
    number, text, path = 0, f"{type(error).__name__}: {error}", ""
    if isinstance(error, OSError):
        number, text = error.errno or 0, error.strerror or ""
        if isinstance(error.filename, bytes):
            if step == "executing" and b"/" in error.filename and exists(error.filename):
                step = "executing a file that is there"  # so ENOENT speaks of its interpreter
            path = error.filename.decode("utf-8", "backslashreplace")
        elif isinstance(error.filename, str):
            path = error.filename
    os.write(errors, marshal.dumps((step, number, text, path)))


def execute(argv: list[bytes], environment: dict[bytes, bytes]) -> None:
    """execve, with a name without a slash looked up in PATH; raises the error that tells most."""
    name = argv[0]
    if b"/" in name:
        os.execve(name, argv, environment)
    failure = OSError(errno.ENOENT, os.strerror(errno.ENOENT), name)
    for folder in environment.get(b"PATH", b"").split(b":"):
        path = (folder or b".") + b"/" + name
        try:
            os.execve(path, argv, environment)
        except OSError as error:
            # "Not there" says less than "there, but it cannot be executed".
            if error.errno not in (errno.ENOENT, errno.ENOTDIR) or exists(path):
                failure = OSError(error.errno, error.strerror, path)
                if error.errno != errno.EACCES:
                    break
    raise failure


def exists(path: bytes) -> bool:
    """Whether there is a file of this name."""
    try:
        os.stat(path)  # noqa: PTH116
    except OSError:
        return False
    return True
