"""The reaper and the threads that enter containers there: whoever ends in between is cleaned up all the same."""

from __future__ import annotations

import os
import select
import subprocess
import threading
from pathlib import Path

import pytest
from supervisor.live import Container, Guest
from supervisor.reaper import Reaper
from supervisor.records import MIB, Record
from supervisor.registry import Registry
from supervisor.rootfs import find_rootfs


class FakeCgroup:
    """A pipe stands for memory.events: the tests' own user may have no cgroup."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe2(os.O_NONBLOCK)
        os.write(self.writer, b"oom 0")
        self.removed = threading.Event()

    def open(self, name: str, flags: int) -> int:
        """As the real one's."""
        return self.reader

    def memory_events(self) -> dict[str, int]:
        """Nothing has happened."""
        return {}

    def remove(self) -> bool:
        """As the real one's."""
        self.removed.set()
        return True


class MeetingPoll:
    """An epoll in which a container ends just when its memory is about to be watched."""

    def __init__(
        self, poll: select.epoll, watched: int, end: threading.Event, ended: threading.Event
    ) -> None:
        self.poll, self.unregister, self.close = poll.poll, poll.unregister, poll.close
        self._poll, self._watched, self._end, self._ended = poll, watched, end, ended

    def register(self, descriptor: int, events: int) -> None:
        """Have the reaper come first, for as long as a lock lets it."""
        if descriptor == self._watched:
            self._end.set()
            self._ended.wait(0.5)
        self._poll.register(descriptor, events)


def test_a_container_that_ends_while_its_memory_is_about_to_be_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its cgroup is removed, and the descriptor of memory.events closed; the reaper has nothing to complain of."""
    said: list[str] = []
    reaper = Reaper(Registry(), said.append)
    record = Record("brief", "/", (b"true",), 40 * MIB, 64 * MIB, 0, "", "", limits="cgroup")
    container = Container(record, find_rootfs(".", str(tmp_path)))
    cgroup = FakeCgroup()
    monkeypatch.setattr(container, "cgroup", cgroup)
    child = subprocess.Popen(["cat"], stdin=subprocess.PIPE)
    assert child.stdin is not None
    container.executed = True
    record.pid = child.pid
    container.attach(os.pidfd_open(child.pid))
    end = threading.Event()
    monkeypatch.setattr(reaper, "_poll", MeetingPoll(reaper._poll, cgroup.reader, end, cgroup.removed))
    reaper.watch(container)
    reaper.start()
    client = threading.Thread(target=reaper.watch_memory, args=(container,))
    client.start()
    assert end.wait(10)
    child.stdin.close()
    assert container.exited.wait(10)
    client.join(10)
    assert cgroup.removed.wait(10)
    reaper.stop()
    os.close(cgroup.writer)
    child.returncode = 0  # the reaper has collected it
    assert said == []
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(cgroup.reader)


def test_what_the_kernel_does_not_let_us_watch_is_not_kept(tmp_path: Path) -> None:
    """Else the end would wait for it. That it is watched already stands for fs.epoll.max_user_watches."""
    reaper = Reaper(Registry(), lambda text: None)
    record = Record("box", "/", (b"true",), 40 * MIB, 64 * MIB, 0, "", "")
    container = Container(record, find_rootfs(".", str(tmp_path)))
    container.attach(os.pidfd_open(os.getpid()))
    guest = Guest(os.getpid(), os.pidfd_open(os.getpid()), (b"true",))
    for descriptor in (container.pidfd, guest.pidfd):
        reaper._poll.register(descriptor, 0)
    with pytest.raises(FileExistsError):
        reaper.watch(container)
    with pytest.raises(FileExistsError):
        reaper.watch_guest(guest)
    assert not reaper._containers and not reaper._guests
    container.detach()
    os.close(guest.pidfd)
    guest.close()
    reaper.start()
    reaper.stop()
