"""How the host speaks with the observer: frames over one stream of bytes each way.

They are described in `grading/observer/frames.h`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

HEADER = struct.Struct("<IIBQ8s")
LENGTH = struct.Struct("<I")
TOKEN_SIZE = 8
FRAME_MOST = 64 << 20
"""Bytes; `FRAME_MAX` of the observer, which sends none that is longer."""


class Stream(Protocol):
    """Bytes to and from the observer; a socket is one, and so is a paramiko channel."""

    def recv(self, nbytes: int) -> bytes:
        """At most so many bytes; none at the end."""

    def sendall(self, s: bytes) -> None:
        """All of these bytes."""

    def close(self) -> None:
        """End it."""


@dataclass(frozen=True)
class Frame:
    """What the observer has to say."""

    number: int
    """Of the request that it answers."""
    kind: str
    """A letter of `enum kind`."""
    when: float
    """Seconds of the guest's CLOCK_MONOTONIC."""
    fields: list[bytes]


def request(number: int, *fields: str | int | bytes) -> bytes:
    """A frame that asks for something."""
    payload = bytearray()
    for field in fields:
        content = field if isinstance(field, bytes) else str(field).encode("utf-8", "surrogateescape")
        payload += LENGTH.pack(len(content)) + content
    return HEADER.pack(HEADER.size - 4 + len(payload), number, ord("Q"), 0, bytes(TOKEN_SIZE)) + payload


def received(stream: Stream, token: bytes) -> Iterator[Frame]:
    """The frames that come, to the stream's end.

    Args:
        stream: from the observer.
        token: which all of them carry.

    Raises:
        OSError, EOFError: the stream broke.
        ValueError: it is not the observer who speaks.
    """
    buffer = bytearray()
    while chunk := stream.recv(1 << 16):
        buffer += chunk
        at = 0
        while len(buffer) - at >= HEADER.size:
            size, number, kind, when, carried = HEADER.unpack_from(buffer, at)
            if carried != token:
                raise ValueError("another program speaks in its place")
            if not HEADER.size - LENGTH.size <= size <= FRAME_MOST:
                raise ValueError(f"a frame of {size} bytes is none of its own")
            end = at + LENGTH.size + size
            if len(buffer) < end:
                break
            yield Frame(number, chr(kind), when / 1e9, _fields(bytes(buffer[at + HEADER.size : end])))
            at = end
        del buffer[:at]


def _fields(payload: bytes) -> list[bytes]:
    found = []
    at = 0
    while at < len(payload):
        begin = at + LENGTH.size
        at = begin + int.from_bytes(payload[at:begin], "little")
        if at > len(payload):
            raise ValueError("a field of it goes beyond its frame")
        found.append(payload[begin:at])
    return found
