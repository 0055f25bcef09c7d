"""Where a container is seen: its processes and its files, of engines of any make; the guest is made up here."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.container import Container, Rootfs
from grading.api.listing import Listing
from grading.api.log_places import LogPlaces
from grading.guest.records import Finished, Process

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


class Files:
    """A guest with these files, all of which hold the word; asked for by paths, as `Observer` is."""

    def __init__(self, *files: str, open_files: Sequence[str] = ()) -> None:
        self.files = files
        self.open_files = open_files
        self.asked = 0

    def search(self, _word: bytes, folders: Sequence[str], *, since: str, depth: int = 2) -> list[str]:
        assert since == f"{ROOTFS.path}{ROOTFS.probe}.args"

        def holds(folder: str, path: str) -> bool:
            inside = f"{folder.rstrip('/')}/"
            return path.startswith(inside) and path.removeprefix(inside).count("/") <= depth

        return [path for path in self.files if any(holds(folder, path) for folder in folders)]

    def names(self, path: str) -> list[str]:
        self.asked += 1
        if path.startswith("proc:"):
            return [str(at) for at in range(len(self.open_files))]
        inside = [file.removeprefix(f"{path}/") for file in self.files if file.startswith(f"{path}/")]
        return ["rootfs-n1", *(file.split("/")[0] for file in inside)]

    def link(self, path: str) -> str:
        return self.open_files[int(path.rpartition("/")[2])]

    def stat(self, path: str) -> Any:
        return SimpleNamespace(kind="f") if path in self.files else None

    def processes(self) -> list[Process]:
        return []


def logging_engine(guest: Files, row: str = "") -> Container:
    """A container of an engine that keeps its logs there."""
    made = container(guest)
    made.engine.log_places = LogPlaces()
    made.engine.supervisor = made.engine.supervisor_lives = SimpleNamespace(pid=5)  # type: ignore[assignment, misc]
    done = Finished(("ps",), 0, f"alpha 12 running {row}\n".encode(), b"", 0, 0, 0.0, 1.0, False)
    made.engine.ps = lambda: Listing(done, 1)  # type: ignore[method-assign, assignment, misc]
    return made


@pytest.mark.parametrize(
    "path",
    [
        "/submission/logs/alpha.log", "/var/log/engine/alpha.log", "/root/logs/alpha.log", "/opt/engine/logs/alpha.log",
        "/home/student/logs/alpha.log", "/var/tmp/alpha.log", "/srv/alpha.log", "/srv/rootfs-n1.log",
        "/srv/logs/alpha.log", "/srv/logs/containers/alpha/alpha.log",
    ],
)  # fmt: skip
def test_a_log_is_found_wherever_engines_keep_them(path: str) -> None:
    assert logging_engine(Files(path)).log_files(b"word") == [path]


@pytest.mark.parametrize(
    "path",
    ["/etc/engine/alpha.log", "/usr/local/var/log/a/b/c/alpha.log", "/srv/rootfs-n1/alpha.log", "/alpha.log"],
)
def test_a_log_elsewhere_is_found_where_the_supervisor_has_it_open_or_ps_tells_it(path: str) -> None:
    assert logging_engine(Files(path, open_files=["/dev/null", "pipe:[7]", path])).log_files(b"word") == [
        path
    ]
    assert logging_engine(Files(path), f"log={path}").log_files(b"word") == [path]
    assert not logging_engine(Files(path)).log_files(b"word")


def test_who_keeps_its_logs_in_a_known_place_is_not_asked_where() -> None:
    guest = Files("/var/log/alpha.log")
    found = logging_engine(guest)
    assert found.log_files(b"word")
    guest.files = ()
    assert not found.log_files(b"word") and not guest.asked


def test_nobody_is_asked_again_and_again() -> None:
    guest = Files()
    found = logging_engine(guest)
    for _ in range(5):
        assert not found.log_files(b"word")
    assert guest.asked == 2  # the folder of the roots, and the supervisor's descriptors


class Roots(Files):
    """A guest of which these paths are there; the probe's process has a root of its own, or the host's."""

    def __init__(self, *paths: str, hosts: bool = False, lives: bool = True) -> None:
        super().__init__(*paths)
        self.lives = lives
        self.inodes = {"proc:101/root/.": 1 if hosts else 2, "/.": 1}

    def stat(self, path: str) -> Any:
        if path in self.files or path in self.inodes:
            return SimpleNamespace(kind="f", device=5, inode=self.inodes.get(path, 9))
        return None

    def read(self, path: str) -> bytes:
        assert path in self.files
        return b"n1 pid 31\n"

    def processes(self) -> list[Process]:
        return [process(101, (ROOTFS.probe,), (101, 1))] if self.lives else []


@pytest.mark.parametrize("path", [f"{ROOTFS.path}/view-n1", "proc:101/root/view-n1"])
def test_what_the_probe_has_seen_is_found_in_its_rootfs_or_in_a_copy_of_that(path: str) -> None:
    seen = container(Roots(path))
    assert seen.place_of("view-n1") == path
    assert seen.view() == {"pid": b"1"}


@pytest.mark.parametrize(
    "guest",
    [
        Roots(), Roots("proc:101/root/view-n2"), Roots("proc:102/root/view-n1"),
        Roots("proc:101/root/view-n1", hosts=True), Roots("proc:101/root/view-n1", lives=False),
    ],
)  # fmt: skip
def test_what_another_has_seen_or_one_in_the_hosts_root_is_not(guest: Roots) -> None:
    assert container(guest).place_of("view-n1") == ""


def test_a_copy_that_is_gone_with_its_container_has_left_a_word_in_the_log() -> None:
    made = logging_engine(Roots(lives=False))
    assert not made.handled_sigterm()
    made.engine.observer.files = ("/var/log/alpha.log",)  # type: ignore[attr-defined]
    assert made.handled_sigterm()
    assert container(Roots(f"{ROOTFS.path}/term-n1", lives=False)).handled_sigterm()
