"""Where a container is seen: its processes and its files, of engines of any make; the guest is made up here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.container import Container, Rootfs
from grading.guest.records import Process

ROOTFS = Rootfs("/srv/rootfs-n1", "n1")


def process(
    pid: int, words: tuple[str, ...], space_pids: tuple[int, ...] = (), *, parent: int = 1, state: str = "S"
) -> Process:
    """One that executes these words; in the host's PID namespace where no other is said."""
    numbers = space_pids or (pid,)
    space = "pid:[inside]" if len(numbers) > 1 else "pid:[host]"
    return Process(pid, parent, "x", state, 7, 0, 0, 1, numbers, 0, {"pid": space, "mnt": "m"}, words)


def container(observer: Any) -> Container:
    """One in that guest."""
    engine: Any = SimpleNamespace(observer=observer, words=("/submission/engine",), folder="/submission")
    return Container(engine, "alpha", ROOTFS)


@pytest.mark.parametrize(
    "wrapper",
    [
        ("unshare", "--pid", "--fork", "chroot", ROOTFS.path, ROOTFS.probe),
        ("sh", "-c", "exec", ROOTFS.probe),
    ],
)
def test_its_own_process_comes_before_who_brought_it_there(wrapper: tuple[str, ...]) -> None:
    own = process(101, (ROOTFS.probe,), (101, 1), parent=100)
    others = [process(99, ("/submission/engine", "run", ROOTFS.probe)), process(100, wrapper)]
    seen = container(SimpleNamespace(processes=lambda: [*others, own]))
    assert [each.pid for each in seen.processes] == [101, 100]
    assert seen.init == own


def test_without_a_pid_namespace_it_is_seen_all_the_same() -> None:
    plain = process(100, (ROOTFS.probe,))
    seen = container(SimpleNamespace(processes=lambda: [plain]))
    assert seen.processes == [plain]


def test_who_brings_it_there_is_not_taken_for_it_when_it_is_seen_first() -> None:
    brings = process(100, ("unshare", "--pid", "--fork", "chroot", ROOTFS.path, ROOTFS.probe))
    own = process(101, (ROOTFS.probe,), (101, 1), parent=100)
    looks = iter([[brings]] * 3)
    observer = SimpleNamespace(processes=lambda: next(looks, [brings, own]))
    assert container(observer).await_running() == own
