"""Who may come in: ids, shared root file systems, the lock on the state folder, and who has executed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from supervisor.errors import EngineError
from supervisor.live import Container
from supervisor.reaper import has_executed
from supervisor.records import MIB, ExitStatus, Record
from supervisor.registry import Registry
from supervisor.rootfs import find_place, find_rootfs
from supervisor.state import Place, claim, place


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str, str], Container]:
    """A container that asks to come in."""
    for folder in ("a", "b", "a/inner"):
        (tmp_path / folder).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "a")

    def container(identifier: str, path: str) -> Container:
        record = Record(identifier, path, (b"true",), 40 * MIB, 64 * MIB, 0, "", "")
        return Container(record, find_rootfs(path, str(tmp_path)))

    return container


def test_a_rootfs_is_known_by_what_it_is(tmp_path: Path, make: Callable[[str, str], Container]) -> None:
    """Not by its name; and it begins where the client stands."""
    keys = {make("x", path).rootfs.key for path in ("a", "link", "b/../a", str(tmp_path / "a"), "a/inner/..")}
    assert len(keys) == 1
    assert make("x", "link").rootfs.path == str((tmp_path / "a").resolve())


@pytest.mark.parametrize("path", ["a", "link", "a/inner", ".", "b/../a"])
def test_a_rootfs_in_use_is_refused(make: Callable[[str, str], Container], path: str) -> None:
    """Also when one lies inside the other, either way round."""
    registry = Registry()
    registry.admit(make("one", "a"))
    with pytest.raises(EngineError, match="in use by container one"):
        registry.admit(make("two", path))
    registry.admit(make("three", "b"))


@pytest.mark.parametrize("path", ["a", ".", "a/inner", "a/file"])
def test_a_volume_does_not_open_another_containers_rootfs(
    tmp_path: Path, make: Callable[[str, str], Container], path: str
) -> None:
    """Whichever of the two comes first; its own rootfs it may have, and nobody's is asked for after the end."""

    def sharing(identifier: str) -> Container:
        (tmp_path / "a" / "file").touch()
        container = make(identifier, "b")
        container.shared = [find_place(str(tmp_path / path))]
        return container

    registry = Registry()
    first = make("one", "a")
    registry.admit(first)
    with pytest.raises(EngineError, match="would share the rootfs of container one"):
        registry.admit(sharing("two"))
    first.record.finish(ExitStatus(code=0), 1.0)
    second = sharing("two")
    second.shared.append(find_place(str(tmp_path / "b")))
    registry.admit(second)
    with pytest.raises(EngineError, match="part of a volume of container two"):
        registry.admit(make("one", "a"))


def test_a_record_that_went_away_by_itself_does_not_come_back(make: Callable[[str, str], Container]) -> None:
    """`--rm`, while a start that takes its id fails."""
    registry = Registry()
    old = make("one", "a")
    registry.admit(old)
    old.record.finish(ExitStatus(code=0), 1.0)
    withdraw = registry.admit(make("one", "a"))
    old.leaving = True
    withdraw()
    assert registry.all() == []


def test_an_id_can_be_used_again_after_the_end(make: Callable[[str, str], Container]) -> None:
    """And the old record comes back when the new start fails."""
    registry = Registry()
    old = make("one", "a")
    registry.admit(old)
    with pytest.raises(EngineError, match="is starting already"):
        registry.admit(make("one", "b"))
    old.record.finish(ExitStatus(code=0), 1.0)
    new = make("one", "a")
    withdraw = registry.admit(new)
    assert registry.find("one") is new
    withdraw()
    assert registry.find("one") is old
    with pytest.raises(EngineError, match="no container two"):
        registry.find("two")


def test_nobody_comes_in_after_closing(make: Callable[[str, str], Container]) -> None:
    registry = Registry()
    registry.close()
    with pytest.raises(EngineError, match="shutting down"):
        registry.admit(make("one", "a"))


@pytest.mark.parametrize("path", ["/", "/..", "nowhere", "file", "a\0b", "/proc/self/root"])
def test_what_is_no_rootfs(tmp_path: Path, path: str) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    (tmp_path / "file").touch()
    with pytest.raises(EngineError):
        find_rootfs(path, str(tmp_path))
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_one_supervisor_a_folder(tmp_path: Path) -> None:
    """The lock goes with its holder, whatever lies in the folder; drafts of logs are swept."""
    where = Place(tmp_path / "state", tmp_path / "logs")
    first = claim(where)
    (where.logs / ".box.log.new").touch()
    with pytest.raises(EngineError, match="another supervisor"):
        claim(where)
    os.close(first)
    where.socket.touch()
    os.close(claim(where))
    assert not list(where.logs.iterdir())


def test_the_place_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENGINE_STATE", raising=False)
    assert place() == Place(Path("/run/boxwright"), Path("/var/log/boxwright"))
    monkeypatch.setenv("ENGINE_STATE", str(tmp_path))
    assert place().socket == tmp_path / "engine.sock" and place().logs == tmp_path / "logs"
    assert place().tag != Place(Path("/run/boxwright"), Path("/")).tag
    monkeypatch.setenv("ENGINE_STATE", "/x" * 60)
    with pytest.raises(EngineError, match="too long"):
        place()


def test_who_has_executed() -> None:
    """A forked process has not, until it does; a zombie still tells; who is gone does not."""
    program = """import os, sys
pid = os.fork()
if not pid:
    sys.stdin.readline()
    os._exit(0)
print(pid, flush=True)
sys.stdin.readline()
"""
    with subprocess.Popen(
        [sys.executable, "-SEI", "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdin and parent.stdout
        child = int(parent.stdout.readline())
        assert has_executed(parent.pid) is True
        assert has_executed(child) is False
        os.kill(child, 9)
        while b"Z" not in Path(f"/proc/{child}/stat").read_bytes().rpartition(b")")[2][:3]:
            pass
        assert has_executed(child) is False
        parent.stdin.write("\n")
    assert has_executed(child) in (None, False)
