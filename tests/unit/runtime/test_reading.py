"""Reading a log back: by stream, by time, from the end, while it grows; no container."""

from __future__ import annotations

import os
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervisor import control, reading
from supervisor.bell import Bell
from supervisor.commands import parse as parse_line
from supervisor.commands.logs import LogsRequest
from supervisor.errors import UsageError
from supervisor.index import STDERR, STDOUT
from supervisor.logs import Chunk, ContainerLog
from supervisor.moments import parse_moment, stamp
from supervisor.reading import Reader, Selection, follow

SECOND = 1_000_000
Piece = tuple[int, int, bytes]  # seconds, stream, data


class Reply:
    """Collects what is sent, by stream."""

    def __init__(self) -> None:
        self.connection: Any = self
        self.streams = {STDOUT: b"", STDERR: b""}
        self.frames = 0

    def sendall(self, data: bytes) -> None:
        while data:
            length = int.from_bytes(data[1:5], "big")
            self.streams[data[0]] += data[5 : 5 + length]
            self.frames += 1
            data = data[5 + length :]

    def send(self, frames: bytes, hear: Any) -> None:
        if self.connection is self:
            self.sendall(frames)
        else:
            control.Reply.send(self, frames, hear)  # type: ignore[arg-type] # it needs the connection alone

    @property
    def both(self) -> tuple[bytes, bytes]:
        return self.streams[STDOUT], self.streams[STDERR]


def written(folder: Path, pieces: list[Piece]) -> ContainerLog:
    """A log into which these pieces were written, at these times."""
    log = ContainerLog(folder / "box.log", lambda: None, lambda text: None)
    for when, stream, data in pieces:
        if data:
            log._append(Chunk(stream, when * SECOND, data))
    for descriptor in (*log.inputs, *log._pipes):
        os.close(descriptor)
    log._finish()
    log.publish()
    return log


def read(log: ContainerLog, **selection: Any) -> tuple[bytes, bytes]:
    reply, reader = Reply(), Reader(log, Selection(**{"apart": True, **selection}))
    reader.send(reply)  # type: ignore[arg-type]
    reader.close()
    return reply.both


def expected(pieces: list[Piece], stream: int, since: int, until: int, tail: int) -> tuple[bytes, bytes]:
    """The same by the simplest means: what was chosen, cut behind its last lines, told apart."""
    chosen = [
        (one, data)
        for when, one, data in pieces
        if stream in (0, one) and when * SECOND >= since and (not until or when * SECOND < until)
    ]
    whole = b"".join(data for _, data in chosen)
    lines = whole.splitlines(keepends=True) if b"\r" not in whole else None
    assert lines is not None
    keep = len(whole) if tail < 0 else sum(map(len, lines[-tail:] if tail else []))
    out = {STDOUT: b"", STDERR: b""}
    place = 0
    for one, data in chosen:
        out[one] += data[max(0, len(whole) - keep - place) :]
        place += len(data)
    return out[STDOUT], out[STDERR]


PIECES = st.lists(
    st.tuples(
        st.integers(0, 3), st.sampled_from([STDOUT, STDERR]), st.text("ab\n", max_size=12).map(str.encode)
    ),
    max_size=30,
).map(
    lambda steps: [(sum(s[0] for s in steps[: n + 1]), one, data) for n, (_, one, data) in enumerate(steps)]
)


@settings(max_examples=150)
@given(
    PIECES,
    st.sampled_from([0, STDOUT, STDERR]),
    st.integers(0, 40),
    st.integers(0, 60),
    st.integers(-1, 12),
    st.sampled_from([3, 7, 1 << 17]),
    st.sampled_from([2, 256]),
)
def test_any_part_of_any_log(
    tmp_path: Path,
    pieces: list[Piece],
    stream: int,
    since: int,
    until: int,
    tail: int,
    piece: int,
    runs: int,
) -> None:
    """By stream, time and lines, against the simplest implementation; in blocks of any size."""
    log = written(tmp_path, pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "PIECE", piece)
        patch.setattr(reading, "RUNS", runs)
        bounds = since * SECOND, until * SECOND
        assert read(log, stream=stream, since=bounds[0], until=bounds[1], tail=tail) == expected(
            pieces, stream, *bounds, tail
        )
    log.remove()


def test_the_last_lines_of_a_large_log_read_little(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = written(tmp_path, [(1, STDOUT, b"%d\n" % number) for number in range(200_000)])
    count, pread = 0, os.pread

    def counting(file: int, size: int, place: int) -> bytes:
        nonlocal count
        data = pread(file, size, place)
        count += len(data)
        return data

    monkeypatch.setattr("supervisor.reading.os.pread", counting)
    assert read(log, tail=3)[0] == b"199997\n199998\n199999\n"
    assert count <= 2 * reading.PIECE < log.size


def test_timestamps_stand_before_lines_and_nowhere_else(tmp_path: Path) -> None:
    pieces: list[Piece] = [
        (1, STDOUT, b"a\n\nb"),
        (2, STDERR, b"x"),
        (3, STDOUT, b"c\nd"),
        (4, STDERR, b"\n"),
    ]
    one, two, three = (stamp(second * SECOND) for second in (1, 2, 3))
    assert one == b"1970-01-01T00:00:01.000000Z"
    out, err = read(written(tmp_path, pieces), timestamps=True)
    assert out == one + b" a\n" + one + b" \n" + one + b" bc\n" + three + b" d"
    assert err == two + b" x\n"


def test_little_frames_are_sent_together(tmp_path: Path) -> None:
    """One call for many runs: else a program that alternates would make us slow."""
    pieces = [(1, number % 2 + 1, b"%d\n" % number) for number in range(1000)]
    log, reply = written(tmp_path, pieces), Reply()
    calls = 0

    def count(data: bytes) -> None:
        nonlocal calls
        calls += 1
        Reply.sendall(reply, data)

    reply.sendall = count  # type: ignore[method-assign]
    Reader(log, Selection(apart=True)).send(reply)  # type: ignore[arg-type]
    assert calls == 1 and reply.both == expected(pieces, 0, 0, 0, -1)


def test_since_a_moment_that_is_still_to_come(tmp_path: Path) -> None:
    """What is written before it is not shown, what is written after it is; and the other way round."""
    log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None)
    log.publish()
    since, until = Reply(), Reply()
    readers = Reader(log, Selection(since=5 * SECOND)), Reader(log, Selection(until=5 * SECOND))
    for second in range(3, 8):
        log._append(Chunk(STDOUT, second * SECOND, b"%d" % second))
        for reader, reply in zip(readers, (since, until), strict=True):
            reader.send(reply)  # type: ignore[arg-type]
    assert (since.both[0], until.both[0]) == (b"567", b"34")
    for reader in readers:
        reader.close()
    log.discard()


class Container:
    """As much of one as a follower needs."""

    def __init__(self, folder: Path) -> None:
        self.bell = Bell()
        self.exited = threading.Event()
        self.log = ContainerLog(folder / "box.log", self.bell.ring, lambda text: None)
        self.watch, self.unwatch = self.bell.listen, self.bell.leave
        self.pipes = {STDOUT: os.dup(self.log.stdout), STDERR: os.dup(self.log.stderr)}
        self.log.start()
        self.log.publish()

    def end(self) -> None:
        for pipe in self.pipes.values():
            os.close(pipe)
        self.exited.set()
        self.bell.ring()


def follower(
    container: Container, **selection: Any
) -> tuple[threading.Thread, Any, socket.socket, list[bool]]:
    ours, theirs = socket.socketpair()
    reply, answer = Reply(), []
    reply.connection = ours
    reader = Reader(container.log, Selection(apart=True, **selection))

    def work() -> None:
        try:
            answer.append(follow(container, reader, reply))  # type: ignore[arg-type]
        except OSError:
            answer.append(False)
        reader.close()
        ours.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread, reply, theirs, answer


def collect(connection: socket.socket, size: int) -> dict[int, bytes]:
    """What a client gets, until it is so much, or the end."""
    connection.settimeout(10)
    data, streams = b"", {STDOUT: b"", STDERR: b""}
    while sum(map(len, streams.values())) < size:
        more = connection.recv(65536)
        if not more:
            break
        data += more
        while len(data) >= 5 and len(data) >= 5 + int.from_bytes(data[1:5], "big"):
            length = int.from_bytes(data[1:5], "big")
            streams[data[0]] += data[5 : 5 + length]
            data = data[5 + length :]
    return streams


def test_following_from_before_the_first_byte_to_the_end(tmp_path: Path) -> None:
    container = Container(tmp_path)
    thread, _, theirs, answer = follower(container)
    os.write(container.pipes[STDOUT], b"out")
    assert collect(theirs, 3)[STDOUT] == b"out"
    os.write(container.pipes[STDERR], b"err")
    assert collect(theirs, 3)[STDERR] == b"err"
    os.write(container.pipes[STDOUT], b"last")
    container.end()
    assert collect(theirs, 100)[STDOUT] == b"last"
    thread.join(10)
    theirs.close()
    assert answer == [True]


def test_a_follower_that_leaves_and_one_that_does_not_read_disturb_nobody(tmp_path: Path) -> None:
    """The log grows to its end meanwhile; the slow one gets all of it, though the log was removed."""
    container = Container(tmp_path)
    gone, _, theirs, answer = follower(container)
    theirs.close()
    gone.join(10)
    assert answer == [False]
    slow, _, theirs, answer = follower(container)
    blob = os.urandom(3_000_000)
    view = memoryview(blob)
    while view:
        view = view[os.write(container.pipes[STDOUT], view) :]
    container.end()
    assert container.log.join(10)
    container.log.remove()
    assert slow.is_alive()
    assert collect(theirs, len(blob))[STDOUT] == blob
    slow.join(10)
    theirs.close()
    assert answer == [True]


def logs(*words: str) -> LogsRequest:
    _, request = parse_line([word.encode() for word in ("logs", *words)])
    assert isinstance(request, LogsRequest)
    return request


def test_all_on_standard_output_as_it_arrived_unless_apart(tmp_path: Path) -> None:
    log = written(tmp_path, [(1, STDOUT, b"one\n"), (2, STDERR, b"two\n"), (3, STDOUT, b"three\n")])
    assert read(log, apart=False) == (b"one\ntwo\nthree\n", b"")
    assert read(log) == (b"one\nthree\n", b"two\n")
    assert read(log, apart=False, stream=STDERR) == (b"two\n", b"")


def test_the_line_of_logs() -> None:
    assert logs("a") == LogsRequest("a", Selection(), False)
    assert logs("-ft", "-n5", "--stream", "stderr", "a") == LogsRequest(
        "a", Selection(stream=STDERR, tail=5, timestamps=True), True
    )
    assert logs("--tail=all", "--since", "2", "--until", "3.5", "a").selection == Selection(
        since=2 * SECOND, until=3_500_000
    )
    assert logs("--stream", "apart", "a").selection == Selection(apart=True)
    for words in (["-n", "-1"], ["-n", "x"], ["--stream", "out"], ["--since", "noon"], ["a", "b"], []):
        with pytest.raises(UsageError):
            logs(*words, *(["a"] if words[:1] != ["a"] and words else []))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1h30m", 1_000_000_000 - 5400),
        ("10m", 1_000_000_000 - 600),
        ("1.5s", 1_000_000_000 - 1.5),
        ("250ms", 1_000_000_000 - 0.25),
        ("0", 0),
        ("1136073600.25", 1_136_073_600.25),
        ("2001-09-09T01:46:40Z", 1_000_000_000),
        ("2001-09-09T03:46:40.5+02:00", 1_000_000_000.5),
        ("2001-09-09T01:46:40.123456789Z", 1_000_000_000.123456),
    ],
)
def test_moments(text: str, moment: float) -> None:
    assert parse_moment("--since", text, 1_000_000_000) == pytest.approx(moment * 1e6, abs=1)


@pytest.mark.parametrize("text", ["", "10", "2026-01-31", "2026-01-31T12:00:00"])
def test_moments_without_a_zone_and_bare_numbers(text: str) -> None:
    if not text:
        with pytest.raises(UsageError, match="is a moment"):
            parse_moment("--since", text, 0)
    else:
        assert parse_moment("--since", text, time.time()) >= 0


@given(st.text(max_size=30))
def test_any_text_is_a_moment_or_a_sentence(text: str) -> None:
    try:
        assert parse_moment("--since", text, 1e9) >= 0
    except UsageError as error:
        assert str(error).isprintable()
