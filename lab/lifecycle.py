"""From a name to a running machine, and back: what the commands `up`, `down` and `destroy` do.

An image is built where it is missing, the accelerator is proved, the warm state is made
once; then a machine is a clone of it. Every change holds the machine's lock.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from lab.console import Progress
from lab.errors import MachineError
from lab.image.golden import golden_image
from lab.machine import boot, process
from lab.machine.acceleration import acceleration
from lab.machine.address import SshAddress
from lab.machine.keys import lab_keys
from lab.machine.qemu import QemuMachine, remove
from lab.machine.qemu_command import Accelerator, BootFiles, Hardware
from lab.machine.record import (
    QemuRecord,
    locked,
    machine_folder,
    machine_names,
    read_qemu_record,
    write_record,
)
from lab.machine.template import Template, find_template, make_template, template_key


@dataclass(frozen=True)
class MachineStatus:
    """A machine as `lab status` shows it."""

    name: str
    state: str
    """`running`, `stopped`, `panicked`, `paused`, `half-made`, or QEMU's own word."""
    suite: str
    accelerator: str
    port: int
    memory_mib: int
    cpus: int
    snapshots: list[str]
    pid: int | None


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
        found = acceleration(image.boot.kernel, image.boot.initrd, progress)
        wanted = hardware or Hardware()
        template = (
            None
            if cold
            else warm_state(image.folder / "warm", image.boot, wanted, found.accelerator, progress)
        )
        folder.mkdir(mode=0o700)
        record = QemuRecord(
            name=name,
            suite=image.suite,
            base=image.boot,
            hardware=wanted,
            accelerator=found.accelerator,
            port=port or boot.free_port(),
            template=str(template.folder) if template else "",
            slowness=template.slowness if template else 10.0 if found.accelerator == "tcg" else 1.0,
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
    state = process.state(machine.folder)
    if state == "running":
        return machine
    if state is not None:
        raise MachineError(
            f"Machine {machine.name!r} is {_state_word(state)}",
            f"`lab reset {machine.name}` gives a fresh one; `lab console {machine.name}` and its serial log "
            f"({machine.folder / 'serial.log'}) show what happened.",
            detail=boot.serial_tail(machine.folder),
        )
    if port is not None:
        boot.require_port(port)
    record = machine.record.moved(port or boot.free_port())
    write_record(record)
    machine = QemuMachine(record)
    machine.start(progress, fresh=False)
    return machine


def _state_word(state: str | None) -> str:
    words = {None: "stopped", "guest-panicked": "panicked", "shutdown": "shut down by its guest"}
    return words.get(state, state or "")


def statuses() -> list[MachineStatus]:
    """All machines of this lab; those that a killed `lab` left half-made are among them."""
    found = []
    for name in machine_names():
        folder = machine_folder(name)
        pid = process.running_pid(folder)
        try:
            record = read_qemu_record(name)
        except MachineError:
            found.append(MachineStatus(name, "half-made", "", "", 0, 0, 0, [], pid))
            continue
        try:
            state = process.state(folder)
            snapshots = QemuMachine(record).snapshots() if state else []
        except MachineError:
            state, snapshots = "not answering", []
        found.append(
            MachineStatus(
                name, _state_word(state), record.suite, record.accelerator, record.port,
                record.hardware.memory_mib, record.hardware.cpus, snapshots, pid,
            )
        )  # fmt: skip
    return found


def down(name: str, *, force: bool = False) -> None:
    """Stop a machine and keep its disk."""
    with locked(name):
        QemuMachine(read_qemu_record(name)).down(force=force)


def destroy(name: str) -> None:
    """Remove a machine and all that is kept of it; also one that was left half-made."""
    with locked(name):
        if not machine_folder(name).exists():
            read_qemu_record(name)  # says that there is none, and which there are
        remove(name)
