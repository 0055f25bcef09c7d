"""The log pipeline without a container: a pipe, the buffer, a file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from supervisor import logs
from supervisor.errors import EngineError
from supervisor.logs import ContainerLog


class Pipeline:
    """A log, and the end of the pipe that a container would hold."""

    def __init__(self, folder: Path) -> None:
        self.changes = 0
        self.complaints: list[str] = []
        self.log = ContainerLog(folder / "box.log", self._changed, self.complaints.append)
        self.writer = os.dup(self.log.input)
        self.log.start()

    def _changed(self) -> None:
        self.changes += 1

    def write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self.writer, data) :]

    def finish(self) -> bytes:
        os.close(self.writer)
        assert self.log.join(10)
        self.log.publish()
        return self.log.path.read_bytes()


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[Pipeline]:
    yield Pipeline(tmp_path)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=3000), max_size=20))
def test_the_file_is_what_was_written(tmp_path: Path, chunks: list[bytes]) -> None:
    """However it was cut, NUL bytes and unfinished lines too."""
    pipeline = Pipeline(tmp_path)
    for chunk in chunks:
        pipeline.write(chunk)
    assert pipeline.finish() == b"".join(chunks)
    assert pipeline.log.size == sum(map(len, chunks)) and not pipeline.log.lost
    assert pipeline.changes, "somebody may be waiting for the end"


def test_more_than_the_buffer_and_the_pipe_hold(pipeline: Pipeline) -> None:
    blob = os.urandom(3 * logs.CAPACITY + 7)
    pipeline.write(blob)
    assert pipeline.finish() == blob


def test_a_silent_container_has_no_consumer_and_an_empty_log(pipeline: Pipeline) -> None:
    assert pipeline.finish() == b""


def test_the_old_log_stays_until_the_new_one_is_published(tmp_path: Path) -> None:
    """And nothing of the new one is left if it never is."""
    first = Pipeline(tmp_path)
    first.write(b"old")
    first.finish()
    second = Pipeline(tmp_path)
    second.write(b"new")
    assert (tmp_path / "box.log").read_bytes() == b"old"
    os.close(second.writer)
    assert second.log.join(10)
    second.log.drop()
    assert [path.name for path in tmp_path.iterdir()] == ["box.log"]
    assert (tmp_path / "box.log").read_bytes() == b"old"


def test_a_reader_never_gets_another_containers_log(tmp_path: Path) -> None:
    first = Pipeline(tmp_path)
    first.write(b"old")
    first.finish()
    os.close(first.log.open_reader())
    Pipeline(tmp_path).finish()
    with pytest.raises(EngineError, match="another log"):
        first.log.open_reader()


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

    blob = os.urandom(200_000)
    with monkeypatch.context() as patch:
        patch.setattr("supervisor.logs.os.write", full)
        data = memoryview(blob)
        while data:  # the pipe is written past the patch: it is the disk that is full
            data = data[write(pipeline.writer, data) :]
        kept = pipeline.finish()
    assert kept == blob[:room]
    assert (pipeline.log.size, pipeline.log.lost) == (room, len(blob) - room)
    assert len(pipeline.complaints) == 1 and "No space left" in pipeline.complaints[0]


def test_discarded_before_it_began(tmp_path: Path) -> None:
    """Descriptors and draft are gone."""
    before = set(Path("/proc/self/fd").iterdir())
    log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None)
    log.discard()
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert not list(tmp_path.iterdir()) and log.join(0)
