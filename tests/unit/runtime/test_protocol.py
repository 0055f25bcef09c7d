"""The control protocol: whatever a client sends, in whatever pieces, is either a request or an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor.protocol import (
    HEAD,
    MAGIC,
    MAX_BODY,
    STDOUT,
    ProtocolError,
    RawRequest,
    Terminal,
    decode_request,
    encode_request,
    end_frame,
    frame,
)

strings = st.binary(max_size=60).map(lambda data: data.replace(b"\0", b"x"))
terminals = st.none() | st.builds(Terminal, st.integers(1, 9999), st.integers(1, 9999))
requests = st.builds(RawRequest, strings, st.lists(strings, max_size=6).map(tuple), terminals)


@given(requests, st.binary(max_size=20))
def test_a_request_arrives_unchanged_and_so_does_what_follows(request: RawRequest, rest: bytes) -> None:
    """Every byte but NUL may be in an argument."""
    assert decode_request(encode_request(request) + rest) == (request, rest)


@given(requests, st.data())
def test_a_beginning_is_never_an_error_nor_a_request(request: RawRequest, data: st.DataObject) -> None:
    """However a request is cut, the decoder waits for the rest."""
    whole = encode_request(request)
    cut = data.draw(st.integers(0, len(whole) - 1))
    assert decode_request(whole[:cut]) is None


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_waited_for(data: bytes) -> None:
    """Nothing but a request of ours ever becomes one, and nothing but ProtocolError is raised."""
    try:
        decoded = decode_request(data)
    except ProtocolError:
        return
    if decoded is None:
        assert MAGIC.startswith(data[: len(MAGIC)])
    else:
        assert encode_request(decoded[0]) + decoded[1] == data


@pytest.mark.parametrize("length", [0, MAX_BODY + 1, 0xFFFFFFFF])
def test_a_length_out_of_range_is_refused_at_once(length: int) -> None:
    """Without waiting for as many bytes to come."""
    with pytest.raises(ProtocolError):
        decode_request(MAGIC + length.to_bytes(4, "big"))


@pytest.mark.parametrize(
    "body",
    [b"abc", b"/\0", b"/\x0080\0ps\0", b"/\x0080 x\0ps\0", b"/\x00-1 24\0ps\0", b"/\x00999999999 24\0"],
)
def test_a_body_of_another_make_is_refused(body: bytes) -> None:
    """A string without end, no terminal, or one without a size."""
    with pytest.raises(ProtocolError):
        decode_request(MAGIC + len(body).to_bytes(4, "big") + body)


def test_a_terminal_that_does_not_know_its_size_is_the_usual_one() -> None:
    """As a serial line says 0 columns, 0 rows."""
    body = b"/\x000 0\0ps\0"
    assert decode_request(MAGIC + len(body).to_bytes(4, "big") + body) == (
        RawRequest(b"/", (b"ps",), Terminal(80, 24)),
        b"",
    )


@pytest.mark.parametrize("words", [(b"a\0b",), (b"x" * MAX_BODY,)])
def test_what_cannot_be_sent_is_not_sent(words: tuple[bytes, ...]) -> None:
    with pytest.raises(ValueError):
        encode_request(RawRequest(b"/", words))


def test_frames() -> None:
    """As the client reads them."""
    assert frame(STDOUT, b"hi") == b"\x01\0\0\0\x02hi"
    assert end_frame(137) == b"\0\0\0\0\x89"
    assert HEAD == 8
