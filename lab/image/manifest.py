"""The manifest of an image: what it was made from, what is in it, and the SHA-256 of each of its files."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.image import store, tools
from lab.image.inputs import Inputs
from lab.image.mirror import Archive
from lab.image.rootfs import Root

TOOLS = {
    "mmdebstrap": ["mmdebstrap", "--version"],
    "e2fsprogs": ["mkfs.ext4", "-V"],
    "qemu": ["qemu-img", "--version"],
}
"""Programs of the host whose version may show in the bytes."""


def make(
    wanted: Inputs, root: Root, *, archives: Sequence[Archive], epoch: int, folder: Path, seconds: float
) -> dict[str, Any]:
    """The manifest of the files in `folder`."""
    versions = {name: tools.output(command).splitlines()[0] for name, command in TOOLS.items()}
    # What the image's bytes depend on beside its inputs.
    state = hashlib.sha256(f"{root.archives}{epoch}{sorted(versions.items())}".encode()).hexdigest()[:6]
    return {
        "image": {
            "key": wanted.key,
            "state": state,
            "suite": wanted.suite,
            "architecture": wanted.architecture,
            "kernel_release": root.release,
            "created": time.time(),
            "build_seconds": round(seconds, 1),
        },
        "inputs": asdict(wanted),
        "source_date_epoch": epoch,
        "archives": [asdict(archive) for archive in archives],
        "tools": versions,
        "files": {
            name: {"bytes": (folder / name).stat().st_size, "sha256": _sha256(folder / name)}
            for name in (store.DISK, store.KERNEL, store.INITRD)
        },
        "packages": root.packages,
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
