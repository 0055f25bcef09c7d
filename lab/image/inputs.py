"""Everything that an image is made from, and the key by which it is found again.

The key covers what this checkout and this host ask for: release, packages, sources, the
files of `guest/`, the programs of the initrd and the builder itself. It does not cover the
state of the mirror: an image stays good when the mirror moves on, also without a network,
until somebody asks for a newer one (`lab image build --force`). The state that was found is
in the manifest; the same key and the same state give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict, dataclass
from pathlib import Path

from lab.errors import LabError
from lab.image.contents import Contents
from lab.image.mirror import Mirror

HERE = Path(__file__).parent

BUILDER_FILES = (
    "build.py",
    "../machine/cpio.py",
    "filesystem.py",
    "filesystem.sh",
    "guest.py",
    "init.sh",
    "initrd.py",
    "installation.py",
)
"""Files whose text decides what is in an image, by their place beside this one."""

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
"""Debian's names, by the kernel's."""


@dataclass(frozen=True)
class Inputs:
    """What an image is made from."""

    distribution: str
    suite: str
    architecture: str
    """Debian's name."""
    packages: tuple[str, ...]
    sources: tuple[str, ...]
    """The guest's sources.list."""
    builder: str
    """SHA-256 over the builder and the files that it puts into the guest."""

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits that name these inputs."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]


def gather(mirror: Mirror, contents: Contents, machine: str | None = None) -> Inputs:
    """The inputs of the image for this host's architecture (or the one that is named as `uname -m` does).

    Raises:
        LabError: there is no kernel for that architecture or distribution in the list.
    """
    machine = machine or platform.machine()
    architecture = ARCHITECTURES.get(machine)
    if architecture is None:
        raise LabError(
            f"There is no lab image for the architecture {machine}", "Use an x86_64 or aarch64 host."
        )
    kernel = [name.format(arch=architecture) for name in contents.kernel_packages[mirror.distribution]]
    return Inputs(
        distribution=mirror.distribution,
        suite=mirror.suite,
        architecture=architecture,
        packages=tuple(sorted({*contents.packages, *contents.image_packages, *kernel})),
        sources=mirror.lines,
        builder=digest([HERE / name for name in BUILDER_FILES] + files_below(HERE / "guest")),
    )


def files_below(folder: Path) -> list[Path]:
    """All regular files of a folder and those in it, in a fixed order; caches and editors' files left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and not path.name.endswith("~")
    )


def digest(files: list[Path]) -> str:
    """SHA-256 over the names, modes and contents of files."""
    total = hashlib.sha256()
    for path in files:
        executable = bool(path.stat().st_mode & 0o100)
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        total.update(f"{path.name}\0{executable}\0{content}\n".encode())
    return total.hexdigest()
