"""A writer of cpio archives, the format of a Linux initramfs.

The format is "newc" (kernel: Documentation/driver-api/early-userspace/buffer-format.rst).
Every field that could differ between two runs is fixed: time stamps, owners and inode
numbers; entries are written in the order in which they were given.
"""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

OVERLAY = "boxwright/root"
"""Where the image's init (`lab/image/init.sh`) looks for files to put into the root file system."""


@dataclass
class Archive:
    """An initramfs in the making; `bytes(archive)` ends it."""

    _content: bytearray = field(default_factory=bytearray)
    _names: set[str] = field(default_factory=set)

    def folder(self, path: str, mode: int = 0o755) -> None:
        """Add a folder and those above it, unless they are there."""
        parent = path.rpartition("/")[0]
        if parent:
            self.folder(parent)
        if path not in self._names:
            self._add(path, stat.S_IFDIR | mode, b"")

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Add a regular file, and the folders above it."""
        self._parents(path)
        self._add(path, stat.S_IFREG | mode, content)

    def link(self, path: str, target: str) -> None:
        """Add a symbolic link, and the folders above it."""
        self._parents(path)
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def __bytes__(self) -> bytes:
        content = bytes(self._content) + _entry(0, "TRAILER!!!", 0, b"")
        return content + b"\0" * (-len(content) % 512)

    def _parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        if parent:
            self.folder(parent)

    def _add(self, path: str, mode: int, content: bytes) -> None:
        if path in self._names or path.startswith("/") or not path:
            raise ValueError(f"not a new relative path: {path!r}")
        self._names.add(path)
        self._content += _entry(len(self._names), path, mode, content)


def overlay_cpio(files: Mapping[str, tuple[bytes, int]]) -> bytes:
    """An archive to append to the initrd: files that the guest gets before its systemd starts.

    Args:
        files: path below the root file system (no leading slash) to content and mode.
    """
    archive = Archive()
    archive.folder(OVERLAY, 0o700)
    for path in sorted(files):
        content, mode = files[path]
        archive.file(f"{OVERLAY}/{path}", content, mode)
    return bytes(archive)


def _entry(inode: int, path: str, mode: int, content: bytes) -> bytes:
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    # c_ino, c_mode, c_uid, c_gid, c_nlink, c_mtime, c_filesize, c_devmajor, c_devminor,
    # c_rdevmajor, c_rdevminor, c_namesize, c_check
    numbers = (inode, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
    header = b"070701" + b"".join(b"%08X" % number for number in numbers) + name
    header += b"\0" * (-len(header) % 4)
    return header + content + b"\0" * (-len(content) % 4)
