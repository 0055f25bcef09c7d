"""What killed or crashed commands left: machines that are not whole, and images that were never finished."""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from lab.doctor.finding import Finding, ok, warning
from lab.errors import MachineError
from lab.image import store
from lab.machine import process
from lab.machine.record import (
    VAGRANT_NAME,
    QemuRecord,
    machine_folder,
    machine_names,
    machines_folder,
    read_record,
)

BUILD_SECONDS = 3600
"""No build takes that long; a working folder that is older was left."""


def machines() -> Iterator[Finding]:
    """Every machine is whole: it has a record, and it runs or is stopped."""
    trouble, running, stopped = [], 0, 0
    for name in machine_names():
        state, fix = _state(name)
        if not fix:
            running, stopped = running + (state == "running"), stopped + (state == "stopped")
        elif not is_locked(machines_folder() / f"{name}.lock"):  # else another `lab` is at work on it
            trouble.append((f"{name} {state}", fix))
    if trouble:
        yield warning(
            "machines", ", ".join(what for what, _ in trouble), " && ".join(fix for _, fix in trouble)
        )
    else:
        yield ok("machines", f"{running} running, {stopped} stopped, none broken")


def _state(name: str) -> tuple[str, str]:
    """What a machine is, and the command that mends it; empty where it is whole."""
    try:
        record = read_record(name)
    except MachineError:
        return ("elsewhere", "") if name == VAGRANT_NAME else ("is half-made", f"lab destroy {name}")
    if not isinstance(record, QemuRecord):
        return "elsewhere", ""  # nothing of it runs here that could be left over
    try:
        state = process.state(machine_folder(name))
    except MachineError:
        return "does not answer", f"lab down --force {name}"
    if state in (None, "running"):
        return state or "stopped", ""
    return f"is in QEMU's state {state}", f"lab down {name}"


def builds(temporary: Path | None = None) -> Iterator[Finding]:
    """No build was killed and left its folders."""
    folders = [
        path for path in store.folder().glob("*.new") if not is_locked(path.with_name(f"{path.stem}.lock"))
    ]
    alive = any(is_locked(path) for path in store.folder().glob("*.lock"))
    below = temporary or Path(tempfile.gettempdir())
    for path in below.glob(f"boxwright-image-{os.getuid()}-*"):
        # No lock tells whose it is: it may belong to a build into another cache.
        if time.time() - path.stat().st_mtime > BUILD_SECONDS:
            folders.append(path)
    if folders:
        names = ", ".join(path.name for path in folders)
        yield warning(
            "builds", f"a killed build left {names}", "`lab image build` removes it and builds anew."
        )
    else:
        yield ok("builds", "a build is running" if alive else "no build was left half-made")


def is_locked(path: Path) -> bool:
    """Whether a process holds the lock file; a look, which leaves it as it is."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
