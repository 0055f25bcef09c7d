"""Small things that every start of a VM needs: a port, an initrd with the keys, the first answer."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import CommandTimeout, LabError, MachineError
from lab.machine import process
from lab.machine.cpio import overlay_cpio
from lab.machine.deadline import Deadline, thread_times
from lab.machine.keys import LabKeys
from lab.machine.qemu_command import Accelerator

if (
    TYPE_CHECKING
):  # fabric takes a quarter of a second to import; who needs no connection does not wait for it
    from lab.machine.connection import Connection

BOOT_SECONDS: dict[Accelerator, float] = {"kvm": 30, "tcg": 100}
"""Until a boot counts as hung: about ten times what it takes. One boot in some sixty hangs for good under emulation."""


COMPLAINTS = ("Kernel panic", "BUG: ", "Oops", "WARNING: ", "soft lockup", "rcu_preempt detected stalls")
"""How a kernel begins to say that something is wrong (kernel/panic.c, lib/bug.c, kernel/watchdog.c, kernel/rcu)."""


MOST_SERIAL = 64 << 10
"""Bytes of a serial log in which a complaint is looked for: the longest trace is half of it."""


class BootFailed(MachineError):
    """QEMU ran, and its guest panicked, ended or hung before it took a command."""


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def require_port(port: int) -> None:
    """Raise `LabError` unless the port on 127.0.0.1 is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise LabError(
                f"Port {port} on 127.0.0.1 cannot be used: {error}", "Name another with --port, or none."
            ) from error


def write_initrd(initrd: Path, keys: LabKeys, destination: Path) -> None:
    """The image's initrd with the lab's keys behind it: the kernel unpacks one archive after the other."""
    destination.touch(mode=0o600)
    destination.write_bytes(initrd.read_bytes() + overlay_cpio(keys.guest_files()))


def await_first_answer(folder: Path, port: int, seconds: float) -> None:
    """Wait until the guest's SSH server greets.

    Raises:
        BootFailed: it panicked, its QEMU ended, or it did not greet in time; with the end of its serial log.
    """

    from lab.machine.connection import wait_for_banner

    def watch() -> None:
        state = process.state(folder)
        if state is None:
            raise BootFailed(
                process.ended(folder, "while its guest booted"),
                f"Look whether the disk of {folder.parent} is full (`df`) or the host is out of memory (`dmesg`).",
                detail=serial_tail(folder),
            )
        if state != "running":
            raise BootFailed(
                f"The guest of {folder.name} did not boot: it is {state}",
                "Its serial log ends as shown.",
                detail=serial_tail(folder),
            )

    try:
        # A host that is busy with other things makes a boot longer, and no worse.
        pid = process.running_pid(folder)
        deadline = Deadline(seconds, partial(thread_times, pid) if pid else dict)
        wait_for_banner("127.0.0.1", port, deadline=deadline, watch=watch)
    except BootFailed:
        raise
    except MachineError as error:
        raise BootFailed(
            f"The guest of {folder.name} did not boot within {seconds:.0f} s: {error.what}",
            "Its serial log ends as shown.",
            detail=serial_tail(folder),
        ) from error


def answers(host: str, port: int, seconds: float = 3) -> bool:
    """Whether an SSH server greets there within so many seconds."""
    from lab.machine.connection import wait_for_banner

    try:
        wait_for_banner(host, port, deadline=Deadline(seconds, dict), watch=lambda: None)
    except MachineError:
        return False
    return True


def serial_end(folder: Path, most: int) -> str:
    """The last bytes that a guest wrote to its serial console; the whole log is as long as the guest likes.

    Args:
        folder: of the machine.
        most: bytes.

    Raises:
        OSError: there is no log, or it cannot be read.
    """
    with (folder / "serial.log").open("rb") as log:
        log.seek(max(0, log.seek(0, os.SEEK_END) - most))
        text = log.read(most).decode("utf-8", "backslashreplace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def serial_tail(folder: Path, lines: int = 20) -> str:
    """What the guest's kernel last wrote to its serial console: from its last complaint on, else the end."""
    try:
        text = serial_end(folder, MOST_SERIAL)
    except FileNotFoundError:
        return ""
    written = text.splitlines()[-300:]
    complaints = [number for number, line in enumerate(written) if any(sign in line for sign in COMPLAINTS)]
    # A trace is longer than what is shown, and its first lines say what happened.
    return "\n".join(written[complaints[-1] :][:lines] if complaints else written[-lines:])


def set_clock(connection: Connection) -> None:
    """A resumed guest goes on at the time of its saving; give it the host's."""
    # The time is taken when the guest's shell is there, not before it was asked for.
    now = (f"{time.time():.3f}\n".encode() for _ in range(1))
    connection.run("read -r now && date -u -s @$now > /dev/null", stdin=now)


def retried_once(attempt: Callable[[], None]) -> None:
    """Run a boot again when the guest did not answer: under emulation one in some sixty hangs for good.

    What would fail the same way again, such as a QEMU that refuses its arguments, is raised at once.
    """
    try:
        attempt()
    except (BootFailed, CommandTimeout):
        attempt()
