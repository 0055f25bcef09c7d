from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

import pytest

from lab import lifecycle
from lab.errors import LabError, MachineError
from lab.machine.qemu_command import BootFiles, Hardware
from lab.machine.record import (
    QemuRecord,
    Record,
    SshRecord,
    VagrantRecord,
    check_name,
    locked,
    machine_folder,
    machine_names,
    machines_folder,
    read_qemu_record,
    read_record,
    require_unused,
    write_record,
)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))


def a_record(name: str = "one") -> QemuRecord:
    boot = BootFiles(Path("/cache/disk.qcow2"), Path("/cache/vmlinuz"), Path("/cache/initrd"), "quiet")
    return QemuRecord(name, "trixie", boot, Hardware(512, 1), "tcg", 2222, "/cache/warm/abc", 8.5, 1.0)


@pytest.mark.parametrize("name", ["one", "a", "lab-2", "a_b", "0", "x" * 31])
def test_good_names_are_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", "x" * 32, "a.lock", "-a", "a b", "a\n"])
def test_names_that_would_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="is not a machine's name"):
        check_name(name)


KEYS = ("ssh-ed25519 AAAA", "ssh-rsa BBBB")
RECORDS: list[Record] = [
    a_record(),
    SshRecord("one", "::1", 22, "ubuntu", Path("/home/a b/key"), KEYS, 1.0, "noble", 1.0),
    VagrantRecord("one", "h", 22, "vagrant", Path("/k"), KEYS, 2.0, "trixie", 1.0, "id-1", Path("/checkout")),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.kind)
def test_a_record_of_any_kind_comes_back_as_it_was_written(record: Record) -> None:
    machine_folder("one").mkdir()
    write_record(record)
    assert read_record("one") == record
    assert machine_names() == ["one"]


def test_a_record_that_does_not_say_its_kind_is_of_qemu() -> None:
    machine_folder("one").mkdir()
    write_record(a_record())
    path = machine_folder("one") / "machine.json"
    old = json.loads(path.read_text())
    del old["kind"]
    path.write_text(json.dumps(old))
    assert read_record("one") == a_record()


def test_a_machine_of_another_kind_is_no_qemu_machine() -> None:
    machine_folder("one").mkdir()
    write_record(RECORDS[1])
    with pytest.raises(MachineError, match="is of the kind 'ssh'"):
        read_qemu_record("one")


def test_an_unknown_machine_is_named_with_those_there_are() -> None:
    machine_folder("one").mkdir()
    with pytest.raises(MachineError, match=r"There is no machine 'two' \(there is: one\)"):
        read_record("two")


@pytest.mark.parametrize(
    "content", ["", "{", "[" * 100_000, "[]", "{}", '{"name": "one"}', '{"kind": "boat"}', '{"kind": "ssh"}']
)
def test_a_broken_record_is_a_sentence_not_a_traceback(content: str) -> None:
    machine_folder("one").mkdir()
    (machine_folder("one") / "machine.json").write_text(content)
    with pytest.raises(MachineError, match=r"cannot be read.*lab destroy one"):
        read_record("one")


def test_a_record_that_is_a_folder_is_one_that_cannot_be_read_and_can_be_destroyed() -> None:
    (machine_folder("one") / "machine.json").mkdir(parents=True)
    with pytest.raises(MachineError, match=r"machine\.json cannot be read: Is a directory.*lab destroy one"):
        read_record("one")
    assert [(each.name, each.state) for each in lifecycle.statuses()] == [("one", "half-made")]
    assert lifecycle.destroy("one") == "qemu"
    assert machine_names() == []


def test_a_folder_that_is_no_machines_is_none() -> None:
    for name in ("..x", "A", "one"):
        (machines_folder() / name).mkdir()
    assert machine_names() == ["one"]
    assert [each.name for each in lifecycle.statuses()] == ["one"]


def test_the_second_of_two_commands_is_told_who_holds_the_lock() -> None:
    path = machines_folder() / "one.lock"
    with path.open("a+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("4711")
        other.flush()
        with pytest.raises(MachineError, match=r"pid 4711"), locked("one"):
            pass


def test_a_lock_goes_with_its_machine() -> None:
    path = machines_folder() / "one.lock"
    with locked("one"):
        (machines_folder() / "one").mkdir()
    assert path.exists()
    with locked("one"):
        (machines_folder() / "one").rmdir()
    assert not path.exists()


def test_a_lock_that_went_while_somebody_asked_for_it_is_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    path = machines_folder() / "one.lock"
    lock, asked = fcntl.flock, []

    def slow(file: Any, operation: int) -> None:
        if not asked:  # its holder removes the machine after we have opened the file
            path.unlink()
        asked.append(file)
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    with locked("one"):
        assert len(asked) == 2
        assert path.read_text() == str(os.getpid())
        with pytest.raises(MachineError, match="working on machine 'one'"), locked("one"):
            pass


def test_a_lock_whose_holder_is_dead_is_free() -> None:
    (machines_folder() / "one.lock").write_text("999999999")
    with locked("one"):
        pass


@pytest.mark.parametrize("folder", ["/cache/warm/abc", "/cache/warm", "/cache"])
def test_what_a_machines_disk_builds_on_is_not_made_anew(folder: str) -> None:
    """Another disk in its place would spoil the machine's, which is an overlay of it."""
    require_unused(Path(folder))
    machine_folder("half").mkdir(parents=True)
    machine_folder("one").mkdir()
    write_record(a_record())
    with pytest.raises(MachineError, match="the disk of machine 'one' builds on it"):
        require_unused(Path(folder))
    require_unused(Path("/cache/warm/other"))
