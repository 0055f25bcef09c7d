"""Frames between host and observer: whole, in pieces, and from somebody who is not the observer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.guest.frames import FRAME_MOST, HEADER, LENGTH, Frame, received, request

TOKEN = b"8 bytes."


class Said:
    """A stream on which all was said already."""

    def __init__(self, said: bytes, piece: int) -> None:
        self.left, self.piece = said, piece

    def recv(self, nbytes: int) -> bytes:
        size = min(nbytes, self.piece)
        got, self.left = self.left[:size], self.left[size:]
        return got

    def sendall(self, s: bytes) -> None:
        raise AssertionError(s)

    def close(self) -> None:
        self.left = b""


def frame(number: int, kind: str, *fields: bytes, token: bytes = TOKEN, more: int = 0) -> bytes:
    """As the observer says it; a length of `more` than it has, where it lies."""
    payload = b"".join(LENGTH.pack(len(each)) + each for each in fields)
    size = HEADER.size - LENGTH.size + len(payload) + more
    return HEADER.pack(size, number, ord(kind), 1_500_000_000, token) + payload


@given(st.lists(st.lists(st.binary(max_size=40), max_size=4), max_size=5), st.integers(1, 80))
def test_however_it_arrives_it_is_what_was_said(said: list[list[bytes]], piece: int) -> None:
    stream = Said(b"".join(frame(at, "O", *fields) for at, fields in enumerate(said)), piece)
    assert list(received(stream, TOKEN)) == [Frame(at, "O", 1.5, fields) for at, fields in enumerate(said)]


def test_a_request_is_a_frame_without_time_and_token() -> None:
    [found] = received(Said(request(7, "read", b"/\xff", "/\udcff", 12), 1 << 16), bytes(8))
    assert found == Frame(7, "Q", 0.0, [b"read", b"/\xff", b"/\xff", b"12"])


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (frame(1, "R", token=b"another!"), "another program speaks"),
        (frame(1, "R", b"x", more=FRAME_MOST), "none of its own"),
        (frame(1, "R", more=-1), "none of its own"),
        (frame(1, "R", b"x", more=2), "beyond its frame"),
        (frame(1, "R", b"x", more=5), "beyond its frame"),
    ],
    ids=["token", "longer than any", "shorter than its head", "half a length", "half a field"],
)
def test_who_is_not_the_observer_is_not_believed(said: bytes, why: str) -> None:
    stream = Said(frame(0, "R") + said + b"\xff" * 100, 1 << 16)
    found = received(stream, TOKEN)
    assert next(found).number == 0
    with pytest.raises(ValueError, match=why):
        next(found)
