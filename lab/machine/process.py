"""The QEMU process of one machine: started as a daemon, found again by its pid file, ended by its pid.

A `lab` command may be killed at any moment; QEMU and its pid file stay, and the next
command finds them. A pid is believed only while that process was started for this
folder: pids are used again.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import time
from pathlib import Path

from lab.errors import MachineError
from lab.machine import qmp
from lab.machine.qemu_command import CHANNEL_SOCKET, CONSOLE_SOCKET, LOG_FILE, QMP_SOCKET

PID_FILE = "qemu.pid"
WHILE_IT_RUNS = (QMP_SOCKET, CONSOLE_SOCKET, CHANNEL_SOCKET, PID_FILE)
STDERR_FILE = "qemu.stderr"
"""What QEMU says until it is a daemon; from then on it says it in its log."""


def start(arguments: list[str], folder: Path) -> None:
    """Start QEMU in the machine's folder; returns when its sockets are there.

    Raises:
        MachineError: QEMU refused; with its own words.
    """
    for name in WHILE_IT_RUNS:
        (folder / name).unlink(missing_ok=True)
    # Its standard error goes to a file: a pipe would stay open in the daemon.
    said = folder / STDERR_FILE
    with said.open("wb") as stderr:
        starting = subprocess.Popen(
            arguments,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stderr,
            stderr=stderr,
            start_new_session=True,  # Ctrl-C is for us
        )
        try:
            status = starting.wait()
        except BaseException:
            # Interrupted: let it come to the point where its pid file can be found, which takes a moment.
            starting.wait(timeout=20)
            raise
    if status != 0:
        words = said.read_text(errors="replace").strip() or f"status {status}"
        raise MachineError(f"QEMU did not start for {folder.name}: {words.splitlines()[-1]}", detail=words)


def running_pid(folder: Path) -> int | None:
    """The pid of this folder's QEMU, or None when it does not run."""
    found = _running(folder)
    return found[0] if found else None


def arguments(folder: Path) -> list[str]:
    """The arguments with which this folder's QEMU was started.

    Raises:
        MachineError: it does not run.
    """
    found = _running(folder)
    if found is None:
        raise MachineError(f"QEMU of {folder.name} does not run", f"`lab up {folder.name}` starts it.")
    return found[1]


def _running(folder: Path) -> tuple[int, list[str]] | None:
    """The pid of this folder's QEMU and its arguments (proc_pid_cmdline(5))."""
    try:
        pid = int((folder / PID_FILE).read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().removesuffix(b"\0").split(b"\0")
    except (OSError, ValueError):
        return None
    return (pid, [os.fsdecode(word) for word in words]) if os.fsencode(folder / PID_FILE) in words else None


def end(folder: Path, *, patience: float = 5) -> None:
    """End QEMU: politely over QMP, then by SIGKILL; returns when it is gone.

    Args:
        folder: the machine's folder.
        patience: seconds between the two.
    """
    pid = running_pid(folder)
    if pid is None:
        return
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        if running_pid(folder) != pid:  # it ended, and its pid may be another's by now
            return
        with contextlib.suppress(MachineError):  # it hangs: the signal below is for that
            qmp.execute(folder / QMP_SOCKET, "quit", timeout=patience)
        if not select.select([handle], [], [], patience)[0]:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            select.select([handle], [], [], 30)
    finally:
        os.close(handle)
    for name in WHILE_IT_RUNS:
        (folder / name).unlink(missing_ok=True)


def state(folder: Path) -> str | None:
    """QEMU's run state (`RunState` in its QMP reference), or None when it does not run."""
    if running_pid(folder) is None:
        return None
    try:
        return str(qmp.execute(folder / QMP_SOCKET, "query-status")["status"])
    except MachineError:
        # Between the two looks it may have ended.
        if running_pid(folder) is None:
            return None
        raise


def ended(folder: Path, meanwhile: str) -> str:
    """What to say where this folder's QEMU is gone: `meanwhile`, as "while its guest booted", and its last words.

    What killed it, such as the kernel for want of memory, it could not say itself.
    """
    words = last_words(folder)
    return f"QEMU of {folder.name} ended {meanwhile}" + (f": {words}" if words else "")


def last_words(folder: Path) -> str:
    """The last line that this folder's QEMU, or a command that it ran, complained with; empty for none."""
    for name in (LOG_FILE, STDERR_FILE):
        try:
            lines = (folder / name).read_text(errors="replace").splitlines()
        except OSError:
            continue
        said = [line.strip() for line in lines if line.strip()]
        if said:
            return said[-1]
    return ""


def await_state(folder: Path, wanted: set[str], *, timeout: float) -> str:
    """Wait until QEMU's run state is one of `wanted`, and return it.

    Raises:
        MachineError: it ended, or did not come to such a state within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = state(folder)
        if found in wanted:
            return str(found)
        if found is None or time.monotonic() > deadline:
            raise MachineError(
                f"QEMU of {folder.name} is {found or 'gone'} instead of {' or '.join(sorted(wanted))}"
            )
        select.select([], [], [], 0.02)
