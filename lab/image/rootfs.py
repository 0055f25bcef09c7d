"""Reads from the tar of a guest's root what the host needs of it: kernel, modules, busybox, package versions."""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from lab.errors import LabError
from lab.image import initrd


@dataclass
class Root:
    """What was found in the tar."""

    kernel: bytes = b""
    release: str = ""
    """The kernel's release, as `uname -r` prints it."""
    busybox: bytes = b""
    modules: dict[str, bytes] = field(default_factory=dict)
    """By path below `/lib/modules/RELEASE/`; those that the initrd may need."""
    packages: dict[str, str] = field(default_factory=dict)
    """Installed packages and their versions."""
    archives: str = ""
    """Checksums of the mirror's release files, as the hook wrote them."""


def read(tar: Path) -> Root:
    """Read it in one pass.

    Raises:
        LabError: there is no kernel, or not just one, or no static busybox.
    """
    found = Root()
    kernels: dict[str, bytes] = {}
    with tarfile.open(tar, "r|") as archive:
        for entry in archive:
            if not entry.isfile():
                continue
            path = entry.name.removeprefix("./")

            def content(entry: tarfile.TarInfo = entry) -> bytes:
                file = archive.extractfile(entry)
                return file.read() if file else b""

            module = re.match(r"(?:usr/)?lib/modules/([^/]+)/(.+)", path)
            if path.startswith("boot/vmlinuz-"):
                kernels[path.removeprefix("boot/vmlinuz-")] = content()
            elif module and initrd.needed_files(module[2]):
                found.modules[module[2]] = content()
            elif path in ("bin/busybox", "usr/bin/busybox"):
                found.busybox = content()
            elif path == "var/lib/dpkg/status":
                found.packages = installed(content().decode("utf-8", "replace"))
            elif path == "usr/share/boxwright/archives":
                found.archives = content().decode()
    if len(kernels) != 1:
        raise LabError(
            f"The guest has {len(kernels)} kernels instead of one", "Look at its packages in vagrant/."
        )
    found.release, found.kernel = next(iter(kernels.items()))
    if not found.busybox:
        raise LabError(
            "The guest has no static busybox", "Add the package busybox-static to vagrant/'s list."
        )
    return found


def installed(status: str) -> dict[str, str]:
    """Names and versions of the installed packages in dpkg's status file."""
    found = {}
    for stanza in status.split("\n\n"):
        fields = dict(re.findall(r"^(Package|Version|Status|Architecture): (.+)$", stanza, re.MULTILINE))
        if fields.get("Status", "").endswith(" installed"):
            found[fields["Package"]] = fields["Version"]
    return dict(sorted(found.items()))
