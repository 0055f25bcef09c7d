"""Reads `vagrant/ansible/vars/lab.yml`, the one list of what a lab VM contains, for the image builder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lab import paths
from lab.errors import LabError


@dataclass(frozen=True)
class Contents:
    """What the image builder and the Alpine finder need to know of the list."""

    packages: tuple[str, ...]
    """What every lab VM has."""
    image_packages: tuple[str, ...]
    """What only the built image must be told to have."""
    kernel_packages: dict[str, tuple[str, ...]]
    """Of the built image, by distribution; `{arch}` stands for Debian's name of the architecture."""
    alpine_version: str
    alpine_sha256s: dict[str, str]
    """Of the minirootfs, by the kernel's name of the architecture (`uname -m`)."""
    alpine_url: str
    """With `{version}`, `{branch}` and `{machine}` to fill in."""
    alpine_fallback: dict[str, Any]
    """The package that carries an Alpine file system: name, version and SHA-256 by architecture."""


def vars_file() -> Path:
    """Where the list is."""
    return paths.CHECKOUT / "vagrant/ansible/vars/lab.yml"


def read(path: Path | None = None) -> Contents:
    """Read the list.

    Raises:
        LabError: it is missing or lacks an entry.
    """
    file = path or vars_file()
    try:
        values = yaml.safe_load(file.read_text())
        return Contents(
            packages=tuple(values["boxwright_packages"]),
            image_packages=tuple(values["boxwright_image_packages"]),
            kernel_packages={
                name: tuple(listed) for name, listed in values["boxwright_image_kernel_packages"].items()
            },
            alpine_version=values["boxwright_alpine_version"],
            alpine_sha256s=dict(values["boxwright_alpine_sha256s"]),
            alpine_url=values["boxwright_alpine_url_pattern"],
            alpine_fallback=dict(values["boxwright_alpine_fallback"]),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise LabError(
            f"The list of a lab VM's contents cannot be read from {file}: {error!r}",
            "Restore it from the repository.",
        ) from error
