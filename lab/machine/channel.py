"""The other end of a port that a guest has beside its network: a stream of bytes to whoever opened it in the guest.

Without SSH's encryption, a round trip costs a guest under emulation a fifth, and 4 MiB a twentieth of the time
(measured: 4.8 and 1.1 ms, 2.0 and 0.1 s). A program that had it open when a warm state was saved has it
in each clone: it need not be started, and can be spoken to as soon as the guest runs. Whoever is root in the
guest can speak there once that program lets go of it, so what comes must prove whose it is.
"""

from __future__ import annotations

import select
import socket
import struct
import time
from pathlib import Path
from typing import Any

from lab.errors import MachineError
from lab.machine import qmp
from lab.machine.qemu_command import CHANNEL, CHANNEL_SOCKET, QMP_SOCKET

SEND_SECONDS = 120
"""Until a guest that takes nothing counts as lost; half a minute of it is more than any host was seen to be late."""

CONNECT_SECONDS = 10.0


def open_channel(folder: Path) -> socket.socket:
    """Take hold of the host's end of a machine's channel, before its guest runs.

    A guest whose state was saved with somebody there is told nothing where somebody is there when it is loaded
    (`virtio_serial_load_device` in QEMU's hw/char/virtio-serial-bus.c).

    Args:
        folder: of a machine whose hardware has a channel; nobody else may have taken hold of it.

    Raises:
        MachineError: QEMU does not take us.
    """
    channel = socket.socket(socket.AF_UNIX)
    try:
        channel.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("@ll", SEND_SECONDS, 0))
        with qmp.short_path(folder / CHANNEL_SOCKET) as path:
            channel.connect(path)
        deadline = time.monotonic() + CONNECT_SECONDS
        while _told(folder)["filename"].startswith("disconnected:"):
            if time.monotonic() > deadline:
                raise MachineError(f"QEMU of {folder.name} does not take its channel")
            select.select([], [], [], 0.005)
    except OSError as error:
        channel.close()
        raise MachineError(f"The channel of {folder.name} cannot be opened: {error}") from error
    except BaseException:
        channel.close()
        raise
    return channel


def is_open_in_guest(folder: Path) -> bool:
    """Whether a program of the guest has the channel open.

    Raises:
        MachineError: QEMU does not answer.
    """
    return bool(_told(folder)["frontend-open"])


def _told(folder: Path) -> dict[str, Any]:
    """`ChardevInfo` in QEMU's QMP reference."""
    told: list[dict[str, Any]] = qmp.execute(folder / QMP_SOCKET, "query-chardev")
    return next(each for each in told if each["label"] == CHANNEL)
