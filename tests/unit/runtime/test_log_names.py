"""Whose log a name is: an id is used again, and the log before it is removed, all at once if need be."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from supervisor import index
from supervisor.errors import EngineError
from supervisor.index import STDOUT
from supervisor.logs import Chunk, ContainerLog


def started(folder: Path, data: bytes) -> ContainerLog:
    """A log that has its name and is complete, of a container that wrote this."""
    log = ContainerLog(folder / "box.log", lambda: None, lambda text: None)
    os.write(log.stdout, data)
    log.start()
    assert log.join(10)
    log.publish()
    return log


def test_a_reader_never_gets_another_log_with_the_same_number(tmp_path: Path) -> None:
    """A file system may give a later file the number of one that is gone; nor is that removed in its place."""
    first, second = (started(tmp_path, data) for data in (b"old", b"new"))
    first._identity = second._identity
    with pytest.raises(EngineError, match="another log"):
        first.open_reader()
    first.remove()
    assert (tmp_path / "box.log").read_bytes() == b"new"
    second.remove()
    third = started(tmp_path, b"newest")
    second._identity = third._identity
    second.remove()
    assert (tmp_path / "box.log").read_bytes() == b"newest"
    third.remove()
    assert not list(tmp_path.iterdir())


def test_a_log_that_gets_its_name_while_the_old_one_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new one stays, however late it comes."""
    first, second = started(tmp_path, b"old"), ContainerLog(tmp_path / "box.log", lambda: None, print)
    unlink, publisher = Path.unlink, threading.Thread(target=second.publish)

    def late(path: Path, missing_ok: bool = False) -> None:
        if path == first.path:
            publisher.start()
            publisher.join(0.5)  # as far as a lock lets it
        unlink(path, missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", late)
        first.remove()
    publisher.join(10)
    assert (tmp_path / "box.log").stat().st_ino == second._identity
    second.start()
    assert second.join(10)


def fill(log: ContainerLog, first: int, end: int) -> None:
    """As the consumer does; a run for each byte, so that 256 of them make a page of the index."""
    for number in range(first, end):
        log._append(Chunk(STDOUT + number % 2, number * index.GRAIN, b"x"))


def test_a_consumer_that_comes_late_leaves_the_next_index_alone(tmp_path: Path) -> None:
    """The bytes of the old container are kept, its streams told apart so far; the new one's index is its own."""
    complaints: list[str] = []
    first = ContainerLog(tmp_path / "box.log", lambda: None, complaints.append)
    first.publish()
    fill(first, 0, 200)
    second = ContainerLog(tmp_path / "box.log", lambda: None, complaints.append)
    second.publish()
    fill(second, 0, 600)
    number = second.index.path.stat().st_ino
    fill(first, 200, 600)
    assert (first.size, first.index.broken, len(complaints)) == (600, True, 1)
    assert second.index.path.stat().st_ino == number
    for log in (first, second):
        log.start()
        assert log.join(10)
    view = second.index.view()
    assert [run.start for run in view] == list(range(600)) and not second.index.broken
    view.close()
    second.remove()
    assert not list(tmp_path.iterdir())


def test_a_view_is_never_of_another_index(tmp_path: Path) -> None:
    """Also for a reader that had opened the log before the name was another's."""
    made = []
    for _ in range(2):
        log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None)
        made.append(log)
        fill(log, 0, 600)
        log.publish()
        log.start()
        assert log.join(10)
        log.index.view().close()
    with pytest.raises(OSError, match="Stale"):
        made[0].index.view()


@pytest.mark.parametrize("published", [True, False])
def test_a_consumer_that_comes_late_leaves_no_index_behind(tmp_path: Path, published: bool) -> None:
    """Neither of a log that was removed, nor of one that never got its name."""
    log = ContainerLog(tmp_path / "box.log", lambda: None, lambda text: None)
    fill(log, 0, 200)
    if published:
        log.publish()
        log.remove()
    else:
        log.drop()
    fill(log, 200, 600)
    log.start()
    assert log.join(10)
    assert not list(tmp_path.iterdir())
