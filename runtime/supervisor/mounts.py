"""What a container sees as its file system: its rootfs, its volumes, its own /dev and /proc.

Volumes are the delicate part, for what lies in the rootfs was written by containers: a
symbolic link there must not lead a mount of ours, or a folder that we make for one, out
of it. So a source is opened while the host is still visible, and a target is looked up
only after pivot_root, when nothing outside the rootfs exists any more; and before /proc
is mounted, whose links lead to whatever this process holds open.
"""

from __future__ import annotations

import errno
import os

from supervisor import syscalls as sys

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

Volume = tuple[str, tuple[int, int], bytes, bool]
"""Source on the host without symbolic links, its device and inode, target in the container, read-only."""


def set_up(
    rootfs: str, key: tuple[int, int], volumes: list[Volume] | None = None, read_only: bool = False
) -> None:
    """Make all mounts of the container, in a mount namespace whose mounts are private.

    Args:
        rootfs: where the rootfs is on the host.
        key: its device and inode.
        volumes: what of the host the container shall see besides.
        read_only: whether nothing of the rootfs itself may be changed.
    """
    volumes = sorted(volumes or [], key=lambda volume: volume[2].count(b"/"))  # the outer before the inner
    trees = [open_volume(*volume) for volume in volumes]
    enter_rootfs(rootfs, key)
    make_directory("/dev")
    make_directory("/proc")
    for number, (_, _, target, _) in enumerate(volumes):
        if not any(target.startswith(outer + b"/") for _, _, outer, _ in volumes[:number]):
            make_target(target, is_directory(trees[number]))  # in another volume it must be there
    if read_only:
        root = os.open("/", os.O_PATH | os.O_CLOEXEC)
        sys.mount_setattr(root, sys.MOUNT_ATTR_RDONLY)
        os.close(root)
    for tree, (_, _, target, _) in zip(trees, volumes, strict=True):
        attach_volume(tree, target)
    mount_dev()
    mount_proc()


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
    # region 02.root
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
    # endregion 02.root


def mount_dev() -> None:
    """A small /dev: the six devices everybody expects, read-only so that none can be added."""
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
    # region 01.proc
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
    # endregion 01.proc


def make_directory(path: str) -> None:
    """A mount point in the rootfs, made where it is missing."""
    try:  # noqa: SIM105 - contextlib would be an import
        os.mkdir(path, 0o755)  # noqa: PTH102
    except FileExistsError:
        pass


def open_volume(source: str, key: tuple[int, int], target: bytes, read_only: bool) -> int:
    """A detached copy of the mounts at a file or directory of the host, as a descriptor."""
    found = os.open(source, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    status = os.fstat(found)
    if (status.st_dev, status.st_ino) != key:
        raise OSError(errno.ESTALE, "it is another file by now", source)
    tree = sys.open_tree_clone(found)
    os.close(found)
    attributes = sys.MOUNT_ATTR_NOSUID | sys.MOUNT_ATTR_NODEV
    sys.mount_setattr(tree, attributes | (sys.MOUNT_ATTR_RDONLY if read_only else 0))
    return tree


def is_directory(descriptor: int) -> bool:
    """Whether an open file is a directory."""
    return os.fstat(descriptor).st_mode & 0o170000 == 0o040000


def look_up(path: bytes, more: int = 0) -> int:
    """Open a path of the container, following its links as the container itself would."""
    root = os.open("/", os.O_PATH | os.O_CLOEXEC)
    try:
        resolve = sys.RESOLVE_IN_ROOT | sys.RESOLVE_NO_MAGICLINKS | more
        return sys.openat2(root, path, os.O_PATH, resolve)
    finally:
        os.close(root)


def make_target(target: bytes, directory: bool) -> None:
    """Make the mount point of a volume where it is missing, with the folders above it.

    Only in the rootfs itself: what is mounted in it belongs to somebody else (NO_XDEV).
    """
    try:
        os.close(look_up(target))
        return
    except FileNotFoundError:
        above, _, name = target.rpartition(b"/")
    if above:
        make_target(above, True)
    parent = look_up(above or b"/", sys.RESOLVE_NO_XDEV)
    try:
        if directory:
            os.mkdir(name, 0o755, dir_fd=parent)
        else:
            os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644, dir_fd=parent))
    finally:
        os.close(parent)


def attach_volume(tree: int, target: bytes) -> None:
    """Mount a volume on its target."""
    place = look_up(target)
    if is_directory(place) != is_directory(tree):
        kinds = ("a file", "a folder")
        raise OSError(
            errno.ENOTDIR,
            f"it is {kinds[is_directory(place)]}, and its source {kinds[is_directory(tree)]}",
            target,
        )
    sys.move_mount(tree, place)
    os.close(place)
    os.close(tree)
