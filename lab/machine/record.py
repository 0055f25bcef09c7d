"""What is kept of a machine between two commands: its folder, its record and its lock.

`state/machines/NAME/` holds `machine.json`, logs, and what the machine's kind needs beside
them (QEMU: the disk overlay, sockets and pid file). The lock lies beside the folder, so that
destroying the one does not lose the other; the kernel lets go of it when its holder dies, so
it is never stale.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TextIO

from lab import paths
from lab.errors import LabError, MachineError
from lab.machine.qemu_command import Accelerator, BootFiles, Hardware

DEFAULT_NAME = "default"
"""Of the machine that is meant where none is named."""

VAGRANT_NAME = "vagrant"
"""Reserved: the machine of the Vagrantfile."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


@dataclass(frozen=True)
class QemuRecord:
    """One QEMU machine of this lab, running or not."""

    name: str
    suite: str
    base: BootFiles
    """The golden image: what `reset` goes back to, and what stays below the overlay."""
    hardware: Hardware
    accelerator: Accelerator
    port: int
    template: str
    """Folder of the warm state it was cloned from; empty when it was booted."""
    slowness: float
    """How much slower than a fast machine it was measured to be; see `lab.machine.speed`."""
    created: float
    """`time.time()`."""
    kind: Literal["qemu"] = "qemu"

    def moved(self, port: int) -> QemuRecord:
        """The same machine behind another port."""
        return replace(self, port=port)


@dataclass(frozen=True)
class HostRecord:
    """What is kept of every machine that we only reach: where it is, and what proves that it is the one."""

    name: str
    host: str
    port: int
    user: str
    key: Path
    """Private key of ours; it stays where it is."""
    host_keys: tuple[str, ...]
    """The pinned keys of the host, each `TYPE BASE64` as in a public key file; no other is accepted."""
    slowness: float
    """How much slower than a fast machine it was measured to be; see `lab.machine.speed`."""
    suite: str
    """The codename of its release, such as `trixie`."""
    created: float
    """When it was added: `time.time()`."""


@dataclass(frozen=True)
class SshRecord(HostRecord):
    """A host that was there already, as `lab add` took it."""

    kind: Literal["ssh"] = "ssh"


@dataclass(frozen=True)
class VagrantRecord(HostRecord):
    """What Vagrant started, and where it was last found: Vagrant takes seconds to tell that."""

    machine_id: str
    """Vagrant's own name of this VM; a VM that was made anew has another."""
    folder: Path
    """Of its Vagrantfile."""
    kind: Literal["vagrant"] = "vagrant"


Record = QemuRecord | SshRecord | VagrantRecord


def machines_folder() -> Path:
    """Where all machines of this lab lie."""
    folder = paths.state() / "machines"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def check_name(name: str) -> str:
    """Return the name, or raise `LabError` where it is none."""
    if not NAME.fullmatch(name):
        raise LabError(
            f"{name!r} is not a machine's name",
            "Use 1 to 31 of a-z 0-9 _ - and begin with a letter or digit.",
        )
    return name


def chosen_name(name: str | None) -> str:
    """The machine that is meant: the one named, else that of `BOXWRIGHT_MACHINE`, else the default one.

    Raises:
        LabError: that is not a machine's name.
    """
    return check_name(os.environ.get("BOXWRIGHT_MACHINE") or DEFAULT_NAME if name is None else name)


def machine_folder(name: str) -> Path:
    """The folder of the machine of that name, which need not exist."""
    return machines_folder() / check_name(name)


def machine_names() -> list[str]:
    """Names of all machines, in order; what has another name is none of ours."""
    there = (path for path in machines_folder().iterdir() if path.is_dir())
    return sorted(path.name for path in there if NAME.fullmatch(path.name))


def read_record(name: str) -> Record:
    """The record of a machine.

    Raises:
        MachineError: there is none of that name, or it cannot be read; then `lab destroy` is the remedy.
    """
    path = machine_folder(name) / "machine.json"
    try:
        return _record(json.loads(path.read_text()))
    except FileNotFoundError:
        if path.parent.is_dir():
            raise MachineError(
                f"Machine {name!r} is half-made",
                f"If another `lab` is making it, wait for that one; else `lab up {name}` makes it anew.",
            ) from None
        known = ", ".join(machine_names())
        raise MachineError(
            f"There is no machine {name!r}" + (f" (there is: {known})" if known else ""),
            f"`lab up {name}` makes it.",
        ) from None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        why = (isinstance(error, OSError) and error.strerror) or error
        raise MachineError(
            f"The record {path} cannot be read: {why}", f"`lab destroy {name}` removes the machine."
        ) from error


def require_unused(folder: Path) -> None:
    """Raise where the disk of a machine is an overlay of one in this folder: another one in its place would spoil it.

    Raises:
        MachineError: there is such a machine.
    """
    for name in machine_names():
        try:
            record = read_record(name)
        except MachineError:
            continue  # half-made: it has nothing to lose
        if isinstance(record, QemuRecord) and (
            (record.template and Path(record.template).is_relative_to(folder))
            or record.base.disk.is_relative_to(folder)
        ):
            raise MachineError(
                f"{folder} cannot be read any more, and the disk of machine {name!r} builds on it",
                f"Where its files cannot be brought back, `lab destroy {name}`.",
            )


def read_qemu_record(name: str) -> QemuRecord:
    """The record of a QEMU machine. Raises `MachineError` where there is none, or it is of another kind."""
    record = read_record(name)
    if not isinstance(record, QemuRecord):
        raise MachineError(
            f"Machine {name!r} is of the kind {record.kind!r}",
            "Only the lab's own VMs can do this: `lab up`.",
        )
    return record


def _record(data: dict[str, Any]) -> Record:
    """A record from its JSON, in which paths are text and tuples are lists."""
    # Records of the time when there was no other kind do not say it.
    kind = data["kind"] if "kind" in data else "qemu"  # noqa: SIM401 - what is no table has no `get`
    if kind == "qemu":
        base = {**data["base"], **{part: Path(data["base"][part]) for part in ("disk", "kernel", "initrd")}}
        return QemuRecord(**{**data, "base": BootFiles(**base), "hardware": Hardware(**data["hardware"])})
    host = {**data, "key": Path(data["key"]), "host_keys": tuple(data["host_keys"])}
    if kind == "ssh":
        return SshRecord(**host)
    if kind == "vagrant":
        return VagrantRecord(**{**host, "folder": Path(data["folder"])})
    raise ValueError(f"no machine is of the kind {kind!r}")


def write_record(record: Record) -> None:
    """Write the record into the machine's folder, atomically."""
    path = machine_folder(record.name) / "machine.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(record), indent=1, default=str))
    new.replace(path)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine's lock while the block changes it; the lock's file goes with the machine.

    Raises:
        MachineError: another command holds it; said at once, with its pid.
    """
    path = machines_folder() / f"{check_name(name)}.lock"
    with _lock(path, name) as lock:
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            if not machine_folder(name).exists():
                path.unlink(missing_ok=True)


def _lock(path: Path, name: str) -> TextIO:
    """The open file of a lock that is ours now, and that is still the one at its path."""
    while True:
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            lock.close()
            raise MachineError(
                f"Another `lab` command (pid {holder}) is working on machine {name!r}",
                "Wait for it, or end it.",
            ) from None
        try:
            if path.stat().st_ino == os.fstat(lock.fileno()).st_ino:
                return lock
        except FileNotFoundError:
            pass  # whoever held it has removed the machine since we opened it
        lock.close()
