"""UNIX sockets of the guest on which somebody takes requests, as its kernel tells them (proc_net(5), `unix`)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

from grading.guest.observer import GuestError, Observer

LISTENS = 0x10000
"""__SO_ACCEPTCON, among the flags of /proc/net/unix (include/uapi/linux/net.h)."""


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
    """Paths of those with a name that a process has open, and their kinds.

    Args:
        observer: of the guest.
        pid: the process.
        folder: its working folder, to which a path may be relative.
    """
    mine = set()
    for name in descriptors(observer, pid):
        target = observer.link(f"proc:{pid}/fd/{name}")
        if target.startswith("socket:["):
            mine.add(target[8:-1])
    return {
        each.path if each.path.startswith("/") else f"{folder}/{each.path}": each.kind
        for each in listening(observer)
        if each.path and each.inode in mine
    }


def descriptors(observer: Observer, pid: int) -> list[str]:
    """The names of a process's open descriptors; none where it is gone."""
    try:
        return observer.names(f"proc:{pid}/fd")
    except GuestError:
        return []
