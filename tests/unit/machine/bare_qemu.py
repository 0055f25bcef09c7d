"""QEMU without a machine in it: there in a few hundredths of a second, with a real monitor and a real pid file."""

from __future__ import annotations

from pathlib import Path

from lab.machine import process
from lab.machine.qemu_command import QMP_SOCKET, qemu_binary


def bare_qemu(folder: Path, *more: str) -> list[str]:
    """Its command line, for `process.start`."""
    return [
        qemu_binary(), "-machine", "none", "-nodefaults", "-display", "none", "-daemonize",
        "-qmp", f"unix:{QMP_SOCKET},server=on,wait=off", "-pidfile", str(folder / process.PID_FILE), *more,
    ]  # fmt: skip


def is_alive(pid: int | None) -> bool:
    """Whether the process of a QEMU still does something; its parent, process 1, may not have reaped it yet."""
    try:
        return pid is not None and Path(f"/proc/{pid}/cmdline").read_bytes() != b""
    except (FileNotFoundError, ProcessLookupError):
        return False
