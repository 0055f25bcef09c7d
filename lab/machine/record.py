"""What is kept of a machine between two commands: its folder, its record and its lock.

`state/machines/NAME/` holds `machine.json`, the disk overlay, QEMU's sockets, pid file and
logs. The lock lies beside the folder, so that destroying the one does not lose the other;
the kernel lets go of it when its holder dies, so it is never stale.
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

from lab import paths
from lab.errors import LabError, MachineError
from lab.machine.qemu_command import Accelerator, BootFiles, Hardware

DEFAULT_NAME = "default"
"""Of the machine that is meant where none is named."""

NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,30}")


@dataclass(frozen=True)
class MachineRecord:
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
    created: float
    """`time.time()`."""

    def moved(self, port: int) -> MachineRecord:
        """The same machine behind another port."""
        return replace(self, port=port)


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
    return check_name(name or os.environ.get("BOXWRIGHT_MACHINE") or DEFAULT_NAME)


def machine_folder(name: str) -> Path:
    """The folder of the machine of that name, which need not exist."""
    return machines_folder() / check_name(name)


def machine_names() -> list[str]:
    """Names of all machines, in order."""
    return sorted(path.name for path in machines_folder().iterdir() if path.is_dir())


def read_record(name: str) -> MachineRecord:
    """The record of a machine. Raises `MachineError` where there is none of that name."""
    try:
        data = json.loads((machine_folder(name) / "machine.json").read_text())
        base = BootFiles(
            Path(data["base"]["disk"]),
            Path(data["base"]["kernel"]),
            Path(data["base"]["initrd"]),
            data["base"]["kernel_arguments"],
        )
        return MachineRecord(**{**data, "base": base, "hardware": Hardware(**data["hardware"])})
    except FileNotFoundError:
        known = ", ".join(machine_names())
        raise MachineError(
            f"There is no machine {name!r}" + (f" (there is: {known})" if known else ""),
            f"`lab up {name}` makes it.",
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise MachineError(
            f"The record {machine_folder(name) / 'machine.json'} cannot be read: {error}",
            f"`lab destroy {name}` removes the machine.",
        ) from error


def write_record(record: MachineRecord) -> None:
    """Write the record into the machine's folder, atomically."""
    path = machine_folder(record.name) / "machine.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(record), indent=1, default=str))
    new.replace(path)


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the machine's lock while the block changes it.

    Raises:
        MachineError: another command holds it; said at once, with its pid.
    """
    path = machines_folder() / f"{check_name(name)}.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise MachineError(
                f"Another `lab` command (pid {holder}) is working on machine {name!r}",
                "Wait for it, or end it.",
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield
