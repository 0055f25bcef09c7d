"""The images in the cache: a folder each, complete or not there.

    images/<suite>-<key>-<state>/   disk.qcow2 vmlinuz initrd manifest.json build.log golden/
    images/<suite>-<key>-<state>/golden/<key>/   the golden image: disk.qcow2 golden.json warm/<key>/
    images/<suite>-<key>.new/       being built (under the lock beside it), or left by a build that was killed

What ends in `.new` further down is likewise being made, or was left.
The key names what the image was made from, the state which packages the mirror had then.
An image is never replaced in its place, since machines write to overlays of its disk.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import durable, paths
from lab.errors import LabError

MANIFEST = "manifest.json"
DISK = "disk.qcow2"
KERNEL = "vmlinuz"
INITRD = "initrd"
LOG = "build.log"


@dataclass(frozen=True)
class Image:
    """A base image: what a VM boots from before the playbook ran."""

    name: str
    """As the user names it: suite, key and state."""
    key: str
    """Of its inputs; see `lab.image.inputs`."""
    suite: str
    architecture: str
    kernel_release: str
    created: float
    """When it was built, in seconds since 1970."""
    folder: Path

    @property
    def disk(self) -> Path:
        """The qcow2 with the root file system; never written to."""
        return self.folder / DISK

    @property
    def kernel(self) -> Path:
        """For QEMU's `-kernel`."""
        return self.folder / KERNEL

    @property
    def initrd(self) -> Path:
        """For QEMU's `-initrd`; `overlay_cpio` may be appended."""
        return self.folder / INITRD

    def manifest(self) -> dict[str, Any]:
        """What it was made from and what is in it."""
        manifest: dict[str, Any] = json.loads((self.folder / MANIFEST).read_text())
        return manifest

    def bytes_on_disk(self) -> int:
        """What it and everything made from it takes."""
        files = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        return sum(path.stat().st_blocks * 512 for path in files)


def folder() -> Path:
    """Where images are."""
    path = paths.cache() / "images"
    path.mkdir(exist_ok=True, mode=0o700)
    return path


def images() -> list[Image]:
    """All complete images, the newest first."""
    found = [_read(path.parent) for path in folder().glob(f"*/{MANIFEST}") if path.parent.suffix != ".new"]
    return sorted(
        (image for image in found if image is not None), key=lambda image: image.created, reverse=True
    )


def find(key: str) -> Image | None:
    """The newest image made from these inputs."""
    return next((image for image in images() if image.key == key), None)


def named(name: str) -> Image:
    """The image of that name, of which the beginning is enough.

    Raises:
        LabError: there is none, or more than one.
    """
    known = images()
    matching = [image for image in known if image.name == name] or [
        image for image in known if name and image.name.startswith(name)
    ]
    if len(matching) == 1:
        return matching[0]
    names = ", ".join(image.name for image in (matching or known)) or "none"
    if matching:
        raise LabError(f"More than one image begins with {name!r}: {names}", "Give more of the name.")
    raise LabError(f"There is no image {name!r}", f"There is: {names}.")


def remove(image: Image, *, is_used: Callable[[], bool] = lambda: False) -> None:
    """Remove an image and what was made from it. Whoever calls knows that no finished machine uses it.

    Args:
        image: which.
        is_used: looks again, when nobody can begin to use it any more.

    Raises:
        LabError: another process is making something from it, or of it, or has just made a machine.
    """
    from lab.machine import process

    with ExitStack() as held:
        for lock, doing in _locks(image):
            if not held.enter_context(lock_if_free(lock)):
                raise LabError(
                    f"Another command is {doing} the image {image.name}",
                    "Wait until it has finished, then remove the image.",
                )
        if is_used():
            raise LabError(f"The image {image.name} is used by now", "`lab status` says by which machine.")
        for new, _ in _unfinished_below(image.folder):
            # Left by a `lab` that was killed; without its pid file nobody could find it again.
            process.end(new)
        doomed = image.folder.with_name(f"{image.folder.name}.new")
        shutil.rmtree(doomed, ignore_errors=True)
        # First out of sight, so that a killed removal leaves no image that lacks files.
        image.folder.rename(doomed)
        shutil.rmtree(doomed)


def _locks(image: Image) -> Iterator[tuple[Path, str]]:
    """The locks of all that can be made from an image, and for people what who holds it is doing."""
    for golden in image.folder.glob("golden/*"):
        yield golden_lock(golden), "making a golden image from"
    for warm in image.folder.glob("golden/*/warm/*.lock"):
        yield warm, "making a warm state from"
    yield folder() / f"{image.folder.name}.lock", "using or removing"


def golden_lock(made: Path) -> Path:
    """The lock of a golden image by its folder, finished or not."""
    return folder() / f"golden-{made.name.removesuffix('.new')}.lock"


def unfinished() -> list[tuple[Path, Path]]:
    """Folders of what is being made or removed in the cache, and of what was left by it, each with its lock.

    Those whose lock nobody holds were left when a command was killed.
    """
    found = [(new, new.with_suffix(".lock")) for new in folder().glob("*.new")]
    for image in folder().iterdir():
        if image.is_dir() and image.suffix != ".new":
            found += _unfinished_below(image)
    return sorted(found)


def _unfinished_below(image: Path) -> list[tuple[Path, Path]]:
    warm = [(new, new.with_suffix(".lock")) for new in image.glob("golden/*/warm/*.new")]
    return warm + [(new, golden_lock(new)) for new in image.glob("golden/*.new")]


def remove_leftovers() -> None:
    """Remove what killed commands left in the cache, and end the QEMUs that still run in it."""
    from lab.machine import process

    for new, lock in unfinished():
        with lock_if_free(lock) as is_left:
            if is_left:
                process.end(new)
                shutil.rmtree(new, ignore_errors=True)


def clean(leftovers_of: str) -> None:
    """Remove what a build of that name left when it was killed; the caller holds the lock."""
    shutil.rmtree(folder() / f"{leftovers_of}.new", ignore_errors=True)


def keep_log(new: Path) -> Path | None:
    """Save the log of a build that failed from being removed with all else; None where nothing was logged."""
    log = new / LOG
    if not log.exists():
        return None
    return log.rename(new.with_suffix(".failed.log"))


@contextmanager
def locked(name: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Hold the lock of a build or a removal; `waiting` is called first when another process has it."""
    with (folder() / f"{name}.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if waiting is not None:
                waiting()
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def lock_if_free(lock: Path) -> Iterator[bool]:
    """Hold a lock file, unless another process does; says whether it is held."""
    with lock.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


@contextmanager
def in_use(image: Image) -> Iterator[None]:
    """Keep an image from being removed while something is made from it that does not say so yet, as a machine.

    Raises:
        LabError: it was removed just before.
    """
    with (folder() / f"{image.folder.name}.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        if _read(image.folder) is None:
            raise LabError(f"The image {image.name} has been removed meanwhile", "Run the command again.")
        yield


def publish(new: Path, name: str) -> Image:
    """Give a complete folder its name: from then on it is an image. All its bytes are on disk before."""
    target = folder() / name
    durable.publish(new, target)
    image = _read(target)
    if image is None:
        raise LabError(f"The image in {target} was changed while it was built", "Build it again.")
    return image


def _read(path: Path) -> Image | None:
    """The image in a folder; None where something else is, such as a folder of an older version."""
    try:
        record = json.loads((path / MANIFEST).read_text())["image"]
        return Image(
            name=path.name,
            key=record["key"],
            suite=record["suite"],
            architecture=record["architecture"],
            kernel_release=record["kernel_release"],
            created=record["created"],
            folder=path,
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
