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
from _socket import sethostname

from supervisor import syscalls as sys

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

READ_ONLY_PROC = ("/proc/sys", "/proc/irq", "/proc/bus", "/proc/fs", "/proc/acpi", "/proc/scsi")
"""Parts of /proc that are not per namespace: to write there is to write to the host."""

MASKED_PROC = ("/proc/sysrq-trigger", "/proc/kcore", "/proc/keys", "/proc/timer_list")
"""Files of /proc that tell about the host or act on it; /dev/null lies over them."""

DEVICES = (("null", 1, 3), ("zero", 1, 5), ("full", 1, 7), ("random", 1, 8), ("urandom", 1, 9), ("tty", 5, 0))

DEVICE_LINKS = (
    ("/proc/self/fd", "fd"),
    ("/proc/self/fd/0", "stdin"),
    ("/proc/self/fd/1", "stdout"),
    ("/proc/self/fd/2", "stderr"),
    ("/tmp", "shm"),
)

SIGKILL = 9
"""As in `signal`, which costs the zygote an import (enum and all) for one number."""

Failure = tuple[str, int, str, str]
"""Step, errno, what the kernel said, path: what the error pipe carries, marshalled."""


class Spec:
    """What the child must know. Plain data, because it crosses to the zygote by `marshal`."""

    __slots__ = ("argv", "cpus", "environment", "hostname", "nice", "rootfs", "rootfs_key", "workdir")

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
    ) -> None:
        self.argv = argv
        self.environment = environment
        self.hostname = hostname
        self.rootfs = rootfs
        self.rootfs_key = rootfs_key  # device and inode, as they were when it was admitted
        self.nice = nice
        self.cpus = cpus or []
        self.workdir = workdir

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
        # If the supervisor dies, the kernel kills us. Had it died before this line, the
        # barrier will read end of file, so neither moment is missed.
        sys.prctl(sys.PR_SET_PDEATHSIG, SIGKILL)
        os.setsid()
        os.dup2(stdout, 1)
        os.dup2(stderr, 2)
        # Nothing of the zygote's may be open in the program: a directory of the host, held
        # open, is a way out of the rootfs.
        sys.close_on_exec_from(3)

        step = "making its mounts private"
        # First of all, else each mount below would appear on the host too.
        sys.mount("", "/", flags=sys.MS_REC | sys.MS_PRIVATE)

        step = "changing to its rootfs"
        enter_rootfs(spec.rootfs, spec.rootfs_key)

        step = "mounting its /dev and /proc"
        mount_dev()
        mount_proc()

        step = "setting its hostname, nice value and CPUs"
        sethostname(spec.hostname)
        set_priorities(spec)

        step = "giving up capabilities"
        # The zygote has dropped the rest from the bounding set and set no_new_privs already.
        sys.capset(CAPABILITY_MASK)
        sys.prctl(sys.PR_SET_PDEATHSIG, SIGKILL)  # a change of credentials may clear it

        step = "waiting for the supervisor"
        if os.read(barrier, 1) != b"g":
            os._exit(125)

        step = "changing to its working directory"
        os.chdir(spec.workdir)
        step = "executing"
        execute(spec.argv, spec.environment)
    except Exception as error:  # noqa: BLE001 - a bug of ours must reach the supervisor as well
        report(errors, step, error)
    finally:
        os._exit(125)


def set_priorities(spec: Spec) -> None:
    """Take on its nice value and its CPUs; `exec` does so for its processes, too."""
    if spec.nice:
        os.setpriority(os.PRIO_PROCESS, 0, spec.nice)
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


def enter_rootfs(path: str, key: tuple[int, int]) -> None:
    """Make a directory the root of this mount namespace, and let go of the old root.

    Args:
        path: where it is on the host.
        key: its device and inode. A descriptor of the supervisor's would not do: it leads to
            the supervisor's mounts, and ours are copies.
    """
    rootfs = os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    status = os.fstat(rootfs)
    if (status.st_dev, status.st_ino) != key:
        raise OSError(errno.ESTALE, "it is another directory by now", path)
    # pivot_root wants a mount point, so the directory is mounted on itself.
    tree = sys.open_tree_clone(rootfs)
    # CAP_MKNOD stays, as elsewhere, but a node made in the rootfs (the host's disk, say)
    # opens nothing.
    sys.mount_setattr(tree, sys.MOUNT_ATTR_NODEV)
    sys.move_mount(tree, rootfs)
    os.fchdir(tree)
    # The old root lands on top of the new one, and is then taken off: no directory for it is
    # needed, and afterwards nothing above "/" exists any more, as ".." would show.
    sys.pivot_root(".", ".")
    sys.umount2(".", sys.MNT_DETACH)
    os.chdir("/")
    if (now := os.getcwd()) != "/":  # noqa: PTH109
        raise OSError(errno.EXDEV, "still outside the rootfs after pivot_root", now)


def mount_dev() -> None:
    """A small /dev: the six devices everybody expects, read-only so that none can be added."""
    make_directory("/dev")
    flags = sys.MS_NOSUID | sys.MS_NOEXEC
    sys.mount("dev", "/dev", "tmpfs", flags, "mode=755,size=64k")
    for name, major, minor in DEVICES:
        os.mknod(f"/dev/{name}", 0o020666, os.makedev(major, minor))
        os.chmod(f"/dev/{name}", 0o666)  # noqa: PTH101 - pathlib would be an import; mknod obeys the umask
    for target, name in DEVICE_LINKS:
        os.symlink(target, f"/dev/{name}")  # noqa: PTH211
    sys.mount("", "/dev", flags=sys.MS_REMOUNT | sys.MS_BIND | sys.MS_RDONLY | flags)


def mount_proc() -> None:
    """The PID namespace's own /proc, with what belongs to the host read-only or hidden."""
    make_directory("/proc")
    flags = sys.MS_NOSUID | sys.MS_NODEV | sys.MS_NOEXEC
    sys.mount("proc", "/proc", "proc", flags)
    for path in READ_ONLY_PROC:
        try:
            sys.mount(path, path, flags=sys.MS_BIND | sys.MS_REC)
        except FileNotFoundError:
            continue  # not in this kernel
        sys.mount("", path, flags=sys.MS_REMOUNT | sys.MS_BIND | sys.MS_RDONLY | flags)
    for path in MASKED_PROC:
        try:
            sys.mount("/dev/null", path, flags=sys.MS_BIND)
        except FileNotFoundError:
            continue


def make_directory(path: str) -> None:
    """A mount point in the rootfs, made where it is missing."""
    try:  # noqa: SIM105 - contextlib would be an import
        os.mkdir(path, 0o755)  # noqa: PTH102
    except FileExistsError:
        pass


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
