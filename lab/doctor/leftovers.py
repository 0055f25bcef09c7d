"""What killed or crashed commands left: machines that are not whole, and images that were never finished."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from pathlib import Path

from lab.doctor.finding import Finding, ok, warning
from lab.errors import MachineError
from lab.image import build, store
from lab.machine import process
from lab.machine.record import (
    VAGRANT_NAME,
    QemuRecord,
    machine_folder,
    machine_names,
    machines_folder,
    read_record,
)


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
    way = (
        "up" if state in ("paused", "io-error") else "down"
    )  # `lab up` lets these go on; else its disk is whole
    return f"is in QEMU's state {state}", f"lab {way} {name}"


def builds(temporary: Path | None = None) -> Iterator[Finding]:
    """Nothing that makes, saves or removes an image was killed and left its folders, or a QEMU in them."""
    left = [new for new, lock in store.unfinished() if not is_locked(lock)]
    alive = any(is_locked(path) for path in store.folder().glob("*.lock"))
    alive = alive or any(is_locked(lock) for _, lock in store.unfinished())
    names = [f"{new.relative_to(store.folder())}{_with_qemu(new)}" for new in left]
    names += [path.name for path in build.left_work_folders(temporary)]
    if names:
        yield warning("builds", f"a killed command left {', '.join(names)}", "`lab image build` removes it.")
    else:
        yield ok("builds", "a build is running" if alive else "no build was left half-made")


def _with_qemu(folder: Path) -> str:
    return " (its QEMU still runs)" if process.running_pid(folder) else ""


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
