from __future__ import annotations

import fcntl
import json
from pathlib import Path

import pytest

from lab.errors import LabError, MachineError
from lab.machine.qemu_command import BootFiles, Hardware
from lab.machine.record import (
    MachineRecord,
    check_name,
    locked,
    machine_folder,
    machine_names,
    machines_folder,
    read_record,
    write_record,
)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))


def a_record(name: str = "one") -> MachineRecord:
    boot = BootFiles(Path("/cache/disk.qcow2"), Path("/cache/vmlinuz"), Path("/cache/initrd"), "quiet")
    return MachineRecord(name, "trixie", boot, Hardware(512, 1), "tcg", 2222, "/cache/warm/abc", 8.5, 1.0)


@pytest.mark.parametrize("name", ["one", "a", "lab-2", "a_b", "0", "x" * 31])
def test_good_names_are_taken(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "A", "x" * 32, "a.lock", "-a", "a b", "a\n"])
def test_names_that_would_leave_the_folder_are_refused(name: str) -> None:
    with pytest.raises(LabError, match="is not a machine's name"):
        check_name(name)


def test_a_record_comes_back_as_it_was_written() -> None:
    machine_folder("one").mkdir()
    write_record(a_record())
    assert read_record("one") == a_record()
    assert machine_names() == ["one"]


def test_an_unknown_machine_is_named_with_those_there_are() -> None:
    machine_folder("one").mkdir()
    with pytest.raises(MachineError, match=r"There is no machine 'two' \(there is: one\)"):
        read_record("two")


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", json.dumps({"name": "one"})])
def test_a_broken_record_is_a_sentence_not_a_traceback(content: str) -> None:
    machine_folder("one").mkdir()
    (machine_folder("one") / "machine.json").write_text(content)
    with pytest.raises(MachineError, match=r"cannot be read.*lab destroy one"):
        read_record("one")


def test_the_second_of_two_commands_is_told_who_holds_the_lock() -> None:
    path = machines_folder() / "one.lock"
    with path.open("a+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("4711")
        other.flush()
        with pytest.raises(MachineError, match=r"pid 4711"), locked("one"):
            pass


def test_a_lock_whose_holder_is_dead_is_free() -> None:
    (machines_folder() / "one.lock").write_text("999999999")
    with locked("one"):
        pass
