"""Brings podman into the guest, which has no network: this host's apt fetches what is missing there."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from lab.image import mirror
from lab.machine.protocol import Machine


def install(machine: Machine, suite: str) -> str:
    """Install podman in the guest; gives why it could not be, or nothing."""
    try:
        source = mirror.find_mirror(suite)
        with tempfile.TemporaryDirectory(prefix="boxwright-podman-") as name:
            debs = _fetch(Path(name), source, machine.read("/var/lib/dpkg/status"))
            machine.put(debs, "/root/podman")
    except (OSError, subprocess.CalledProcessError) as error:
        return f"its packages could not be fetched: {error}"
    done = machine.run("dpkg --install /root/podman/*.deb && podman --version", timeout=300, check=False)
    return "" if done.ok else f"its packages could not be installed: {done.error_text[-200:]}"


def _fetch(folder: Path, source: mirror.Mirror, status: bytes) -> Path:
    """Let apt believe that it is the guest's, and download what podman needs beyond what is there."""
    for name in ("lists/partial", "archives/partial", "etc/preferences.d", "etc/apt.conf.d"):
        (folder / name).mkdir(parents=True)
    (folder / "sources.list").write_text("\n".join(source.lines) + "\n")
    (folder / "status").write_bytes(status)
    options = {
        "Dir::State": folder,
        "Dir::State::status": folder / "status",
        "Dir::State::lists": folder / "lists",
        "Dir::Cache": folder,
        "Dir::Cache::archives": folder / "archives",
        "Dir::Etc::sourcelist": folder / "sources.list",
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferencesparts": folder / "etc/preferences.d",
        "APT::Sandbox::User": "root",
        "APT::Install-Recommends": "false",
        "Acquire::Languages": "none",
    }
    settings = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    for command in (["update"], ["install", "--yes", "--download-only", "podman"]):
        subprocess.run(
            ["apt-get", "-qq", *settings, *command],
            check=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=300,
        )
    return folder / "archives"
