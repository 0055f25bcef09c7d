"""The kernel monitor as the supervisor sees it: register a container, and read what became of it.

Written after kernel/monitor_ioctl.h. With version 2 of its interface the module queues an
event before it kills, so a kill is attributed to the hard limit because the kernel said so.
A module that knows version 1 only says so in the kernel log; then that is read.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from dataclasses import dataclass
from typing import Literal

from supervisor.errors import EngineError

DEVICE = "/dev/container_monitor"
KERNEL_LOG = "/dev/kmsg"

SOFT, HARD, GONE = 1, 2, 3
"""Types of event."""

ID_SIZE = 32
_REQUEST_V1 = struct.Struct(f"@iLL{ID_SIZE}s")  # native alignment: offsets 0, 8, 16, 24 on 64 bits
_REQUEST_V2 = struct.Struct(f"=IIiIQQ{ID_SIZE}s")
_EVENT = struct.Struct(f"=IIiIQQQ{ID_SIZE}s")


def _ioc(direction: int, number: int, size: int) -> int:
    """`_IOC` of asm-generic/ioctl.h; direction 1 writes to the kernel, 2 reads from it."""
    return direction << 30 | size << 16 | ord("M") << 8 | number


REGISTER = _ioc(1, 1, _REQUEST_V1.size)
REGISTER_V2 = _ioc(1, 3, _REQUEST_V2.size)
ABI_VERSION = _ioc(2, 5, 4)

_REFUSALS = {
    errno.EEXIST: "that process is registered already",
    errno.EINVAL: "it finds the request invalid",
    errno.EPERM: "it wants CAP_SYS_ADMIN",
    errno.ENOSPC: "it can take no more containers",
    errno.ENOMEM: "the kernel has no memory left",
}


@dataclass(frozen=True)
class Event:
    """What the monitor told about a container."""

    kind: Literal["soft", "hard"]
    pid: int
    id: str
    rss: int  # bytes; 0 where unknown
    limit: int  # bytes; 0 where unknown


class Monitor:
    """The open device."""

    def __init__(self, device: int) -> None:
        self._device = device
        self._rest = b""
        self.version = _abi_version(device)
        self.descriptor = device
        """What becomes readable when there is something to `read`."""
        if self.version == 1:
            self.descriptor = os.open(KERNEL_LOG, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            os.lseek(self.descriptor, 0, os.SEEK_END)  # only what is said from now on

    @classmethod
    def open(cls) -> Monitor | None:
        """The monitor of this machine; None where its module is not loaded.

        Raises:
            EngineError: it is there, but cannot be used.
        """
        try:
            device = os.open(DEVICE, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            if error.errno in (errno.ENXIO, errno.ENODEV):
                return None  # a device node without its module
            raise EngineError(f"the kernel monitor {DEVICE} cannot be opened: {error.strerror}") from error
        return cls(device)

    def register(self, identifier: str, pid: int, soft: int, hard: int) -> None:
        """Have a process watched, and all of its container with it.

        Raises:
            ProcessLookupError: it has ended.
            EngineError: the monitor refused.
        """
        # region 07.register
        name = identifier.encode()
        try:
            if self.version == 1:
                fcntl.ioctl(self._device, REGISTER, _REQUEST_V1.pack(pid, soft, hard, name))
            else:
                request = _REQUEST_V2.pack(_REQUEST_V2.size, 0, pid, 0, soft, hard, name)
                fcntl.ioctl(self._device, REGISTER_V2, request)
        except ProcessLookupError:
            raise
        except OSError as error:
            why = _REFUSALS.get(error.errno or 0, error.strerror or "")
            name_of_error = errno.errorcode.get(error.errno or 0, "")
            raise EngineError(
                f"the kernel monitor does not take container {identifier} (PID {pid}): {why} ({name_of_error})"
            ) from error
        # endregion 07.register

    def read(self) -> list[Event]:
        """Every event that waits; does not block."""
        events: list[Event] = []
        while True:
            try:
                data = os.read(self.descriptor, _EVENT.size * 64 if self.version > 1 else 8192)
            except BlockingIOError:
                return events
            except BrokenPipeError:
                continue  # kernel log: records were overwritten before we read them; go on with the next
            if not data:
                return events
            events += parse_events(data) if self.version > 1 else parse_kernel_log(data)

    def close(self) -> None:
        """Give up every container registered here."""
        if self.descriptor != self._device:
            os.close(self.descriptor)
        os.close(self._device)


def _abi_version(device: int) -> int:
    try:
        answer = fcntl.ioctl(device, ABI_VERSION, bytes(4))
    except OSError:
        return 1  # ENOTTY: it was written before there was a version to ask for
    return int.from_bytes(answer, "little")


def parse_events(data: bytes) -> list[Event]:
    """The soft and hard events in whole records of `struct monitor_event`."""
    events = []
    for start in range(0, len(data) - _EVENT.size + 1, _EVENT.size):
        _, kind, pid, _, rss, limit, _, name = _EVENT.unpack_from(data, start)
        if kind in (SOFT, HARD):
            text = name.partition(b"\0")[0].decode("ascii", "replace")
            events.append(Event("soft" if kind == SOFT else "hard", pid, text, rss, limit))
    return events


_LINE = re.compile(r"container_monitor.*\b(SOFT|HARD)[ _-]?LIMIT\b(.*)", re.IGNORECASE)
_PID = re.compile(r"\bpid\s*[=:]?\s*(\d+)", re.IGNORECASE)
_NAME = re.compile(r"\b(?:container|id)\s*[=:]\s*([A-Za-z0-9._-]+)", re.IGNORECASE)


def parse_kernel_log(data: bytes) -> list[Event]:
    """The event in one record of /dev/kmsg, as an older module words it; none for any other record."""
    line = data.partition(b"\n")[0].decode("utf-8", "replace")
    match = _LINE.search(line)
    if not match:
        return []
    pid, name = _PID.search(match[2]), _NAME.search(match[2])
    kind: Literal["soft", "hard"] = "soft" if match[1].upper() == "SOFT" else "hard"
    return [Event(kind, int(pid[1]) if pid else 0, name[1] if name else "", 0, 0)]
