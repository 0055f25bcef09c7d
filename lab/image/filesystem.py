"""From a tar of the guest's root to an ext4 in a qcow2, the same bytes each time."""

from __future__ import annotations

import os
import struct
import uuid
from pathlib import Path

from lab.errors import LabError
from lab.image import tools

SCRIPT = Path(__file__).with_name("filesystem.sh")

DISK_SIZE = "4G"
"""What the guest sees; the image file holds only what is written."""


def make_disk(tar: Path, disk: Path, *, key: str, epoch: int, work: Path, log: Path) -> None:
    """Write the qcow2.

    Args:
        tar: the guest's root file system.
        disk: where to write; a raw file of the same name with `.raw` is made beside it and removed.
        key: names the file system: its UUID comes from it.
        epoch: the time of every inode, in seconds since 1970.
        work: an empty folder that other users can pass through.
        log: for the tools' output.

    Raises:
        LabError: a tool failed.
    """
    raw = disk.with_suffix(".raw")
    identity = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
    time = {**os.environ, "E2FSPROGS_FAKE_TIME": str(epoch)}
    descriptor = os.open(raw, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        # The tool may run as another user, and opens the file by its descriptor. The folder is ours alone.
        os.fchmod(descriptor, 0o666)
        script = f"exec 3<>/proc/self/fd/{descriptor}\n{SCRIPT.read_text()}"
        with tar.open("rb") as source:
            status = tools.run(
                # The script goes along as text: the other user may not be able to read this checkout.
                [
                    "mmdebstrap", "--unshare-helper",
                    "sh", "-c", script, "filesystem", str(work), identity, DISK_SIZE,
                ],
                log, stdin=source, pass_fds=[descriptor], environment=time,
            )  # fmt: skip
        _check(status, "The guest's file system could not be made", log)
        _set_inode_times(raw, epoch, time)
        _check(
            tools.run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", str(raw), str(disk)], log),
            "The guest's disk could not be written",
            log,
        )
    finally:
        os.close(descriptor)
        raw.unlink(missing_ok=True)


def _set_inode_times(raw: Path, epoch: int, environment: dict[str, str]) -> None:
    """Replace the times of access and change, which are those of unpacking, by a fixed one.

    `mkfs.ext4 -d` numbers inodes without gaps, so their count is enough. The superblock is at
    1024 bytes: s_inodes_count is its first field, s_free_inodes_count its fifth
    (kernel: Documentation/filesystems/ext4/super.rst).
    """
    with raw.open("rb") as file:
        file.seek(1024)
        total, _, _, _, free = struct.unpack("<5I", file.read(20))
    commands = raw.with_suffix(".debugfs")
    with commands.open("w") as file:
        for inode in range(1, total - free + 1):
            file.write(f"sif <{inode}> atime @{epoch}\nsif <{inode}> ctime @{epoch}\n")
    said = tools.output(["debugfs", "-w", "-f", str(commands), str(raw)], environment=environment)
    commands.unlink()
    # It repeats each command after its name, and ends with 0 whatever happens.
    unexpected = [line for line in said.splitlines() if line and not line.startswith("debugfs")]
    if unexpected:
        raise LabError(
            "The guest's file system could not be given fixed times", detail="\n".join(unexpected[:10])
        )


def _check(status: int, what: str, log: Path) -> None:
    if status == 0:
        return
    said = tools.tail(log)
    if "No space left on device" in said:
        raise LabError(
            f"{what}: the disk or the memory is full", "Free some space and try again.", detail=said
        )
    raise LabError(f"{what} (status {status})", "Try again.", detail=said)
