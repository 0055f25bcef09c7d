"""From a name to a running machine, and back: what the commands `up`, `down` and `destroy` do.

An image is built where it is missing, the accelerator is proved, the warm state is made
once; then a machine is a clone of it. Every change holds the machine's lock.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from lab.console import Progress
from lab.errors import MachineError
from lab.image import store
from lab.image.golden import GoldenImage, golden_image
from lab.machine import boot, kinds, process
from lab.machine.acceleration import acceleration
from lab.machine.address import Destination, SshAddress
from lab.machine.boot import answers
from lab.machine.keys import lab_keys
from lab.machine.protocol import Kind
from lab.machine.qemu import HELD, QemuMachine, remove
from lab.machine.qemu_command import Accelerator, BootFiles, Hardware
from lab.machine.record import (
    HostRecord,
    QemuRecord,
    locked,
    machine_folder,
    machine_names,
    read_qemu_record,
    write_record,
)
from lab.machine.template import Template, find_template, make_template, template_key
from lab.machine.vagrant import VagrantMachine

SLOWNESS: dict[Accelerator, float] = {"kvm": 1.0, "tcg": 10.0}
"""Of a machine that was never measured, against a fast one."""


@dataclass(frozen=True)
class MachineStatus:
    """A machine as `lab status` shows it. What a kind does not have is empty or 0."""

    name: str
    kind: Kind
    state: str
    """`running`, `stopped`, `panicked`, `paused`, `half-made`, `not answering`, `not created`, or the word
    of QEMU or Vagrant for it."""
    suite: str
    accelerator: str
    port: int
    address: str
    """Where its SSH server is, for people."""
    memory_mib: int
    cpus: int
    snapshots: list[str]
    pid: int | None


@dataclass(frozen=True)
class Wish:
    """What somebody asked of a machine that is to be started; None and False for nothing."""

    suite: str | None = None
    """The guest's release, for a new machine."""
    memory_mib: int | None = None
    cpus: int | None = None
    port: int | None = None
    """On 127.0.0.1, for its SSH server."""
    cold: bool = False
    """Boot it also where a warm state could be resumed."""

    @property
    def hardware(self) -> Hardware:
        """For a new machine; other than the default one means a cold boot."""
        usual = Hardware()
        return Hardware(self.memory_mib or usual.memory_mib, self.cpus or usual.cpus)

    def require(self, record: QemuRecord, *, running: bool) -> None:
        """Raise `MachineError` where a machine that is there is not as it is wished."""
        there = record.hardware
        pairs = [
            (self.suite, record.suite, "release"),
            (self.memory_mib, there.memory_mib, "MiB of memory"),
            (self.cpus, there.cpus, "processors"),
            (self.port if running else None, record.port, "as its port"),
        ]
        differing = [f"{has} {what}" for wished, has, what in pairs if wished not in (None, has)]
        if differing:
            raise MachineError(
                f"Machine {record.name!r} is there already, with {' and '.join(differing)}",
                f"Take another name for a new one, or `lab destroy {record.name}` first: its disk and snapshots go.",
            )


NOTHING = Wish()
"""Nothing is asked for."""


def warm_state(
    parent: Path, base: BootFiles, hardware: Hardware, accelerator: Accelerator, progress: Progress
) -> Template:
    """The warm state of an image on this host, made at the first call (a boot and a save)."""
    keys = lab_keys()
    key = template_key(base, hardware, accelerator, keys)
    found = find_template(parent, key)
    if found:
        return found

    def settle(folder: Path, port: int) -> float:
        from lab.machine.connection import Connection
        from lab.machine.speed import measure_slowness

        boot.await_first_answer(folder, port, boot.BOOT_SECONDS[accelerator])
        known_hosts = folder / "known_hosts"
        known_hosts.write_text(keys.known_hosts_line("127.0.0.1", port))
        address = SshAddress("127.0.0.1", port, "root", keys.login, known_hosts)
        connection = Connection(address, scale=lambda seconds: seconds * 10)
        try:
            # What is still starting would start again in every clone.
            connection.run("systemctl is-system-running --wait > /dev/null", timeout=60, check=False)
            slowness = measure_slowness(connection)
            connection.run("sync; echo 3 > /proc/sys/vm/drop_caches")
            if hardware.prepare:
                connection.run(hardware.prepare, timeout=120)
            return slowness
        finally:
            connection.close()

    progress.step(f"Saving a warm state ({accelerator})")
    made: list[Template] = []
    boot.retried_once(
        lambda: made.append(make_template(parent, key, base, hardware, accelerator, keys, settle))
    )
    return made[-1]


def up(
    name: str,
    progress: Progress,
    *,
    suite: str | None = None,
    hardware: Hardware | None = None,
    port: int | None = None,
    cold: bool = False,
) -> QemuMachine:
    """Start a machine, making what is missing; one that runs already is returned as it is.

    Args:
        name: of the machine; made where there is none.
        progress: told what is done.
        suite: the guest's release, for a new machine; None for the default.
        hardware: for a new machine; other than the default one means a cold boot.
        port: on 127.0.0.1, for its SSH server; None for a free one.
        cold: boot it also where a warm state could be resumed.

    Raises:
        LabError: something is missing or busy; nothing half-made stays.
    """
    with locked(name):
        folder = machine_folder(name)
        if (folder / "machine.json").exists():
            return _start_again(QemuMachine(read_qemu_record(name)), progress, port)
        remove(name)  # left half-made by a `lab` that was killed
        if port is not None:
            boot.require_port(port)
        image = golden_image(suite, progress=progress)
        with store.in_use(image.base):  # until the machine's record says so
            return _made(name, image, hardware or Hardware(), progress, port=port, cold=cold)


def _made(
    name: str, image: GoldenImage, hardware: Hardware, progress: Progress, *, port: int | None, cold: bool
) -> QemuMachine:
    """A new machine that runs; the caller holds its lock."""
    folder = machine_folder(name)
    found = acceleration(image.boot.kernel, image.boot.initrd, progress)
    if found.accelerator == "tcg":
        progress.step(f"Emulating the processor, some ten times slower than KVM: {found.reason}")
    template = (
        None if cold else warm_state(image.folder / "warm", image.boot, hardware, found.accelerator, progress)
    )
    folder.mkdir(mode=0o700)
    record = QemuRecord(
        name=name,
        suite=image.suite,
        base=image.boot,
        hardware=hardware,
        accelerator=found.accelerator,
        port=port or boot.free_port(),
        template=str(template.folder) if template else "",
        slowness=template.slowness if template else SLOWNESS[found.accelerator],
        created=time.time(),
    )
    machine = QemuMachine(record)
    try:
        machine.start(progress, fresh=True)
        write_record(machine.record)
    except BaseException:
        remove(name)
        raise
    return machine


def _start_again(machine: QemuMachine, progress: Progress, port: int | None) -> QemuMachine:
    """Let a machine that is there run, whatever state it is in; its disk and snapshots stay."""
    state = process.state(machine.folder)
    if state == "guest-panicked":
        raise MachineError(
            f"The guest of machine {machine.name!r} panicked",
            f"Its serial log ({machine.folder / 'serial.log'}) ends as shown. {machine.ways_back}",
            detail=boot.serial_tail(machine.folder),
        )
    if state in (
        "paused",
        "io-error",
    ):  # QEMU lets no guest go on after an internal error: that one is booted below
        progress.step(f"Letting {machine.name} go on")
        machine.go_on()
        state = "running"
    if state == "running":
        # It may be booting still, for a `lab up` that was interrupted; and a laptop may have slept.
        try:
            machine.await_answer()
            return machine
        except boot.BootFailed as error:
            state = process.state(machine.folder)
            if state == "running":
                raise MachineError(
                    f"Machine {machine.name!r} runs, and its SSH server does not answer",
                    f"`lab console {machine.name}` shows what it does. {machine.ways_back}",
                    detail=error.detail,
                ) from error
            if state != "shutdown":  # else it was just powering itself off
                raise
    if state is not None:  # shut down by its guest, or waiting for a `lab restore` that was interrupted
        process.end(machine.folder)
    if port is not None:
        boot.require_port(port)
    record = _renewed(machine, progress).moved(port or boot.free_port())
    write_record(record)
    machine = QemuMachine(record)
    try:
        machine.start(progress, fresh=False)
    except BaseException:
        process.end(machine.folder)  # or the next `lab up` would find one that never answers
        raise
    return machine


def _renewed(machine: QemuMachine, progress: Progress) -> QemuRecord:
    """The record of a machine that is about to boot, with the accelerator that this host has by now.

    A snapshot holds the memory of a guest that saw another processor: with one, it stays as it was.
    """
    record = machine.record
    now = acceleration(record.base.kernel, record.base.initrd, progress).accelerator
    if now == record.accelerator or machine.stopped_with_snapshots():
        return record
    progress.step(f"Changing {machine.name} from {record.accelerator} to {now}")
    return replace(record, accelerator=now, slowness=SLOWNESS[now])


def _state_word(state: str | None) -> str:
    words = {None: "stopped", "guest-panicked": "panicked", "shutdown": "shut down by its guest"}
    words |= {held: "held: disk full" if held == "io-error" else "held" for held in HELD}
    return words.get(state, state or "")


def start(name: str, progress: Progress, wish: Wish = NOTHING) -> None:
    """Start a machine of whatever kind.

    Args:
        name: of the machine.
        progress: told what is done.
        wish: what was asked for; only a QEMU machine can have it.

    Raises:
        LabError: it does not start, or does not answer, or is there and not as wished.
    """
    kind = kinds.kind_of(name)
    if kind == "qemu":
        folder = machine_folder(name)
        if (folder / "machine.json").exists():
            wish.require(read_qemu_record(name), running=process.running_pid(folder) is not None)
        up(name, progress, suite=wish.suite, hardware=wish.hardware, port=wish.port, cold=wish.cold)
        return
    if wish != NOTHING:
        raise MachineError(
            f"Machine {name!r} is of the kind {kind!r}, whose hardware, release and port the lab does not choose",
            "Leave the options out.",
        )
    with locked(name):
        machine = kinds.machine(name, progress)
        try:
            progress.step(f"Starting {name}")
            if isinstance(machine, VagrantMachine):
                machine.up()
            machine.run("true", timeout=20)
        finally:
            machine.close()


def statuses(names: list[str] | None = None, *, thorough: bool = False) -> list[MachineStatus]:
    """How machines are; all of them by default, also those that a killed `lab` left half-made.

    Args:
        names: which.
        thorough: ask also what takes seconds: Vagrant, for its snapshots.

    Raises:
        MachineError: there is no machine of a name.
    """
    wanted = machine_names() if names is None else names
    if not wanted:
        return []
    # Most of the time is waiting for hosts that do not answer.
    with ThreadPoolExecutor(min(len(wanted), 16)) as pool:
        return list(pool.map(lambda name: _status(name, thorough=thorough), wanted))


def _status(name: str, *, thorough: bool) -> MachineStatus:
    folder = machine_folder(name)
    try:
        machine = kinds.machine(name)
    except MachineError:
        if not folder.exists():
            raise
        return MachineStatus(name, "qemu", "half-made", "", "", 0, "", 0, 0, [], process.running_pid(folder))
    if isinstance(machine, QemuMachine):
        return _qemu_status(machine)
    record = machine.record
    assert isinstance(record, HostRecord)
    snapshots: list[str] = []
    if isinstance(machine, VagrantMachine):
        state = machine.state()
        if thorough and state == "running":
            snapshots = machine.snapshots()
    else:
        state = "running" if answers(record.host, record.port) else "not answering"
    where = str(Destination(record.user, record.host, record.port)) if record.host else ""
    return MachineStatus(
        name, machine.kind, state, record.suite, "", record.port, where, 0, 0, snapshots, None
    )  # fmt: skip


def _qemu_status(machine: QemuMachine) -> MachineStatus:
    record = machine.record
    try:
        state = process.state(machine.folder)
        snapshots = machine.snapshots() if state else []
    except MachineError:
        state, snapshots = "not answering", []
    return MachineStatus(
        record.name, "qemu", _state_word(state), record.suite, record.accelerator, record.port,
        f"127.0.0.1:{record.port}", record.hardware.memory_mib, record.hardware.cpus, snapshots,
        process.running_pid(machine.folder),
    )  # fmt: skip


def down(name: str, progress: Progress | None = None, *, force: bool = False) -> None:
    """Stop a machine and keep its disk."""
    with locked(name):
        kinds.machine(name, progress).down(force=force)


def destroy(name: str, progress: Progress | None = None) -> Kind:
    """Remove a machine and all that is kept of it, also one that was left half-made; returns what kind it was."""
    with locked(name):
        try:
            machine = kinds.machine(name, progress)
        except MachineError:
            if not machine_folder(name).exists():
                raise
            remove(name)
            return "qemu"
        machine.remove()
        return machine.kind
