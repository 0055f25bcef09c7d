"""Builds a base image: mmdebstrap's tar, an ext4 in a qcow2 made of it, the kernel, our initrd, a manifest.

Nothing is believed before it is complete: the work happens in a folder of its own, which
gets the image's name only at the end.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.console import Progress
from lab.errors import LabError
from lab.image import (
    contents,
    filesystem,
    initrd,
    inputs,
    installation,
    manifest,
    mirror,
    rootfs,
    store,
    tools,
)

SPACE_NEEDED = {"cache": 2_500_000_000, "temporary": 1_500_000_000}
"""Bytes that a build takes for a moment: in the cache (tar, raw and qcow2), and in the temporary folder (the tree)."""

WORK_PREFIX = "boxwright-image-"

BUILD_SECONDS = 3600
"""No build takes that long; a working folder that is older was left."""


def base_image(suite: str | None, progress: Progress, *, force: bool = False) -> store.Image:
    """The base image of a release: the cached one, or a new one.

    Args:
        suite: the guest's release; None for the default one.
        progress: told what is done.
        force: build also where there is one, from what the mirror has now.

    Raises:
        LabError: something is missing, full or unreachable; nothing half-made stays.
    """
    source = mirror.find_mirror(suite)
    wanted = inputs.gather(source, contents.read())
    found = None if force else store.find(wanted.key)
    if found is not None:
        return found
    name = f"{wanted.suite}-{wanted.key[:8]}"
    with store.locked(name, lambda: progress.step("Waiting for another build of this image")):
        found = None if force else store.find(wanted.key)  # what the other one built
        if found is not None:
            return found
        store.clean(name)
        new = store.folder() / f"{name}.new"
        new.mkdir(mode=0o700)
        try:
            return _build(wanted, source, new, progress)
        except LabError as error:
            kept = store.keep_log(new)
            remedy = f"{error.remedy} The whole log is in {kept}." if kept else error.remedy
            raise LabError(error.what, remedy, detail=error.detail) from error
        except OSError as error:
            raise LabError(f"The image could not be written: {error}", tools.mending(error)) from error
        finally:
            store.clean(name)


def _build(wanted: inputs.Inputs, source: mirror.Mirror, new: Path, progress: Progress) -> store.Image:
    _check_host(new)
    progress.step(f"Looking at the mirror for {source.suite}")
    settings = mirror.apt_settings(tools.output(["apt-config", "dump"]), source.lines[0].split()[1])
    archives = mirror.look_at(source, settings)
    epoch = source_date_epoch(archives)
    log = new / store.LOG
    tar = new / "root.tar"
    began = time.monotonic()
    with _work_folder(wanted.key) as work:
        progress.step(
            f"Installing {wanted.distribution.capitalize()} {wanted.suite} ({installation.mode()} mode)"
        )
        installation.install(
            wanted, source, settings, tar=tar, epoch=epoch, work=work, log=log, progress=progress
        )
        progress.step("Making the disk, the kernel and the initrd")
        with ThreadPoolExecutor(1) as other:
            reading = other.submit(rootfs.read, tar)
            filesystem.make_disk(
                tar, new / store.DISK, key=wanted.key, epoch=epoch, work=work / "mount", log=log
            )
            root = reading.result()
    (new / store.KERNEL).write_bytes(root.kernel)
    (new / store.INITRD).write_bytes(initrd.build(root.busybox, root.modules, root.release))
    tar.unlink()
    record = manifest.make(
        wanted, root, archives=archives, epoch=epoch, folder=new, seconds=time.monotonic() - began
    )
    (new / store.MANIFEST).write_text(json.dumps(record, indent=1) + "\n")
    name = f"{wanted.suite}-{wanted.key[:8]}-{record['image']['state']}"
    return _publish(new, name, record)


def _publish(new: Path, name: str, record: dict[str, Any]) -> store.Image:
    """Make the folder an image, unless the very same one is there already."""
    there = next((image for image in store.images() if image.name == name), None)
    if there is None:
        return store.publish(new, name)
    if there.manifest()["files"] != record["files"]:
        raise LabError(
            f"The image {name} was built again from the same inputs, and its bytes differ",
            f"Compare {there.folder / store.MANIFEST} with the new one; this is a fault of the builder.",
            detail=json.dumps(record["files"]),
        )
    return there


def source_date_epoch(archives: Sequence[mirror.Archive]) -> int:
    """The time that everything made during the build bears: when the mirror's newest suite was published.

    No package is younger, so their own times stay, which Python's byte code needs: it is
    stale when its source bears another time. `SOURCE_DATE_EPOCH` decides instead where it is set.
    """
    wish = os.environ.get("SOURCE_DATE_EPOCH", "")
    if wish and not wish.isdecimal():
        raise LabError(f"SOURCE_DATE_EPOCH is {wish!r}", "Set it to seconds since 1970, or unset it.")
    return int(wish) if wish else max(archive.date for archive in archives)


def _check_host(new: Path) -> None:
    """Find out what is missing before minutes are spent."""
    for tool in (
        "mmdebstrap",
        "setpriv",
        "timeout",
        "unshare",
        "mkfs.ext4",
        "debugfs",
        "qemu-img",
        "apt-get",
    ):
        tools.find(tool)
    if installation.mode() == "unshare":
        tools.find("newuidmap")
        _check_subordinate_ids()
    for place, need in (
        (new, SPACE_NEEDED["cache"]),
        (Path(tempfile.gettempdir()), SPACE_NEEDED["temporary"]),
    ):
        status = os.statvfs(place)
        free = status.f_bavail * status.f_frsize
        if free < need:
            raise LabError(
                f"{place} has {free / 1e9:.1f} GB free, and a build takes {need / 1e9:.1f} GB",
                "Free some space, or name another place with BOXWRIGHT_CACHE or TMPDIR.",
            )


def _check_subordinate_ids() -> None:
    import getpass

    user = getpass.getuser()
    for file in (Path("/etc/subuid"), Path("/etc/subgid")):
        lines = file.read_text().splitlines() if file.exists() else []
        if not any(line.split(":")[0] in (user, str(os.getuid())) for line in lines):
            raise LabError(
                f"The user {user} has no range of ids in {file}, which an ordinary user's build needs",
                f"Let root run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}",
            )


@contextmanager
def _work_folder(key: str) -> Iterator[Path]:
    """A folder for mmdebstrap's tree that its other users can pass through, which the cache is not.

    Its name is fixed (by the cache, whose lock we hold, and the key), so that the next build
    finds what a killed one left there; the files belong to ids of a user namespace and can be
    removed only in such.
    """
    identity = hashlib.sha256(f"{store.folder()} {key}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"{WORK_PREFIX}{os.getuid()}-{identity}"
    if path.is_symlink() or (path.exists() and path.stat().st_uid != os.getuid()):
        raise LabError(f"{path} belongs to somebody else", "Remove it, or set TMPDIR to another folder.")
    _remove_tree(path)
    if path.exists():
        raise LabError(
            f"{path} cannot be removed", "Unmount what is mounted in it, remove it, and try again."
        )
    path.mkdir(mode=0o711)
    path.chmod(path.stat().st_mode | stat.S_IXGRP | stat.S_IXOTH)
    (path / "mount").mkdir()
    try:
        yield path
    finally:
        _remove_tree(path)


def left_work_folders(temporary: Path | None = None) -> list[Path]:
    """The working folders of this user that builds left when they were killed, whatever their cache was.

    Args:
        temporary: the folder in which they are; None for the one where builds make them.
    """
    below = temporary or Path(tempfile.gettempdir())
    found = []
    for path in below.glob(f"{WORK_PREFIX}{os.getuid()}-*"):
        status = path.lstat()
        # No lock tells whose it is: it may belong to a build into another cache.
        is_ours = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if is_ours and time.time() - status.st_mtime > BUILD_SECONDS:
            found.append(path)
    return sorted(found)


def remove_leftovers() -> None:
    """Remove what killed commands left of images: in the cache, and in the temporary folder."""
    store.remove_leftovers()
    for path in left_work_folders():
        _remove_tree(path)


def _remove_tree(path: Path) -> None:
    for inner in path.iterdir() if path.exists() else ():
        tools.output(["mmdebstrap", "--unshare-helper", "rm", "-rf", "--one-file-system", str(inner)])
    tools.output(["rm", "-rf", "--one-file-system", str(path)])
