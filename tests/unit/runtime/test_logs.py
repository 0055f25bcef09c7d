"""The log pipeline without a container: two pipes, the buffer, a file and its index."""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervisor import index, logs
from supervisor.errors import EngineError
from supervisor.index import STDERR, STDOUT, UNKNOWN
from supervisor.logs import ContainerLog

from tests.unit.runtime.conftest import descriptors, few_descriptors


class Pipeline:
    """A log, and the ends of the pipes that a container would hold."""

    def __init__(self, folder: Path, joined: bool = False) -> None:
        self.changes = 0
        self.complaints: list[str] = []
        self.log = ContainerLog(folder / "box.log", self._changed, self.complaints.append, joined)
        self.out, self.err = os.dup(self.log.stdout), os.dup(self.log.stderr)
        self.log.start()

    def _changed(self) -> None:
        self.changes += 1

    def write(self, data: bytes, stream: int = STDOUT) -> None:
        while data:
            data = data[os.write(self.out if stream == STDOUT else self.err, data) :]

    def wait(self, size: int) -> None:
        """Until so much is in the file."""
        deadline = time.monotonic() + 10
        while self.log.size < size:
            assert time.monotonic() < deadline
            time.sleep(0.001)

    def say(self, data: bytes, stream: int) -> None:
        """Write, and wait until it is in the file."""
        size = self.log.size
        self.write(data, stream)
        self.wait(size + len(data))

    def finish(self) -> bytes:
        os.close(self.out)
        os.close(self.err)
        assert self.log.join(10)
        self.log.publish()
        return self.log.path.read_bytes()

    def streams(self) -> tuple[bytes, bytes]:
        """What the index says came from each stream; by a walk of its own."""
        file, view = self.log.open_reader()
        whole = os.pread(file, self.log.size, 0)
        runs = list(view)
        os.close(file)
        view.close()
        ends = [*(run.start for run in runs[1:]), len(whole)][: len(runs)]
        parts: dict[int, bytes] = {STDOUT: b"", STDERR: b""}
        for run, end in zip(runs, ends, strict=True):
            parts[run.stream] += whole[run.start : end]
        return parts[STDOUT], parts[STDERR]


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    yield Pipeline(tmp_path)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.binary(max_size=3000)), max_size=20))
def test_each_stream_is_what_was_written(tmp_path: Path, chunks: list[tuple[int, bytes]]) -> None:
    """However it was cut, NUL bytes and unfinished lines too; the file holds both and nothing else."""
    pipeline = Pipeline(tmp_path)
    for stream, chunk in chunks:
        pipeline.write(chunk, stream)
    whole = pipeline.finish()
    written = tuple(b"".join(data for stream, data in chunks if stream == one) for one in (STDOUT, STDERR))
    assert len(whole) == pipeline.log.size == len(written[0]) + len(written[1]) and not pipeline.log.lost
    assert pipeline.streams() == written
    assert pipeline.changes, "somebody may be waiting for the end"


def test_one_after_the_other_stays_so(pipeline: Pipeline) -> None:
    """What was written to one stream after the other had been read comes after it in the file."""
    for turn in range(50):
        pipeline.say(b"out %d\n" % turn, STDOUT)
        pipeline.say(b"err %d\n" % turn, STDERR)
    assert pipeline.finish().split(b"\n")[:-1] == [
        b"%s %d" % (name, turn) for turn in range(50) for name in (b"out", b"err")
    ]


def test_when_both_are_ready_standard_output_goes_first(tmp_path: Path) -> None:
    log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None)
    os.write(log.stderr, b"err")
    os.write(log.stdout, b"out")
    log.start()
    assert log.join(10)
    log.publish()
    assert log.path.read_bytes() == b"outerr"


def test_a_look_that_came_between_two_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """poll() found standard output empty, and then both were written: standard output goes first all the same."""
    real = select.poll

    class Late:
        def __init__(self) -> None:
            self.poller, self.pipes, self.turns = real(), [0][:0], 0

        def register(self, pipe: int, events: int) -> None:
            self.pipes.append(pipe)
            self.poller.register(pipe, events)

        def unregister(self, pipe: int) -> None:
            self.poller.unregister(pipe)

        def poll(self) -> list[tuple[int, int]]:
            self.turns += 1
            return [(self.pipes[1], select.POLLIN)] if self.turns == 1 else self.poller.poll()

    monkeypatch.setattr("supervisor.logs.select.poll", Late)
    log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None)
    os.write(log.stdout, b"out")
    os.write(log.stderr, b"err")
    log.start()
    assert log.join(10)
    log.publish()
    assert log.path.read_bytes() == b"outerr"


def test_joined_streams_keep_the_order_of_both(tmp_path: Path) -> None:
    """One pipe; the index has times, and says of no byte which stream it is from."""
    pipeline = Pipeline(tmp_path, joined=True)
    for turn in range(200):
        pipeline.write(b"out %d\n" % turn, STDOUT)
        pipeline.write(b"err %d\n" % turn, STDERR)
    assert pipeline.finish().split(b"\n")[:-1] == [
        b"%s %d" % (name, turn) for turn in range(200) for name in (b"out", b"err")
    ]
    _, view = pipeline.log.open_reader()
    assert {run.stream for run in view} == {UNKNOWN}


@pytest.mark.parametrize("stream", [STDOUT, STDERR])
def test_more_than_the_buffer_and_the_pipe_hold(pipeline: Pipeline, stream: int) -> None:
    blob = os.urandom(3 * logs.CAPACITY + 7)
    pipeline.write(blob, stream)
    assert pipeline.finish() == blob


def test_a_stream_that_is_closed_does_not_end_the_other(pipeline: Pipeline) -> None:
    pipeline.say(b"one ", STDOUT)
    os.close(pipeline.out)
    pipeline.out = os.dup(pipeline.err)
    pipeline.say(b"two", STDERR)
    assert pipeline.finish() == b"one two"


def test_a_thief_at_the_pipe_stops_nobody(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container can read from its own pipe; what was there a moment ago is gone then, and nothing hangs."""
    read, turns = os.read, iter(range(1 << 30))

    def robbed(descriptor: int, size: int) -> bytes:
        if next(turns) % 2 == 0:
            raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")
        return read(descriptor, size)

    monkeypatch.setattr("supervisor.logs.os.read", robbed)
    pipeline.write(b"mine")
    pipeline.write(b"the other", STDERR)
    assert sorted(pipeline.finish()) == sorted(b"minethe other")


def test_a_bulk_writer_costs_the_index_next_to_nothing(pipeline: Pipeline) -> None:
    began = time.monotonic()
    pipeline.write(bytes(20_000_000))
    pipeline.finish()
    _, view = pipeline.log.open_reader()
    assert len(view) <= 2 + (time.monotonic() - began) * 1e6 / index.GRAIN


def test_a_long_index_goes_to_a_file(pipeline: Pipeline, tmp_path: Path) -> None:
    """By the page, before the log is published and after it; a view that was open goes on."""
    expected: tuple[bytes, bytes] = (b"", b"")
    pipeline.log.publish()
    _, early = pipeline.log.open_reader()
    for turn in range(400):
        for stream in (STDOUT, STDERR):
            pipeline.say(b"%d %d\n" % (stream, turn), stream)
        expected = expected[0] + b"1 %d\n" % turn, expected[1] + b"2 %d\n" % turn
    os.close(pipeline.out)
    os.close(pipeline.err)
    assert pipeline.log.join(10)
    assert (tmp_path / ".box.log.index").stat().st_size == 800 // 256 * index.PAGE
    assert pipeline.streams() == expected
    _, view = pipeline.log.open_reader()
    pipeline.log.remove()
    assert not list(tmp_path.iterdir())
    assert list(early) == list(view) and len(early) == 800


def test_a_disk_that_takes_no_index_loses_no_byte(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From there on the stream is unknown, and that is said."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("supervisor.index.os.pwrite", full)
    whole = b""
    for turn in range(400):
        pipeline.say(b"%d\n" % turn, turn % 2 + 1)
        whole += b"%d\n" % turn
    assert pipeline.finish() == whole
    assert len(pipeline.complaints) == 1 and "index" in pipeline.complaints[0]
    _, view = pipeline.log.open_reader()
    assert [run.stream for run in view] == [turn % 2 + 1 for turn in range(256)] + [UNKNOWN]


def test_a_clock_that_is_set_back_does_not_reorder(tmp_path: Path) -> None:
    one = index.Index(tmp_path / "index", lambda text: None)
    for place, moment in enumerate((5_000_000, 9_000_000, 1_000_000, 9_500_000)):
        one.add(STDOUT + place % 2, place, moment)
    view = one.view()
    assert [run.time for run in view] == [5_000_000, 9_000_000, 9_000_000, 9_500_000]
    assert (view.since(0), view.since(9_000_000), view.since(9_000_001), view.since(9_600_000)) == (
        0,
        1,
        3,
        -1,
    )


def test_a_silent_container_has_no_consumer_and_an_empty_log(pipeline: Pipeline) -> None:
    assert pipeline.finish() == b""
    assert len(pipeline.log._threads) == 1


@pytest.mark.parametrize("refusals", [1, 3])
def test_no_thread_is_left_for_the_consumer(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, refusals: int
) -> None:
    """The producer asks again, and nothing is lost. A mock: a system without threads cannot be had in a test."""
    begin, left = threading.Thread.start, refusals

    def refuse(thread: threading.Thread) -> None:
        nonlocal left
        if thread.name.startswith("consume") and left:
            left -= 1
            raise RuntimeError("can't start new thread")
        begin(thread)

    monkeypatch.setattr("supervisor.logs.threading.Thread.start", refuse)
    pipeline.write(b"first word")
    assert pipeline.finish() == b"first word"
    assert left == 0 and len(pipeline.log._threads) == 2


def test_no_thread_is_left_for_the_producer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container cannot start, and nothing is left of its log. A mock, as above."""

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr("supervisor.logs.threading.Thread.start", refuse)
    log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None)
    with pytest.raises(EngineError, match="no thread left"):
        log.start()
    assert log.join(0) and not list(tmp_path.iterdir())


def test_the_old_log_stays_until_the_new_one_is_published(tmp_path: Path) -> None:
    """And nothing of the new one is left if it never is."""
    first = Pipeline(tmp_path)
    first.write(b"old")
    first.finish()
    second = Pipeline(tmp_path)
    second.write(b"new")
    assert (tmp_path / "box.log").read_bytes() == b"old"
    os.close(second.out)
    os.close(second.err)
    assert second.log.join(10)
    second.log.drop()
    assert [path.name for path in tmp_path.iterdir()] == ["box.log"]
    assert (tmp_path / "box.log").read_bytes() == b"old"


def test_a_reader_never_gets_another_containers_log(tmp_path: Path) -> None:
    """Nor does removing the first take away the second's."""
    first = Pipeline(tmp_path)
    first.write(b"old")
    first.finish()
    os.close(first.log.open_reader()[0])
    second = Pipeline(tmp_path)
    second.write(b"new")
    second.finish()
    with pytest.raises(EngineError, match="another log"):
        first.log.open_reader()
    first.log.remove()
    assert (tmp_path / "box.log").read_bytes() == b"new"
    second.log.remove()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("room", [0, 10, 70_000])
def test_a_full_disk(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """The file is an exact beginning, the rest is read and counted, one complaint is made."""
    left = room
    write = os.write

    def full(descriptor: int, data: bytes | memoryview) -> int:
        nonlocal left
        if not left:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = write(descriptor, data[:left])
        left -= written
        return written

    blob = os.urandom(800_000)
    with monkeypatch.context() as patch:
        patch.setattr("supervisor.logs.os.write", full)
        data = memoryview(blob)
        while data:  # the pipe is written past the patch: it is the disk that is full
            data = data[write(pipeline.out, data) :]
        kept = pipeline.finish()
    assert kept == blob[:room]
    assert (pipeline.log.size, pipeline.log.lost) == (room, len(blob) - room)
    assert len(pipeline.complaints) == 1 and "No space left" in pipeline.complaints[0]


@pytest.mark.parametrize("joined", [False, True])
def test_discarded_before_it_began(tmp_path: Path, joined: bool) -> None:
    """Descriptors and draft are gone."""
    before = set(Path("/proc/self/fd").iterdir())
    log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None, joined)
    log.discard()
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert not list(tmp_path.iterdir()) and log.join(0)


@pytest.mark.parametrize(("joined", "needed"), [(False, 5), (True, 3)])
def test_with_too_few_descriptors(tmp_path: Path, joined: bool, needed: int) -> None:
    """A file, and the pipes: wherever they end, all are given back, and no draft stays."""
    before = descriptors()
    for room in range(needed):
        with few_descriptors(room), pytest.raises(OSError, match="Too many open files"):
            ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None, joined)
        assert descriptors() == before
        assert not list(tmp_path.iterdir())
