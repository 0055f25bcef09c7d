from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab import cli_image
from lab.doctor import leftovers
from lab.doctor.finding import Finding
from lab.errors import LabError
from lab.image import build, store
from lab.machine import process
from lab.machine.qemu_command import BootFiles, Hardware
from lab.machine.record import QemuRecord, machine_folder, machines_folder, write_record

from ..machine.bare_qemu import bare_qemu, is_alive


def only(findings: object) -> Finding:
    (found,) = list(findings)  # type: ignore[call-overload]
    assert isinstance(found, Finding)
    return found


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


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
    assert (found.status, found.found) == ("warning", f"a killed command left {work.name}")


@pytest.mark.parametrize(
    ("left", "lock"),
    [
        ("trixie-ab.new", "trixie-ab.lock"),
        ("trixie-ab-cd/golden/ef.new", "golden-ef.lock"),
        ("trixie-ab-cd/golden/ef/warm/01.new", "trixie-ab-cd/golden/ef/warm/01.lock"),
    ],
)
def test_whatever_is_half_made_is_found_and_removed_as_is_said(tmp_path: Path, left: str, lock: str) -> None:
    new = store.folder() / left
    new.mkdir(parents=True)
    (new / "memory").write_bytes(b"m")
    with (store.folder() / lock).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        found = only(leftovers.builds(tmp_path))
        assert (found.status, found.found) == ("ok", "a build is running")
        build.remove_leftovers()
        assert new.exists()
    found = only(leftovers.builds(tmp_path))
    assert (found.status, found.found) == ("warning", f"a killed command left {left}")
    assert found.fix == "`lab image build` removes it."
    build.remove_leftovers()
    assert not new.exists()
    assert only(leftovers.builds(tmp_path)).status == "ok"


def test_what_a_killed_removal_left_goes_with_lab_image_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build itself, which wants a mirror, is stood in for: what is before it is looked at."""
    doomed = store.folder() / "trixie-12345678-abcdef.new"
    doomed.mkdir()
    assert "trixie-12345678-abcdef.new" in only(leftovers.builds(tmp_path)).found

    def stop(*_: object, **__: object) -> None:
        raise LabError("no mirror")

    monkeypatch.setattr("lab.image.golden.golden_image", stop)
    result = CliRunner().invoke(cli_image.app, ["build"])
    assert str(result.exception) == "no mirror."
    assert not doomed.exists()


def test_an_old_working_folder_goes_with_lab_image_build(tmp_path: Path) -> None:
    old, new = (tmp_path / f"boxwright-image-{os.getuid()}-{name}" for name in ("old", "new"))
    for path in (old, new):
        (path / "mount").mkdir(parents=True)
    os.utime(old, (0, time.time() - 7200))
    build.remove_leftovers()
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.skipif(
    shutil.which("qemu-system-x86_64") is None, reason="QEMU is not installed; ./bootstrap.sh brings it"
)
def test_the_qemu_of_a_killed_command_is_found_and_ended(tmp_path: Path) -> None:
    new = store.folder() / "trixie-ab-cd/golden/ef.new"
    new.mkdir(parents=True)
    process.start(bare_qemu(new), new)
    try:
        found = only(leftovers.builds(tmp_path)).found
        assert found == "a killed command left trixie-ab-cd/golden/ef.new (its QEMU still runs)"
        pid = process.running_pid(new)
        build.remove_leftovers()
        assert not is_alive(pid)
    finally:
        process.end(new)
