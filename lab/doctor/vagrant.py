"""Vagrant and its provider: only for those who want `vagrant up`, so never more than a warning.

Vagrant itself takes seconds to list its plugins, so their files are looked for instead.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lab import paths
from lab.doctor.finding import Finding, as_root, ask, install, ok, warning

GEMS = (
    Path("/usr/share/rubygems-integration/all/specifications"),
    Path("/usr/share/vagrant-plugins/plugins.d"),
)
"""Where Debian's and Ubuntu's packages of plugins put their descriptions."""

LIBVIRT_SOCKETS = (Path("/run/libvirt/virtqemud-sock"), Path("/run/libvirt/libvirt-sock"))

ONLY = "Only `vagrant up` needs it; `lab up` does not."


def may_use(socket: Path) -> bool:
    """Whether this user may connect to a socket (unix(7): who may write)."""
    return os.access(socket, os.R_OK | os.W_OK)


def vagrant(
    *,
    search: str | None = None,
    home: Path | None = None,
    gems: Sequence[Path] = GEMS,
    sockets: Sequence[Path] = LIBVIRT_SOCKETS,
    may_use: Callable[[Path], bool] = may_use,
) -> Iterator[Finding]:
    """Vagrant is there, with a provider that this user may use.

    Args:
        search: where programs are looked for; `PATH` by default.
        home: Vagrant's folder; `VAGRANT_HOME` or `~/.vagrant.d` by default.
        gems: folders with descriptions of plugins that the distribution installed.
        sockets: of libvirt's daemons.
        may_use: whether this user may connect to one.
    """
    program = shutil.which("vagrant", path=search)
    if program is None:
        yield warning("vagrant", f"not installed. {ONLY}", install("vagrant", "vagrant-libvirt"))
        return
    status, said = ask([program, "--version"])
    version = re.search(r"Vagrant (\S+)", said)
    if status != 0 or version is None:
        yield warning("vagrant", f"`vagrant --version` fails: {said[-80:]}", install("vagrant"))
        return
    shown = f"Vagrant {version[1]}"
    problem: tuple[str, str] | None = None
    if "vagrant-libvirt" in plugins(home or _home(), gems):
        problem = _libvirt_problem(sockets, may_use)
        if problem is None:
            yield ok("vagrant", f"{shown}, provider libvirt")
            return
    if shutil.which("VBoxManage", path=search):
        yield ok("vagrant", f"{shown}, provider virtualbox")
    elif problem:
        yield warning("vagrant", f"{shown}, but {problem[0]}. {ONLY}", problem[1])
    else:
        yield warning("vagrant", f"{shown}, but no provider. {ONLY}", install("vagrant-libvirt"))


def plugins(home: Path, gems: Sequence[Path]) -> set[str]:
    """Names of the plugins that Vagrant or the distribution installed."""
    try:
        found = set(json.loads((home / "plugins.json").read_text())["installed"])
    except (OSError, ValueError, KeyError, TypeError):
        found = set()
    for folder in gems:
        for path in folder.glob("vagrant-*"):
            match = re.match(r"(vagrant-[a-z_-]+?)(?:-\d[\w.]*)?\.(?:gemspec|json)$", path.name)
            if match:
                found.add(match[1])
    return found


def _home() -> Path:
    return Path(os.environ.get("VAGRANT_HOME") or paths.home() / ".vagrant.d")


def _libvirt_problem(sockets: Sequence[Path], may_use: Callable[[Path], bool]) -> tuple[str, str] | None:
    there = [path for path in sockets if path.exists()]
    if not there:
        return "libvirt does not run", (
            f"`{install('libvirt-daemon-system')}`, then `{as_root('systemctl enable --now libvirtd')}`."
        )
    if not any(may_use(path) for path in there):
        return f"this user may not use libvirt ({there[0]})", (
            f"`{as_root('usermod -aG libvirt $USER')}`, then log in again."
        )
    return None
