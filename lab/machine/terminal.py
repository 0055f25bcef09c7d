"""A person at the serial console: the terminal's bytes to QEMU's console socket and back."""

from __future__ import annotations

import fcntl
import os
import select
import socket
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab.console import err
from lab.errors import LabError
from lab.machine.boot import serial_tail
from lab.machine.qemu_command import CONSOLE_SOCKET
from lab.machine.qmp import short_path

LEAVE = b"\x1d"
"""Ctrl-], as telnet(1) and virsh(1) have it."""

LOCK = "console.lock"
"""In the machine's folder; held by the one at the console, whose pid is in it."""


def attach(folder: Path) -> None:
    """Join the terminal to the console of the machine in `folder` until Ctrl-] or the end of either.

    Raises:
        LabError: standard input is no terminal, the console is taken, or the machine has none.
    """
    if not sys.stdin.isatty():
        raise LabError("`lab console` needs a terminal", f"The console's log is {folder / 'serial.log'}.")
    with (
        _alone(folder),
        socket.socket(socket.AF_UNIX) as console,
        short_path(folder / CONSOLE_SOCKET) as path,
    ):
        try:
            console.connect(path)
        except OSError as error:
            raise LabError(f"The console of {folder.name} cannot be reached: {error.strerror}") from error
        err.print(
            f"Console of {folder.name}; Ctrl-] leaves it. It begins with the end of its log:", style="dim"
        )
        err.print(serial_tail(folder), markup=False)
        before = termios.tcgetattr(sys.stdin)
        try:
            tty.setraw(sys.stdin)
            _relay(console)
        finally:
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
    err.print("")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the only one at the console; the lock ends with its holder.

    QEMU serves one client of its serial port and lets a second one connect, who would hear nothing for ever.

    Raises:
        LabError: somebody else is there; says which process.
    """
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "unknown"
            raise LabError(
                f"The console of {folder.name} is taken by another `lab console` (pid {holder})",
                f"Leave that one with Ctrl-], or read the console's log: {folder / 'serial.log'}.",
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _relay(console: socket.socket) -> None:
    keyboard, screen = sys.stdin.fileno(), sys.stdout.fileno()
    while True:
        ready, _, _ = select.select([keyboard, console], [], [])
        if console in ready:
            said = console.recv(4096)
            if not said:
                return
            os.write(screen, said)
        if keyboard in ready:
            typed = os.read(keyboard, 1024)
            if not typed or LEAVE in typed:
                return
            console.sendall(typed)
