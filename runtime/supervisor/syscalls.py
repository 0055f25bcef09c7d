"""System calls that Python does not offer, one small function each.

Names and numbers are those of the kernel headers (linux/mount.h, linux/sched.h,
linux/prctl.h, linux/capability.h). An error is always an `OSError`, with the path it
happened to. Only the zygote and its children import this file: the rest of the
supervisor finds all it needs in `os`, `signal` and `fcntl`.
"""

from __future__ import annotations

import ctypes
import os

# PyDLL keeps the interpreter's lock during the call. The child that clone3() makes then owns
# the lock it has copied, and need not take it again; the zygote has one thread, so nobody waits.
_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)
_libc.umount2.argtypes = (ctypes.c_char_p, ctypes.c_int)
_libc.pivot_root.argtypes = (ctypes.c_char_p, ctypes.c_char_p)

# The numbers of system calls newer than 2018 are the same on every architecture.
SYS_open_tree = 428
SYS_move_mount = 429
SYS_clone3 = 435
SYS_close_range = 436
SYS_openat2 = 437
SYS_mount_setattr = 442

AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000


def _check(result: int, path: str = "") -> int:
    """The result of a call, or its errno as an exception."""
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), path or None)
    return result


def _syscall(number: int, *arguments: int | ctypes.c_void_p | ctypes.c_char_p, path: str = "") -> int:
    # A plain int would be passed as a C int, half as wide as the kernel reads it.
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _check(_libc.syscall(ctypes.c_long(number), *wide), path)


# --- processes ---------------------------------------------------------------------------

CLONE_PIDFD = 0x00001000
CLONE_PARENT = 0x00008000
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
CLONE_INTO_CGROUP = 0x200000000


class _clone_args(ctypes.Structure):
    """`struct clone_args` of linux/sched.h, 88 bytes (CLONE_ARGS_SIZE_VER2, Linux 5.7)."""

    _fields_ = tuple(
        (name, ctypes.c_uint64)
        for name in (
            "flags",
            "pidfd",
            "child_tid",
            "parent_tid",
            "exit_signal",
            "stack",
            "stack_size",
            "tls",
            "set_tid",
            "set_tid_size",
            "cgroup",
        )
    )


def clone3(flags: int, cgroup: int = -1) -> tuple[int, int]:
    """Make a process as `fork` does, with `flags`; gives its PID and a pidfd, or (0, -1) in the child.

    `exit_signal` is 0, as CLONE_PARENT demands; the child inherits the caller's, SIGCHLD.

    Args:
        flags: CLONE_*; CLONE_PIDFD is added.
        cgroup: a descriptor of the cgroup it shall be born in, or -1 for the caller's.
    """
    pidfd = ctypes.c_int(-1)
    args = _clone_args(flags=flags | CLONE_PIDFD, pidfd=ctypes.addressof(pidfd))
    if cgroup >= 0:
        args.flags |= CLONE_INTO_CGROUP
        args.cgroup = cgroup
    pid = _syscall(SYS_clone3, ctypes.c_void_p(ctypes.addressof(args)), ctypes.sizeof(args))
    return pid, pidfd.value


def setns(descriptor: int, namespaces: int) -> None:
    """Join namespaces (CLONE_NEW*) of the process behind a pidfd (setns(2), Linux 5.8).

    Of a PID namespace, only children to come become members.
    """
    _check(_libc.setns(descriptor, namespaces))


PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_SECCOMP = 22
PR_CAPBSET_DROP = 24
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_CLEAR_ALL = 4


def prctl(option: int, value: int = 0) -> None:
    """prctl(2) with one argument."""
    _check(_libc.prctl(ctypes.c_int(option), *[ctypes.c_ulong(word) for word in (value, 0, 0, 0)]))


SECCOMP_MODE_FILTER = 2


def filter_calls(program: bytes) -> None:
    """Have the kernel run a program before each system call of this process, from now on (seccomp(2)).

    Without CAP_SYS_ADMIN this takes no_new_privs.

    Args:
        program: an array of `struct sock_filter` (linux/filter.h), 8 bytes each.
    """
    statements = ctypes.create_string_buffer(program, len(program))
    # struct sock_fprog: their number in 16 bits, and after a gap a pointer to them.
    fprog = (ctypes.c_uint64 * 2)(len(program) // 8, ctypes.addressof(statements))
    words = (SECCOMP_MODE_FILTER, ctypes.addressof(fprog), 0, 0)
    _check(_libc.prctl(ctypes.c_int(PR_SET_SECCOMP), *[ctypes.c_ulong(word) for word in words]))


_LINUX_CAPABILITY_VERSION_3 = 0x20080522


def capset(permitted: int) -> None:
    """Make `permitted` (a bit set) the permitted and the effective capabilities, and inherit none."""
    # region 10.capset
    low, high = permitted & 0xFFFFFFFF, permitted >> 32
    header = (ctypes.c_uint32 * 2)(_LINUX_CAPABILITY_VERSION_3, 0)
    # Two triples of 32 bits: effective, permitted, inheritable; the low word of each set first.
    data = (ctypes.c_uint32 * 6)(low, low, 0, high, high, 0)
    _check(_libc.capset(ctypes.byref(header), ctypes.byref(data)))
    # endregion 10.capset


CLOSE_RANGE_CLOEXEC = 4


def close_on_exec_from(first: int) -> None:
    """Let every descriptor from `first` on be closed by exec (close_range(2), Linux 5.11)."""
    # region 10.descriptors
    _syscall(SYS_close_range, first, 0xFFFFFFFF, CLOSE_RANGE_CLOEXEC)
    # endregion 10.descriptors


# --- mounts ------------------------------------------------------------------------------

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MNT_DETACH = 2
OPEN_TREE_CLONE = 1
MOVE_MOUNT_F_EMPTY_PATH = 0x4
MOVE_MOUNT_T_EMPTY_PATH = 0x40
MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2); an empty `kind` or `options` is NULL."""
    _check(
        _libc.mount(
            source.encode(),
            target.encode(),
            kind.encode() if kind else None,
            flags,
            options.encode() if options else None,
        ),
        target,
    )


def umount2(target: str, flags: int = 0) -> None:
    """umount2(2)."""
    _check(_libc.umount2(target.encode(), flags), target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2). With "." for both, the old root lies on top of the new one until it is unmounted."""
    _check(_libc.pivot_root(new_root.encode(), put_old.encode()), new_root)


def open_tree_clone(directory: int) -> int:
    """A detached copy of the mounts at an open directory and below it, as a descriptor (Linux 5.2)."""
    flags = OPEN_TREE_CLONE | os.O_CLOEXEC | AT_EMPTY_PATH | AT_RECURSIVE
    return _syscall(SYS_open_tree, directory, ctypes.c_char_p(b""), flags)


def move_mount(tree: int, directory: int) -> None:
    """Attach a detached tree of mounts on an open directory (Linux 5.2)."""
    flags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH
    empty = ctypes.c_char_p(b"")
    _syscall(SYS_move_mount, tree, empty, directory, empty, flags)


def mount_setattr(tree: int, attributes: int) -> None:
    """Set MOUNT_ATTR_* on a tree of mounts, all of it (Linux 5.12)."""
    mount_attr = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)  # set, clear, propagation, userns_fd
    _syscall(
        SYS_mount_setattr,
        tree,
        ctypes.c_char_p(b""),
        AT_EMPTY_PATH | AT_RECURSIVE,
        ctypes.c_void_p(ctypes.addressof(mount_attr)),
        ctypes.sizeof(mount_attr),
    )


RESOLVE_NO_XDEV = 0x1
RESOLVE_NO_MAGICLINKS = 0x2
RESOLVE_IN_ROOT = 0x10


def openat2(directory: int, path: bytes, flags: int, resolve: int) -> int:
    """Open a path with RESOLVE_* restrictions on how it is looked up (openat2(2), Linux 5.6)."""
    open_how = (ctypes.c_uint64 * 3)(flags | os.O_CLOEXEC, 0, resolve)  # flags, mode, resolve
    return _syscall(
        SYS_openat2,
        directory,
        ctypes.c_char_p(path),
        ctypes.c_void_p(ctypes.addressof(open_how)),
        ctypes.sizeof(open_how),
        path=path.decode("utf-8", "backslashreplace"),
    )
