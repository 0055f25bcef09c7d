from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

import pytest

from lab.doctor import leftovers
from lab.doctor.finding import Finding
from lab.image import store
from lab.machine.qemu_command import BootFiles, Hardware
from lab.machine.record import QemuRecord, machine_folder, machines_folder, write_record


def only(findings: object) -> Finding:
    (found,) = list(findings)  # type: ignore[call-overload]
    assert isinstance(found, Finding)
    return found


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))


def a_machine(name: str, *, whole: bool = True) -> None:
    machine_folder(name).mkdir()
    if whole:
        boot = BootFiles(Path("/disk.qcow2"), Path("/vmlinuz"), Path("/initrd"))
        write_record(QemuRecord(name, "trixie", boot, Hardware(), "tcg", 2222, "", 1.0, 1.0))


def test_whole_machines_are_counted() -> None:
    assert "0 running, 0 stopped" in only(leftovers.machines()).found
    a_machine("one")
    a_machine("two")
    found = only(leftovers.machines())
    assert (found.status, found.found) == ("ok", "0 running, 2 stopped, none broken")


def test_a_half_made_machine_is_named_with_the_way_to_be_rid_of_it() -> None:
    a_machine("one")
    a_machine("two", whole=False)
    found = only(leftovers.machines())
    assert (found.status, found.found, found.fix) == ("warning", "two is half-made", "lab destroy two")


def test_a_machine_that_is_being_made_is_not_half_made() -> None:
    a_machine("two", whole=False)
    with (machines_folder() / "two.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert only(leftovers.machines()).status == "ok"
    assert only(leftovers.machines()).status == "warning"


def test_a_machine_that_panicked(monkeypatch: pytest.MonkeyPatch) -> None:
    a_machine("one")
    monkeypatch.setattr("lab.machine.process.state", lambda _: "guest-panicked")
    found = only(leftovers.machines())
    assert (found.status, found.fix) == ("warning", "lab down one"), "its disk is whole"
    assert "guest-panicked" in found.found
    monkeypatch.setattr("lab.machine.process.state", lambda _: "running")
    assert only(leftovers.machines()).found.startswith("1 running, 0 stopped")


def test_a_qemu_that_does_not_answer() -> None:
    a_machine("one")
    # This process is taken for its QEMU, and no socket is there.
    folder = machine_folder("one")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("lab.machine.process.running_pid", lambda _: os.getpid())
        found = only(leftovers.machines())
    assert (found.status, found.fix) == ("warning", "lab down --force one")
    assert not (folder / "qmp.sock").exists()


def test_a_killed_build(tmp_path: Path) -> None:
    assert only(leftovers.builds(tmp_path)).found == "no build was left half-made"
    (store.folder() / "trixie-ab.new").mkdir()
    found = only(leftovers.builds(tmp_path))
    assert (found.status, "trixie-ab.new" in found.found) == ("warning", True)


def test_a_running_build_is_none_that_was_left(tmp_path: Path) -> None:
    (store.folder() / "trixie-ab.new").mkdir()
    with store.locked("trixie-ab"):
        found = only(leftovers.builds(tmp_path))
        assert (found.status, found.found) == ("ok", "a build is running")
    assert only(leftovers.builds(tmp_path)).status == "warning"


def test_a_working_folder_is_left_only_when_it_is_old(tmp_path: Path) -> None:
    work = tmp_path / f"boxwright-image-{os.getuid()}-ab"
    work.mkdir()
    (tmp_path / f"boxwright-image-{os.getuid() + 1}-ab").mkdir()  # another user's
    assert only(leftovers.builds(tmp_path)).status == "ok"
    os.utime(work, (0, time.time() - 7200))
    found = only(leftovers.builds(tmp_path))
    assert (found.status, found.found) == ("warning", f"a killed build left {work.name}")
