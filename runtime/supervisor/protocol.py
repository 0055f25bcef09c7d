"""What goes over the control socket, both ways. The client, `engine`, holds the other half.

A request is a head, `bxw2` and four bytes of length (big-endian), and a body of strings,
each ended by a NUL byte: the client's working directory, its terminal, then its arguments.
The terminal is `columns rows` in decimal where standard output is one and may be drawn on,
else empty. An argument of a program can hold any byte but NUL, so they arrive unchanged.

While `run` or `exec` waits, the client may send single bytes, each the number of a signal
that it got: SIGINT and SIGTERM.

An answer is a sequence of frames, each with one byte of kind and four bytes of number
(big-endian). Kinds 1 and 2: that many bytes follow for standard output or standard
error. Kind 3: the client shall hand over its standard input, and answers with a NUL byte
that brings the reading end of a pipe (SCM_RIGHTS, unix(7)). Kind 0: the end; the number is
the client's exit status.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import NamedTuple

MAGIC = b"bxw2"
HEAD = len(MAGIC) + 4
MAX_BODY = 2 << 20
"""Longest request, in bytes. The kernel's own limit for the arguments of a program is 2 MiB
(a quarter of the usual 8 MiB of stack, execve(2)), so anything longer could not run anyway."""

STOP = frozenset({signal.SIGINT, signal.SIGTERM})

END, STDOUT, STDERR, WANT_INPUT = 0, 1, 2, 3


class ProtocolError(Exception):
    """The peer does not speak this protocol; the connection is of no further use."""


class Terminal(NamedTuple):
    """The size of a terminal, in characters."""

    columns: int
    rows: int


@dataclass(frozen=True)
class RawRequest:
    """A request as it arrived: where the client stands, what it writes to, and its arguments."""

    directory: bytes
    arguments: tuple[bytes, ...]
    terminal: Terminal | None = None


def encode_request(request: RawRequest) -> bytes:
    """The bytes a client sends.

    Raises:
        ValueError: a string holds a NUL byte, or all are longer than `MAX_BODY`.
    """
    terminal = b"%d %d" % request.terminal if request.terminal else b""
    strings = (request.directory, terminal, *request.arguments)
    if any(b"\0" in string for string in strings):
        raise ValueError("an argument cannot hold a NUL byte")
    body = b"".join(string + b"\0" for string in strings)
    if len(body) > MAX_BODY:
        raise ValueError("the arguments are too long")
    return MAGIC + len(body).to_bytes(4, "big") + body


def decode_request(data: bytes | bytearray) -> tuple[RawRequest, bytes] | None:
    """The request at the beginning of `data` and what follows it, or None while it is incomplete.

    Raises:
        ProtocolError: what is there cannot become a request, however much more comes.
    """
    # region 04.framing
    if not MAGIC.startswith(bytes(data[: len(MAGIC)])):
        raise ProtocolError("not a request of this engine (a client of another version?)")
    if len(data) < HEAD:
        return None
    length = int.from_bytes(data[len(MAGIC) : HEAD], "big")
    if not 0 < length <= MAX_BODY:
        raise ProtocolError(f"a request of {length} bytes; from 1 to {MAX_BODY} are allowed")
    if len(data) < HEAD + length:
        return None
    body = bytes(data[HEAD : HEAD + length])
    if not body.endswith(b"\0"):
        raise ProtocolError("the last string of the request has no end")
    # endregion 04.framing
    strings = body[:-1].split(b"\0")
    if len(strings) < 2:
        raise ProtocolError("the request does not say what its terminal is")
    directory, terminal, *arguments = strings
    return RawRequest(directory, tuple(arguments), _terminal(terminal)), bytes(data[HEAD + length :])


def _terminal(text: bytes) -> Terminal | None:
    if not text:
        return None
    columns, _, rows = text.partition(b" ")
    if not (columns.isdigit() and rows.isdigit() and len(text) < 12):
        raise ProtocolError("the request's terminal has no size")
    # A terminal that does not know its size, such as a serial line, says 0.
    return Terminal(int(columns) or 80, int(rows) or 24)


def frame(kind: int, payload: bytes) -> bytes:
    """A frame of output."""
    return kind.to_bytes(1, "big") + len(payload).to_bytes(4, "big") + payload


def end_frame(status: int) -> bytes:
    """The last frame: the client ends with this status."""
    return END.to_bytes(1, "big") + status.to_bytes(4, "big")
