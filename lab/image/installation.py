"""The longest part of a build: mmdebstrap installs the guest's packages and hands over a tar of the result."""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from lab.console import Progress
from lab.errors import LabError
from lab.image import guest, mirror, tools
from lab.image.inputs import Inputs


def mode() -> str:
    """How mmdebstrap gets the rights that it needs: it has them, or takes them in a user namespace."""
    return "root" if os.geteuid() == 0 else "unshare"


def install(
    wanted: Inputs,
    source: mirror.Mirror,
    settings: Sequence[str],
    *,
    tar: Path,
    epoch: int,
    work: Path,
    log: Path,
    progress: Progress,
) -> None:
    """Write the guest's root file system as a tar.

    Args:
        wanted: release, packages and sources.
        source: where they come from, and its keys.
        settings: apt's, from `mirror.apt_settings`.
        tar: what to write.
        epoch: the time that everything made during the installation bears, in seconds since 1970.
        work: a folder that other users can pass through.
        log: for what mmdebstrap prints.
        progress: told how far it is.

    Raises:
        LabError: mmdebstrap failed; with apt's words.
    """
    tree = work / "guest.tar"
    tree.write_bytes(guest.tree_archive())
    arguments = [
        # As root, mmdebstrap mounts /proc and the like in its tree. In a mount namespace of its own
        # they go away with the last process, also after a SIGKILL. For an ordinary user it does so itself.
        *(("unshare", "--mount", "--propagation=private") if mode() == "root" else ()),
        "mmdebstrap",
        f"--mode={mode()}",
        "--format=tar",
        "--variant=apt",
        "--verbose",
        f"--architectures={wanted.architecture}",
        f"--components={','.join(mirror.COMPONENTS[wanted.distribution])}",
        f"--include={','.join(wanted.packages)}",
        f"--keyring={source.keyring}",
        '--aptopt=Apt::Install-Recommends "false"',
        *(f"--aptopt={setting}" for setting in settings),
        # The tree is thrown away after a power cut: no need to wait for the disk after each file.
        "--dpkgopt=force-unsafe-io",
        # Bytes that nobody reads in a lab VM, and that cost a tenth of the build.
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/info/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
        "--dpkgopt=path-include=/usr/share/man/man[1-9]/*",  # in English
        f"--customize-hook=tar-in {tree} /",
        f"--customize-hook={guest.CUSTOMIZE}",
        wanted.suite,
        str(tar),
        *source.lines,
    ]
    status = tools.run(
        arguments, log, on_line=_Installation(progress).line, environment=install_environment(epoch, work)
    )
    if status == 0:
        return
    said = "\n".join(line for line in log.read_text("utf-8", "replace").splitlines() if "E:" in line)
    full = "No space left on device" in log.read_text("utf-8", "replace")
    raise LabError(
        f"{wanted.distribution.capitalize()} {wanted.suite} could not be installed"
        + (": the disk is full" * full),
        f"Free some space in {tempfile.gettempdir()} and try again."
        if full
        else "Try again; apt's words are below.",
        detail=said[-2000:] or tools.tail(log),
    )


def install_environment(epoch: int, work: Path) -> dict[str, str]:
    """The variables of the installation. Packages' scripts see them, so they are the same on every host."""
    proxies = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
    names = {"HOME", *proxies, *(name.upper() for name in proxies)}
    return {
        **{name: value for name, value in os.environ.items() if name in names},
        "SOURCE_DATE_EPOCH": str(epoch),
        "TMPDIR": str(work),
        "LC_ALL": "C.UTF-8",
        "DEBIAN_FRONTEND": "noninteractive",
        # The distribution's initrd is not used: kernel packages need not make one.
        "INITRD": "No",
        # Byte code is written by py3compile alone, and not also by whatever imports first,
        # and its sets are in one order.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
    }


class _Installation:
    """Turns the output of mmdebstrap and apt into what a person wants to know: how far it is."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._counts = {"Get": 0, "Unpacking": 0, "Setting up": 0}
        self._shown = 0.0

    def line(self, text: str) -> None:
        """Take a line of output."""
        match = re.match(r"(Get|Unpacking|Setting up)(?::\d+)? (\S+)", text)
        if match:
            self._counts[match[1]] += 1
            word = {"Get": "downloading", "Unpacking": "unpacking", "Setting up": "setting up"}[match[1]]
            name = match[2].partition(":")[0] if match[1] != "Get" else ""
            self._show(f"{word} {self._counts[match[1]]} {name}".rstrip())
        elif text.startswith("I: ") and ("tarball" in text or "hook" in text):
            self._show(text[3:60], now=True)

    def _show(self, text: str, *, now: bool = False) -> None:
        if now or time.monotonic() - self._shown > 0.2:
            self._progress.detail(text)
            self._shown = time.monotonic()
