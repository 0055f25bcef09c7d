"""Root file systems that were handed in along with the work: recognised, and left out.

The graded containers get a fresh rootfs of ours. What students committed is a thousand
files, hundreds of absolute links, and nothing to judge.
"""

from __future__ import annotations

import os
from pathlib import Path

TOP = frozenset(
    {"bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt"}
    | {"proc", "root", "run", "sbin", "srv", "sys", "tmp", "usr", "var"}
)
"""Folders of the Filesystem Hierarchy Standard that a rootfs begins with."""

SIGNS = ("etc/alpine-release", "bin/busybox", "etc/apk", "etc/os-release", "usr/bin/busybox", "lib/apk")
"""Any of these beside three such folders is enough."""

ENOUGH = 6
"""Or this many of the folders without a sign."""

TARBALL = "minirootfs"
"""What Alpine's tarballs have in their names; they are not even unpacked."""


def folders_of_rootfs(folder: Path) -> frozenset[str]:
    """The subfolders of `folder` that belong to a rootfs of which it is the top; empty if it is none.

    Other files beside them, such as workloads that were copied in, are not named.

    Raises:
        OSError: the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        here = frozenset(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
    own = here & TOP
    if len(own) >= ENOUGH:
        return own
    if len(own) >= 3 and any(os.path.lexists(folder / sign) for sign in SIGNS):
        return own
    return frozenset()
