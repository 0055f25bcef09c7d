"""UNIX sockets of the guest on which somebody takes requests, as its kernel tells them (proc_net(5), `unix`)."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from grading.api.expectations import wait_until
from grading.guest.observer import GuestError, Observer
from grading.guest.vm import TOOLS
from lab.errors import LabError

RELAY_SECONDS = 5.0
"""In which the relay has taken a socket's place, or has put it back."""

LISTENS = 0x10000
"""__SO_ACCEPTCON, among the flags of /proc/net/unix (include/uapi/linux/net.h)."""

ABSTRACT = "@"
"""Begins a name that is no path: nothing of it is in a folder, and it is gone with its socket (unix(7))."""


@dataclass(frozen=True)
class Socket:
    """One on which requests are taken: a stream that listens, or datagrams, which come to whoever has the name."""

    inode: str
    kind: int
    """As `socket.SOCK_STREAM`."""
    path: str
    """As it was bound; empty where it has no name."""


def listening(observer: Observer) -> Iterator[Socket]:
    """All of the guest."""
    for line in observer.proc("net/unix").splitlines()[1:]:
        fields = line.split(maxsplit=7)
        if len(fields) < 7:
            continue
        kind = int(fields[4], 16)
        if int(fields[3], 16) & LISTENS or kind == socket.SOCK_DGRAM:
            yield Socket(fields[6], kind, fields[7] if len(fields) > 7 else "")


def sockets_of(observer: Observer, pid: int, folder: str) -> dict[str, int]:
    """Paths of those with a name that a process has open, and their kinds; `@` begins the name of an abstract one.

    Args:
        observer: of the guest.
        pid: the process.
        folder: its working folder, to which a path may be relative.
    """
    mine = set()
    for _, target in open_files(observer, pid):
        if target.startswith("socket:["):
            mine.add(target[8:-1])
    return {
        each.path if each.path.startswith(("/", ABSTRACT)) else f"{folder}/{each.path}": each.kind
        for each in listening(observer)
        if each.path and each.inode in mine
    }


def descriptors(observer: Observer, pid: int) -> list[str]:
    """The names of a process's open descriptors; none where it is gone."""
    try:
        return observer.names(f"proc:{pid}/fd")
    except GuestError:
        return []


def open_files(observer: Observer, pid: int) -> Iterator[tuple[str, str]]:
    """The name of each open descriptor of a process, and where it leads (proc_pid_fd(5)); none where it is gone."""
    for name in descriptors(observer, pid):
        yield name, observer.link(f"proc:{pid}/fd/{name}")


@contextmanager
def in_pieces(observer: Observer, path: str) -> Iterator[None]:
    """Let what clients send to a stream socket arrive in pieces meanwhile, each once the one before was received.

    Args:
        observer: of the guest.
        path: of the socket; clients find a relay of ours there.

    Raises:
        LabError: the relay does not begin; that is nobody's doing whose work is judged.
    """
    relay = observer.start(f"{TOOLS}/probe", "relay", path, timeout=0)
    try:
        if (
            not wait_until(lambda: b"ready" in relay.output()[0] or relay.wait(0), RELAY_SECONDS)
            or relay.finished
        ):
            said = b"".join(relay.output()).decode("utf-8", "backslashreplace")
            raise LabError(f"The relay at {path} did not begin", detail=said)
        yield
    finally:
        with suppress(GuestError):  # it has ended, and said why
            relay.signal(signal.SIGTERM)
        relay.wait(RELAY_SECONDS)
