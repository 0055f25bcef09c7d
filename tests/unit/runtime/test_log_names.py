"""Whose log a name is: an id is used again, and the log before it is removed, all at once if need be."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from supervisor.errors import EngineError
from supervisor.logs import ContainerLog


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
