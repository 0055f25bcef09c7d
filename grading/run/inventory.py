"""Which running machines are to be graded, and how they are reached: our own TOML, or an Ansible inventory.

    [defaults]                        # for every machine that does not say it itself
    user = "root"                     # or one who may use sudo without a password
    key = "~/.ssh/id_ed25519"         # private; relative paths start where the inventory lies
    folder = "/home/student/project"  # where the work lies on the machine

    [[machine]]
    host = "10.0.0.11"
    port = 22
    student = "ann"                   # the submission's name; the host's if it is not said
    host_key = "ssh-ed25519 AAAA…"    # or a file of keys; ~/.ssh/known_hosts is looked into by itself

    [[machine]]
    machine = "lab-pc-3"              # one that `lab add` took, or `vagrant`
    student = "bob"
    source = "handed-in/bob"          # the work lies on this host, and is brought there

In an Ansible inventory these are the variables `ansible_host`, `ansible_port`, `ansible_user` and
`ansible_ssh_private_key_file`, and ours with `boxwright_` before their names.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grading.submissions.found import is_hidden
from grading.submissions.site import printable
from lab import paths
from lab.errors import LabError
from lab.exercises import tables
from lab.machine.address import SSH_PORT

ANSIBLE_SECONDS = 60

_PORT = re.compile(r"\d{1,5}", re.ASCII)

KEYS = frozenset(("machine", "host", "port", "user", "key", "host_key", "student", "folder", "source"))


@dataclass(frozen=True)
class Listed:
    """One machine, and whose work is on it."""

    student: str
    """The submission's name."""
    machine: str = ""
    """One that the lab knows already; empty where `host` says where it is."""
    host: str = ""
    port: int = SSH_PORT
    user: str = "root"
    key: Path | None = None
    """Private key; the user's own where none is named."""
    host_key: str = ""
    """A key, or a file of keys; empty: what ~/.ssh/known_hosts says."""
    folder: str = ""
    """Of the work on the machine; POSIX."""
    source: Path | None = None
    """The work on this host, where it is not on the machine."""


def read(path: Path) -> list[Listed]:
    """The machines in an inventory.

    Args:
        path: `.toml` is ours, everything else is for Ansible (INI or YAML).

    Raises:
        LabError: it cannot be read, or does not say enough, or says something twice.
    """
    if not path.is_file():
        raise LabError(
            f"There is no inventory {path}", "Name a file: TOML of ours, or INI or YAML for Ansible."
        )
    entries = _ours(path) if path.suffix == ".toml" else _ansibles(path)
    found = [_listed(path, entry) for entry in entries]
    if not found:
        raise LabError(f"{path} lists no machine", "`grade vms --help` shows how.")
    for what in ("student", "machine"):
        names = [getattr(each, what) for each in found if getattr(each, what)]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise LabError(f"{path} has the {what} {twice[0]!r} twice", "Take one of them away.")
    return found


def _ours(path: Path) -> list[dict[str, Any]]:
    remedy = "`grade vms --help` shows how it looks."
    content = tables.content(path, remedy)
    strange = set(content) - {"defaults", "machine"}
    defaults, machines = content.get("defaults", {}), content.get("machine", [])
    if strange or not isinstance(defaults, dict) or not isinstance(machines, list):
        raise LabError(
            f"{path} is not made of [defaults] and [[machine]]"
            + "".join(f": {name}" for name in sorted(strange)),
            remedy,
        )
    if not all(isinstance(each, dict) for each in machines):
        raise LabError(f"{path}: a machine is a table, and one here is not", remedy)
    return [{**defaults, **each} for each in machines]


def _ansibles(path: Path) -> list[dict[str, Any]]:
    """As Ansible itself reads it; no inventory plugin that would run a program or ask a network is enabled."""
    with tempfile.TemporaryDirectory(prefix="boxwright-ansible-") as folder:
        (Path(folder) / "ansible.cfg").touch()
        environment = {
            **os.environ,
            "ANSIBLE_INVENTORY_ENABLED": "ini,yaml",
            "ANSIBLE_CONFIG": str(Path(folder) / "ansible.cfg"),
        }
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "ansible", "inventory", "-i", str(path.absolute()), "--list"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=ANSIBLE_SECONDS,
                env=environment,
            )
        except subprocess.TimeoutExpired:
            raise LabError(f"Ansible did not read {path} within {ANSIBLE_SECONDS} s") from None
    try:
        told = json.loads(done.stdout)
        variables = told["_meta"]["hostvars"]
        hosts = sorted({host for group in told.values() for host in group.get("hosts", ())})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise LabError(
            f"Ansible cannot read {path}", "It is to be INI or YAML.", detail=said[-2000:]
        ) from error
    if not hosts:
        said = done.stderr.decode("utf-8", "replace").strip()
        raise LabError(f"Ansible finds no host in {path}", "It is to be INI or YAML.", detail=said[-2000:])
    return [_translated(host, variables.get(host, {})) for host in hosts]


def _translated(host: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    theirs = {
        "host": "ansible_host", "port": "ansible_port", "user": "ansible_user", "key": "ansible_ssh_private_key_file",
    }  # fmt: skip
    found = {ours: variables[name] for ours, name in theirs.items() if name in variables}
    found |= {name: variables[f"boxwright_{name}"] for name in KEYS if f"boxwright_{name}" in variables}
    if "machine" not in found:
        found.setdefault("host", host)
    found.setdefault("student", host)
    return found


def _listed(path: Path, entry: Mapping[str, Any]) -> Listed:
    names = (entry.get(key) for key in ("student", "host", "machine"))
    where = f"{path}, {next((name for name in names if name and isinstance(name, str)), 'a machine')}"
    strange = sorted(set(entry) - KEYS)
    if strange:
        raise LabError(f"{where}: there is no {strange[0]!r}", f"There is: {', '.join(sorted(KEYS))}.")
    for name, value in entry.items():
        text = isinstance(value, str) and "\0" not in value
        if name == "port":
            if type(value) is not int and not (text and _PORT.fullmatch(value)):
                raise LabError(f"{where}: {name} is no number", "Write it as 2222.")
        elif not text:
            raise LabError(f"{where}: {name} is no text", "Write it in quotes.")
    machine, host = entry.get("machine", ""), entry.get("host", "")
    if bool(machine) == bool(host):
        raise LabError(f"{where}: a `machine` of the lab or a `host`, one of the two is needed")
    if bool(entry.get("folder")) == bool(entry.get("source")):
        raise LabError(
            f"{where}: it is not said where the work lies",
            "Give `folder` for a place on the machine, or `source` for one on this host; not both.",
        )
    folder = entry.get("folder", "")
    if folder and not PurePosixPath(folder).is_absolute():
        raise LabError(f"{where}: the folder {folder!r} is no whole path", "Begin it with /.")
    port = int(entry.get("port", SSH_PORT))
    if not 0 < port < 65536:
        raise LabError(f"{where}: there is no port but those from 1 to 65535")
    student = printable(entry.get("student") or host or machine).replace("/", "_")
    if is_hidden(student):
        raise LabError(
            f"{where}: {student!r} is no submission's name",
            "Give a `student` that begins with something other than a dot or __MACOSX.",
        )
    return Listed(
        student=student,
        machine=machine,
        host=host,
        port=port,
        user=entry.get("user", "root"),
        key=_beside(path, entry.get("key")),
        host_key=_host_key(path, entry.get("host_key", "")),
        folder=folder,
        source=_beside(path, entry.get("source")),
    )


def _beside(path: Path, named: str | None) -> Path | None:
    if not named:
        return None
    try:
        return path.absolute().parent / paths.expanded(Path(named))
    except LabError as error:
        raise LabError(f"{path}: {error.what}", error.remedy) from error


def _host_key(path: Path, named: str) -> str:
    """A key as it is, or the whole path of a file."""
    if not named or " " in named.strip():
        return named
    return str(_beside(path, named))
