"""The client against a supervisor that a test plays; no root, no container."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from supervisor.protocol import (
    STDERR,
    STDOUT,
    WANT_INPUT,
    RawRequest,
    Terminal,
    decode_request,
    end_frame,
    frame,
)

ENGINE = Path(__file__).parents[3] / "runtime" / "engine"


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "engine.sock"))
        one.listen(1)
        one.settimeout(20)
        yield one


def client(folder: Path, *arguments: bytes | str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-SEI", str(ENGINE), *arguments],
        cwd=folder,
        env={"ENGINE_STATE": str(folder)},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def accept(listener: socket.socket) -> tuple[socket.socket, RawRequest]:
    connection, _ = listener.accept()
    connection.settimeout(20)
    data = b""
    while (decoded := decode_request(data)) is None:
        part = connection.recv(4096)
        assert part
        data += part
    return connection, decoded[0]


def test_request_output_and_status(listener: socket.socket, tmp_path: Path) -> None:
    """Arguments as bytes, the folder it stands in; both streams and the status back, in small pieces."""
    one = client(tmp_path, "run", b"a b\xff\n", "", "--x")
    connection, request = accept(listener)
    assert request == RawRequest(os.fsencode(tmp_path), (b"run", b"a b\xff\n", b"", b"--x"))
    for byte in frame(STDOUT, b"out\0\xff") + frame(STDERR, b"err") + frame(STDOUT, b"") + end_frame(42):
        connection.send(bytes([byte]))
    assert (*one.communicate(timeout=20), one.returncode) == (b"out\0\xff", b"err", 42)
    connection.close()


def test_a_megabyte_in_one_frame(listener: socket.socket, tmp_path: Path) -> None:
    one = client(tmp_path, "logs", "a")
    connection, _ = accept(listener)
    blob = os.urandom(1 << 20)
    answer = frame(STDOUT, blob) + frame(STDOUT, b"end") + end_frame(0)
    threading.Thread(target=connection.sendall, args=(answer,), daemon=True).start()
    assert (one.communicate(timeout=20)[0], one.returncode) == (blob + b"end", 0)
    connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_run_is_passed_on_and_it_goes_on_waiting(
    listener: socket.socket, tmp_path: Path, number: signal.Signals
) -> None:
    one = client(tmp_path, "run", "a", "/r", "x")
    connection, _ = accept(listener)
    one.send_signal(number)
    assert connection.recv(10) == bytes([number])
    assert one.poll() is None
    connection.sendall(end_frame(143))
    assert (one.communicate(timeout=20)[1], one.returncode) == (b"", 143)
    connection.close()


def test_no_signal_is_missed_whenever_it_comes(listener: socket.socket, tmp_path: Path) -> None:
    """Also in the moment between the last look at signals and the wait for the next frame."""
    one = client(tmp_path, "run", "a", "/r", "x")
    assert one.stdout
    connection, _ = accept(listener)
    for turn in range(2000):
        connection.sendall(frame(STDOUT, b"x"))
        assert one.stdout.read(1) == b"x"
        moment = time.perf_counter() + turn % 100 * 1e-6
        while time.perf_counter() < moment:
            pass
        one.send_signal(signal.SIGTERM)
        assert connection.recv(1) == bytes([signal.SIGTERM])
    connection.sendall(end_frame(0))
    assert one.communicate(timeout=20) == (b"", b"") and one.returncode == 0
    connection.close()


@pytest.mark.parametrize("part", [b"", b"\1\0", frame(STDOUT, b"abc")[:6]])
def test_a_supervisor_that_goes_away(listener: socket.socket, tmp_path: Path, part: bytes) -> None:
    one = client(tmp_path, "ps")
    connection, _ = accept(listener)
    connection.sendall(part)
    connection.close()
    error = one.communicate(timeout=20)[1]
    assert one.returncode == 125 and b"went away" in error and b"Traceback" not in error


def test_without_a_supervisor(tmp_path: Path) -> None:
    """It says so, and how to start one; a wrong command line is told as such all the same."""
    for words, status, said in (
        (["ps"], 125, b"no supervisor answers"),
        (["frob"], 125, b"not a command"),
        (["start", "../x", "/r", "y"], 125, b"not a container id"),
        ([], 125, b"Usage:"),
    ):
        one = client(tmp_path, *words)
        out, error = one.communicate(timeout=20)
        assert (out, one.returncode) == (b"", status) and said in error and b"Traceback" not in error
    one = client(tmp_path, "--help")
    assert b"Usage:" in one.communicate(timeout=20)[0] and one.returncode == 0


@pytest.mark.parametrize(
    ("environment", "terminal"),
    [
        ({"TERM": "xterm"}, Terminal(97, 31)),
        ({"TERM": "dumb"}, None),
        ({}, None),
        ({"TERM": "xterm", "NO_COLOR": "1"}, None),
        ({"TERM": "xterm", "NO_COLOR": ""}, Terminal(97, 31)),
    ],
)
def test_it_says_what_it_writes_to(
    listener: socket.socket, tmp_path: Path, environment: dict[str, str], terminal: Terminal | None
) -> None:
    """The size of the terminal, unless that is not to be drawn on (no-color.org)."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 31, 97, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-SEI", str(ENGINE), "ps"],
        env={"ENGINE_STATE": str(tmp_path), **environment},
        stdout=theirs,
    ) as one:
        connection, request = accept(listener)
        assert (request.arguments, request.terminal) == ((b"ps",), terminal)
        connection.sendall(frame(STDOUT, b"shown") + end_frame(3))
        assert one.wait(20) == 3 and os.read(ours, 100) == b"shown"
    connection.close()
    os.close(ours)
    os.close(theirs)


def receive_input(connection: socket.socket) -> int:
    data, descriptors, _, _ = socket.recv_fds(connection, 16, 1)
    assert data == b"\0"
    return descriptors[0]


def test_standard_input_is_handed_over_as_a_pipe(listener: socket.socket, tmp_path: Path) -> None:
    """Filled from the real one, to its end; and output comes meanwhile."""
    one = client(tmp_path, "exec", "-i", "a", "cat", stdin=subprocess.PIPE)
    assert one.stdin and one.stdout
    connection, _ = accept(listener)
    connection.sendall(bytes([WANT_INPUT]) + bytes(4))
    pipe = receive_input(connection)
    assert stat.S_ISFIFO(os.fstat(pipe).st_mode)
    one.stdin.write(b"first")
    one.stdin.flush()
    assert os.read(pipe, 100) == b"first"
    connection.sendall(frame(STDOUT, b"heard"))
    assert one.stdout.read(5) == b"heard"
    one.stdin.write(bytes(1 << 16))  # as much as a pipe holds, so that this does not wait for ourselves
    one.stdin.close()
    rest = b"".join(iter(lambda: os.read(pipe, 1 << 16), b""))
    assert len(rest) == 1 << 16
    connection.sendall(end_frame(7))
    assert one.wait(20) == 7
    connection.close()
    os.close(pipe)
    one.stdout.close()
    if one.stderr:
        one.stderr.close()


def test_input_that_nobody_reads_holds_nothing_up(listener: socket.socket, tmp_path: Path) -> None:
    """The program is gone, the pipe closed, the input endless: the status comes all the same."""
    with Path("/dev/zero").open("rb") as endless:
        one = subprocess.Popen(
            [sys.executable, "-SEI", str(ENGINE), "exec", "-i", "a", "true"],
            env={"ENGINE_STATE": str(tmp_path)},
            stdin=endless,
            stderr=subprocess.PIPE,
        )
    assert one.stderr
    connection, _ = accept(listener)
    connection.sendall(bytes([WANT_INPUT]) + bytes(4))
    os.close(receive_input(connection))
    connection.sendall(end_frame(5))
    assert one.wait(20) == 5 and one.stderr.read() == b""
    one.stderr.close()
    connection.close()


def test_output_that_nobody_wants(listener: socket.socket, tmp_path: Path) -> None:
    """As with `engine logs a | head`: quiet, and 141 as a shell says of SIGPIPE."""
    one = client(tmp_path, "logs", "a")
    assert one.stdout and one.stderr
    connection, _ = accept(listener)
    one.stdout.close()
    connection.sendall(frame(STDOUT, b"x" * 10))
    assert one.wait(20) == 141 and one.stderr.read() == b""
    one.stderr.close()
    connection.close()


@pytest.mark.parametrize("words", [["help"], ["supervisor", "--help"], ["ps", "--help"]], ids=" ".join)
@pytest.mark.parametrize(
    ("redirected", "says"),
    [(">&-", "standard output or standard error is closed"), (">/dev/full", "No space left on device")],
)
def test_output_that_has_no_place_is_told(
    tmp_path: Path, words: list[str], redirected: str, says: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirected}', "sh", sys.executable, "-SEI", str(ENGINE), *words],
        env={"ENGINE_STATE": str(tmp_path)}, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, len(done.stderr.splitlines())) == (125, 1), done.stderr
    assert done.stderr.startswith("engine: ") and says in done.stderr


def test_an_answer_that_has_no_place_is_told(listener: socket.socket, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        one = subprocess.Popen(
            [sys.executable, "-SEI", str(ENGINE), "ps"],
            env={"ENGINE_STATE": str(tmp_path)}, stdout=full, stderr=subprocess.PIPE,
        )  # fmt: skip
    connection, _ = accept(listener)
    connection.send(frame(STDOUT, b"ID\n") + end_frame(0))
    said = one.communicate(timeout=20)[1]
    assert said == b"engine: the answer cannot be written: No space left on device.\n"
    assert one.returncode == 125
    connection.close()


def test_imports_are_few() -> None:
    """The client's speed is what it does not import."""
    program = (
        f"import sys; before = set(sys.modules); sys.argv = ['engine', 'ps']\n"
        f"import posix; posix.environ[b'ENGINE_STATE'] = b'/nonexistent'\n"
        f"source = open({str(ENGINE)!r}).read().replace('return local(arguments)', 'return 9')"
        f".replace('_exit(status)', '')\nexec(source)\nprint(status, *sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-SEI", "-c", program], capture_output=True, timeout=20, check=True
    )
    assert done.stdout.decode().split() == ["9", "_socket"]
