"""What `lab up` does with a machine that is there. QEMU is stood in for: some of its states can hardly be had."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lab import lifecycle
from lab.console import NoProgress
from lab.errors import MachineError
from lab.lifecycle import Wish
from lab.machine import boot, process, qmp
from lab.machine.acceleration import Acceleration
from lab.machine.qemu import QemuMachine
from lab.machine.qemu_command import BootFiles, Hardware
from lab.machine.record import QemuRecord, machine_folder, read_qemu_record, write_record

Done = list[str]


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Done:
    """A machine `box` with a record, and what is done to it."""
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    machine_folder("box").mkdir(parents=True)
    files = BootFiles(tmp_path / "disk", tmp_path / "kernel", tmp_path / "initrd")
    write_record(
        QemuRecord(
            name="box", suite="trixie", base=files, hardware=Hardware(), accelerator="tcg", port=2222,
            template="/warm", slowness=9.0, created=0.0,
        )
    )  # fmt: skip
    done: Done = []
    monkeypatch.setattr(lifecycle, "acceleration", lambda *_: Acceleration("tcg", "so it is"))
    monkeypatch.setattr(process, "end", lambda folder: done.append("end"))
    monkeypatch.setattr(
        QemuMachine, "start", lambda self, progress, fresh: done.append(f"boot fresh={fresh}")
    )
    monkeypatch.setattr(QemuMachine, "stopped_with_snapshots", lambda self: False)
    monkeypatch.setattr(qmp, "execute", lambda path, name: done.append(name))
    monkeypatch.setattr(boot, "set_clock", lambda connection: done.append("clock"))
    monkeypatch.setattr(boot, "await_first_answer", lambda *_: done.append("answer"))
    return done


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """In which of QEMU's run states the machine is."""
    return lambda state: monkeypatch.setattr(process, "state", lambda folder: state)


@pytest.mark.parametrize(
    ("state", "steps"),
    [
        (None, ["boot fresh=False"]),
        ("shutdown", ["end", "boot fresh=False"]),  # `poweroff` or `reboot` in the guest
        ("prelaunch", ["end", "boot fresh=False"]),  # a `lab restore` that was interrupted
        ("internal-error", ["end", "boot fresh=False"]),  # which QEMU lets nothing go on after
        ("paused", ["cont", "answer", "clock"]),
        ("io-error", ["cont", "answer", "clock"]),  # the host's disk was full
        ("running", ["answer", "clock"]),  # perhaps still booting; perhaps the host slept
    ],
)
def test_a_machine_in_any_state_goes_on_with_its_disk(
    done: Done, found: Callable[[str | None], None], state: str | None, steps: list[str]
) -> None:
    found(state)
    lifecycle.up("box", NoProgress())
    assert done == steps


@pytest.mark.parametrize(("then", "steps"), [("shutdown", ["end", "boot fresh=False"]), ("running", None)])
def test_one_that_runs_and_does_not_answer(
    done: Done,
    found: Callable[[str | None], None],
    monkeypatch: pytest.MonkeyPatch,
    then: str,
    steps: Done | None,
) -> None:
    """It was just powering itself off, or it hangs."""
    found("running")

    def silent(*_: object) -> None:
        found(then)
        raise boot.BootFailed("no answer", detail="Kernel panic")

    monkeypatch.setattr(boot, "await_first_answer", silent)
    if steps is None:
        with pytest.raises(MachineError, match="its SSH server does not answer") as raised:
            lifecycle.up("box", NoProgress())
        assert "lab console box" in raised.value.remedy and raised.value.detail == "Kernel panic"
    else:
        lifecycle.up("box", NoProgress())
    assert done == (steps or [])


def test_after_a_panic_all_ways_back_are_told(done: Done, found: Callable[[str | None], None]) -> None:
    found("guest-panicked")
    with pytest.raises(MachineError, match="panicked") as raised:
        lifecycle.up("box", NoProgress())
    for way in ("lab restore -m box", "lab down box", "lab reset box"):
        assert way in raised.value.remedy
    assert done == []


def test_a_boot_that_is_interrupted_leaves_no_machine_that_seems_up(
    done: Done, found: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    found(None)

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(QemuMachine, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lifecycle.up("box", NoProgress())
    assert done == ["end"]


@pytest.mark.parametrize("snapshots", [False, True])
def test_a_host_that_has_kvm_by_now_boots_with_it(
    done: Done, found: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch, snapshots: bool
) -> None:
    """Not where there are snapshots: the guests in them saw another processor."""
    found(None)
    monkeypatch.setattr(lifecycle, "acceleration", lambda *_: Acceleration("kvm", "it booted"))
    monkeypatch.setattr(QemuMachine, "stopped_with_snapshots", lambda self: snapshots)
    lifecycle.up("box", NoProgress())
    record = read_qemu_record("box")
    assert (record.accelerator, record.slowness) == (("tcg", 9.0) if snapshots else ("kvm", 1.0))


@pytest.mark.parametrize(
    ("wish", "differs"),
    [
        (Wish(memory_mib=8192, cpus=2), "1024 MiB of memory"),
        (Wish(cpus=8, suite="bookworm"), "trixie release and 2 processors"),
        (Wish(port=2223), "2222 as its port"),
    ],
)
def test_what_a_machine_that_is_there_cannot_become_is_refused(
    done: Done, found: Callable[[str | None], None], monkeypatch: pytest.MonkeyPatch, wish: Wish, differs: str
) -> None:
    found("running")
    monkeypatch.setattr(process, "running_pid", lambda folder: 1)
    with pytest.raises(MachineError, match=f"is there already, with {differs}"):
        lifecycle.start("box", NoProgress(), wish)
    assert done == []
    lifecycle.start("box", NoProgress(), Wish(memory_mib=1024, port=2222))
    assert done == ["answer", "clock"]


def test_what_another_lab_is_making_is_not_denied(done: Done) -> None:
    (machine_folder("box") / "machine.json").unlink()
    with pytest.raises(MachineError, match="'box' is half-made"):
        read_qemu_record("box")


class Snapshots:
    """The jobs of a QEMU with a disk that may be full."""

    def __init__(self) -> None:
        self.tags: list[str] = []
        self.full = False

    def run_job(self, path: Path, name: str, **arguments: object) -> None:
        """As QEMU's."""
        tag = str(arguments["tag"])
        if name == "snapshot-delete":
            self.tags.remove(tag)
        elif self.full:
            raise qmp.QmpRefused("No space left on device")
        elif name == "snapshot-save":
            self.tags.append(tag)


def test_a_snapshot_that_cannot_be_taken_leaves_the_one_before(
    done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Snapshots()
    machine = QemuMachine(read_qemu_record("box"))
    monkeypatch.setattr(qmp, "run_job", disk.run_job)
    monkeypatch.setattr(QemuMachine, "_watch", lambda self: None)
    monkeypatch.setattr(QemuMachine, "run", lambda self, command, timeout: None)
    monkeypatch.setattr(QemuMachine, "_all_tags", lambda self: list(disk.tags))
    for _ in range(3):
        machine.snapshot("good")
        machine.snapshot("other")
    assert machine.snapshots() == ["good", "other"] and len(disk.tags) == 2
    before = list(disk.tags)
    disk.full = True
    with pytest.raises(qmp.QmpRefused):
        machine.snapshot("good")
    assert disk.tags == before
    disk.tags.append("good@99999999999999999999")  # interrupted before the older one was deleted
    assert machine._tags("good")[-1] == "good@99999999999999999999"
    assert json.dumps(machine.snapshots()) == '["good", "other"]'
