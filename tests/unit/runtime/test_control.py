"""The control socket against clients of every kind; what a request means is not its business."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor import control
from supervisor.control import Control, Reply
from supervisor.errors import EngineError
from supervisor.protocol import WANT_INPUT, RawRequest, encode_request, end_frame, frame
from supervisor.state import Place


class Server:
    """A control socket that echoes; `fail`, `bug`, `flood` and `wait` do what they say."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(folder, folder / "logs")
        self.said: list[str] = []
        self.go = threading.Event()
        self.control = Control(self.place, self.handle, self.said.append)

    def handle(self, request: RawRequest, reply: Reply) -> None:
        match request.arguments:
            case (b"fail",):
                raise EngineError("it cannot be", "Try another", 77)
            case (b"bug",):
                raise KeyError("ours")
            case (b"flood",):
                while True:
                    reply.out(bytes(1 << 20))
            case (b"wait",):
                self.go.wait(20)
        reply.out(b"|".join(request.arguments))
        reply.end(len(request.arguments))

    def connect(self) -> socket.socket:
        one = socket.socket(socket.AF_UNIX)
        one.settimeout(10)
        try:
            one.connect(str(self.place.socket))
        except OSError:
            one.close()
            raise
        return one

    def ask(self, *words: bytes) -> bytes:
        with self.connect() as one:
            one.sendall(encode_request(RawRequest(b"/", words)))
            return read(one)

    def close(self) -> None:
        self.go.set()
        self.control.close()
        self.control.join()


def read(one: socket.socket) -> bytes:
    data = b""
    while part := one.recv(1 << 16):
        data += part
    return data


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    one = Server(tmp_path)
    yield one
    one.close()
    assert not (tmp_path / "engine.sock").exists()


def test_answers_and_failures(server: Server) -> None:
    """Output and status; an error as a sentence with its status; a bug of ours as such, and we go on."""
    assert server.ask(b"a", b"b") == frame(1, b"a|b") + end_frame(2)
    assert server.ask(b"fail") == frame(2, b"engine: it cannot be. Try another\n") + end_frame(77)
    assert b"a bug of the engine: KeyError" in server.ask(b"bug")
    assert "Traceback" in server.said[0]
    assert server.ask(b"a") == frame(1, b"a") + end_frame(1)


def test_a_request_in_single_bytes(server: Server) -> None:
    with server.connect() as one:
        for byte in encode_request(RawRequest(b"/", (b"slow",))):
            one.send(bytes([byte]))
            time.sleep(0.001)
        assert read(one) == frame(1, b"slow") + end_frame(1)


@pytest.mark.parametrize(
    "junk", [b"GET / HTTP/1.1\r\n\r\n", b"bxw2\xff\xff\xff\xff", b"bxw2\0\0\0\0", b"bxw2\0\0\0\1x", b"\0"]
)
def test_junk_is_refused_with_a_reason(server: Server, junk: bytes) -> None:
    with server.connect() as one:
        one.sendall(junk)
        answer = read(one)
    assert answer.startswith(b"\2") and b"engine: " in answer and answer.endswith(end_frame(125))


def test_silent_vanished_and_deaf_clients(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than may be silent at once; the oldest are let go, the rest are served."""
    silent = [server.connect() for _ in range(control.MAX_SILENT + 20)]
    deaf = server.connect()
    deaf.sendall(encode_request(RawRequest(b"/", (b"flood",))))
    for _ in range(20):
        with server.connect() as gone:
            gone.sendall(encode_request(RawRequest(b"/", (b"x",))))
    start = time.monotonic()
    assert server.ask(b"a") == frame(1, b"a") + end_frame(1)
    assert time.monotonic() - start < 5
    assert b"too many silent clients" in read(silent[0])
    silent[-1].sendall(encode_request(RawRequest(b"/", (b"late",))))
    assert read(silent[-1]) == frame(1, b"late") + end_frame(1)
    for one in (*silent, deaf):
        one.close()


def test_silence_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "SILENCE", 0.2)
    server = Server(tmp_path)
    with server.connect() as one:
        one.send(b"bx")
        assert b"no complete request" in read(one)
    server.close()


def test_the_end_lets_workers_finish_and_cuts_off_the_deaf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody new comes in; who waits for an answer gets it; who does not read does not hold us up."""
    monkeypatch.setattr(control, "FAREWELL", 0.5)
    server = Server(tmp_path)
    with server.connect() as waiting, server.connect() as deaf:
        waiting.sendall(encode_request(RawRequest(b"/", (b"wait",))))
        deaf.sendall(encode_request(RawRequest(b"/", (b"flood",))))
        deadline = time.monotonic() + 5
        while len(server.control._workers) < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.control.close()
        with pytest.raises(OSError):
            server.connect()
        server.go.set()
        server.control.join()
        assert read(waiting) == frame(1, b"wait") + end_frame(1)


def test_a_stale_socket_is_taken_over_and_a_foreign_one_left(tmp_path: Path) -> None:
    """We hold the folder's lock; but a socket that is not ours is not ours to remove."""
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "engine.sock"))
    server = Server(tmp_path)
    assert server.ask(b"a") == frame(1, b"a") + end_frame(1)
    server.place.socket.unlink()
    server.place.socket.touch()
    server.close()
    assert server.place.socket.exists()


def test_a_client_hands_over_its_input() -> None:
    """A pipe, and nothing else; a signal that came before it is not lost."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        reply = Reply(ours, RawRequest(b"/", ()))
        reading, writing = os.pipe()
        theirs.send(b"\x02")
        socket.send_fds(theirs, [b"\0"], [reading])
        got = reply.take_input()
        assert reply.early == b"\x02" and theirs.recv(100) == bytes([WANT_INPUT]) + bytes(4)
        os.write(writing, b"x")
        assert os.read(got, 10) == b"x"
        with Path("/dev/null").open("rb") as other:
            socket.send_fds(theirs, [b"\0"], [other.fileno()])
            before = len(list(Path("/proc/self/fd").iterdir()))
            with pytest.raises(EngineError, match="a pipe"):
                reply.take_input()
            assert len(list(Path("/proc/self/fd").iterdir())) == before
        theirs.close()
        with pytest.raises((EngineError, OSError)):
            reply.take_input()
        for descriptor in (reading, writing, got):
            os.close(descriptor)
