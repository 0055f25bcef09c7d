"""The machine of kind `qemu`: a QEMU process of our own, no daemon, no root.

`start` clones the image's warm state where it fits, and boots otherwise. Named snapshots
lie inside the machine's own disk overlay (QEMU's internal snapshots: memory and disk).
"""

from __future__ import annotations

import json
import shutil
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from lab.console import Progress
from lab.errors import CommandTimeout, MachineError
from lab.machine import boot, process, qmp
from lab.machine.address import SshAddress
from lab.machine.channel import open_channel
from lab.machine.keys import lab_keys
from lab.machine.protocol import MachineEvent
from lab.machine.qemu_command import (
    QMP_SOCKET,
    BootFiles,
    command_line,
    new_overlay,
    paused_again,
    qemu_img,
)
from lab.machine.record import QemuRecord, machine_folder, read_qemu_record, write_record
from lab.machine.remote import RemoteMachine
from lab.machine.template import DISK_FILE, Template, find_template, leaves_memory_out, resume_clone

BROKEN_STATES: dict[str, Literal["panic", "shutdown"]] = {"guest-panicked": "panic", "shutdown": "shutdown"}
"""QEMU's run states that a lab VM enters by itself, and what they mean."""

HELD = {
    "io-error": "is held, as this host's disk was full when the guest wrote to it",
    "internal-error": "is held, as KVM could not go on",
}
"""QEMU's run states in which the guest stands still for a reason of the host's, and what they mean."""

SNAPSHOT_SECONDS = 120
"""For writing or reading one of a machine of up to a GiB, on a busy disk; with more memory so much longer."""


class QemuMachine(RemoteMachine[QemuRecord]):
    """A machine of our own, by its record. Implements `lab.machine.protocol.Machine`."""

    kind: Literal["qemu"] = "qemu"
    channel: socket.socket | None = None
    """The host's end of its hardware's channel, where it was just resumed with one. Who speaks there gives the guest
    its time and name, too; else that is done over SSH, which takes an emulated guest a second."""

    @classmethod
    def find(cls, name: str) -> QemuMachine:
        """The machine of that name. Raises `MachineError` where there is none, or it does not run."""
        machine = cls(read_qemu_record(name))
        state = process.state(machine.folder)
        if state is None:
            raise MachineError(f"Machine {name!r} does not run", f"`lab up {name}` starts it.")
        return machine

    @property
    def address(self) -> SshAddress:
        """Where its SSH server is; the host key is pinned in the machine's folder."""
        keys = lab_keys()
        known_hosts = self.folder / "known_hosts"
        line = keys.known_hosts_line("127.0.0.1", self.record.port)
        if not known_hosts.exists() or known_hosts.read_text() != line:
            known_hosts.write_text(line)
        return SshAddress("127.0.0.1", self.record.port, "root", keys.login, known_hosts)

    def events(self) -> list[MachineEvent]:
        """As `Machine.events`: a guest that panicked, reset or powered itself off is held by QEMU to be seen."""
        state = process.state(self.folder)
        if state is None:
            return [MachineEvent("lost", time.time(), "its QEMU has ended")]
        if state in BROKEN_STATES:
            return [MachineEvent(BROKEN_STATES[state], time.time(), boot.serial_tail(self.folder))]
        if state in HELD:
            return [MachineEvent("lost", time.time(), f"its guest {HELD[state]}")]
        return []

    @property
    def ways_back(self) -> str:
        """What can be done where the guest is lost, for people; what throws most away comes last."""
        return (
            f"`lab restore -m {self.name} SNAPSHOT` goes back to a snapshot, `lab down {self.name}` and "
            f"`lab up {self.name}` boot its disk again, `lab reset {self.name}` gives a fresh one."
        )

    def _watch(self) -> None:
        for event in self.events():
            if event.kind == "lost":
                raise MachineError(
                    f"Machine {self.name!r} is lost: {event.detail}",
                    f"`lab up {self.name}` starts it again, or lets it go on; look first whether there is room "
                    "on this host's disk.",
                    detail=boot.serial_tail(self.folder),
                )
            what = {"panic": "panicked", "shutdown": "shut itself down or reset"}[event.kind]
            raise MachineError(
                f"The guest of machine {self.name!r} {what}",
                f"Its serial log ends as shown. {self.ways_back}",
                detail=boot.serial_tail(self.folder),
            )

    # --- snapshots ---

    def snapshot(self, name: str) -> None:
        """As `Machine.snapshot`. A snapshot of the same name is replaced."""
        self._watch()
        self.run("sync", timeout=60)
        before = self._tags(name)
        # The new one first: where there is no room for it, the old one is still there.
        self._job("snapshot-save", tag=f"{name}@{time.time_ns()}" if before else name, vmstate="disk")
        for tag in before:
            self._job("snapshot-delete", tag=tag)

    def restore(self, name: str) -> None:
        """As `Machine.restore`; a machine that panicked comes back as well.

        It goes on in another QEMU. One that emulates never lets its time stamp counter go back
        (`cpu_get_ticks` in system/cpu-timers.c), so in the same one the guest's clock would jump by all the time since
        the snapshot: its kernel would complain of stalls, and after minutes systemd end its services.
        """
        tags = self._tags(name)
        if not tags:
            known = self.snapshots()
            raise MachineError(
                f"Machine {self.name!r} has no snapshot {name!r}"
                + (f" (it has: {', '.join(known)})" if known else " (it has none)"),
                f"`lab snapshot -m {self.name} {name}` takes one.",
            )
        self.close()
        _connection_soon()
        arguments, port = process.arguments(self.folder), self.record.port
        process.end(self.folder)
        self._on_a_free_port(
            lambda: process.start(paused_again(arguments, port, self.record.port), self.folder)
        )
        self._load(tags[-1])
        self.go_on()
        boot.set_clock(self.connection)

    def go_on(self) -> None:
        """Let a guest that stands still run again; its clock is behind then.

        Raises:
            MachineError: QEMU refuses, or does not answer.
        """
        qmp.execute(self.folder / QMP_SOCKET, "cont")

    def await_answer(self) -> None:
        """Wait until the guest, which may be booting, takes commands, and give it the host's time.

        Raises:
            MachineError: it panicked, ended, or does not answer in the time that a boot may take.
        """
        boot.await_first_answer(self.folder, self.record.port, boot.BOOT_SECONDS[self.record.accelerator])
        boot.set_clock(self.connection)

    def _load(self, tag: str) -> None:
        """Load a snapshot into a QEMU that waits.

        QEMU refuses a state that was saved with another capability than it has: a clone of the warm state has one,
        a machine that was booted has not.
        """
        for is_of_clone in (True, False):
            qmp.execute_all(self.folder / QMP_SOCKET, [leaves_memory_out(is_of_clone)])
            try:
                return self._job("snapshot-load", tag=tag, vmstate="disk")
            except qmp.QmpRefused:
                if not is_of_clone:
                    raise

    def snapshots(self) -> list[str]:
        """As `Machine.snapshots`."""
        return list(dict.fromkeys(tag.partition("@")[0] for tag in self._all_tags()))

    def stopped_with_snapshots(self) -> bool:
        """Whether the disk of a machine that does not run holds snapshots."""
        told = json.loads(qemu_img("info", "--output=json", str(self.folder / DISK_FILE)))
        return bool(told.get("snapshots"))

    def _tags(self, name: str) -> list[str]:
        """What QEMU calls the snapshots of a name, the latest last: two, where taking one was interrupted."""
        tags = [tag for tag in self._all_tags() if tag.partition("@")[0] == name]
        return sorted(tags, key=lambda tag: int(tag.partition("@")[2] or 0))

    def _all_tags(self) -> list[str]:
        nodes: Any = qmp.execute(self.folder / QMP_SOCKET, "query-named-block-nodes", flat=True)
        disk = next(node for node in nodes if node.get("node-name") == "disk")
        return [snapshot["name"] for snapshot in disk["image"].get("snapshots", [])]

    def _job(self, name: str, **arguments: str) -> None:
        timeout = SNAPSHOT_SECONDS * max(1, self.record.hardware.memory_mib / 1024)
        qmp.run_job(self.folder / QMP_SOCKET, name, timeout=timeout, devices=["disk"], **arguments)

    # --- life ---

    def start(self, progress: Progress, *, fresh: bool) -> None:
        """Start QEMU and wait until the guest takes commands.

        Args:
            progress: told what is done.
            fresh: begin in the image's state; otherwise boot the disk as it was left.
        """
        template = self._template()
        if fresh and template:
            progress.step(f"Resuming {self.name} from the warm state")
            self._on_a_free_port(lambda: self._resume(template))
        else:
            progress.step(f"Booting {self.name} ({self.record.accelerator})")
            if fresh:
                new_overlay(
                    template.boot.disk if template else self.record.base.disk, self.folder / DISK_FILE
                )
            boot.retried_once(lambda: self._on_a_free_port(self._boot))
        if self.channel is None:
            boot.set_clock(self.connection)
            # sudo, for one, complains where a host cannot look up its own name.
            self.run(
                f"echo {self.name} > /proc/sys/kernel/hostname; "
                f"grep -qw {self.name} /etc/hosts || echo '127.0.1.1 {self.name}' >> /etc/hosts"
            )

    def _template(self) -> Template | None:
        folder = Path(self.record.template)
        found = find_template(folder.parent, folder.name) if self.record.template else None
        # Since it was made, the machine may have changed over to KVM; its disk is an overlay of that one still.
        return found if found and found.accelerator == self.record.accelerator else None

    def _resume(self, template: Template) -> None:
        if not template.hardware.channel:
            _connection_soon()
        new_overlay(template.boot.disk, self.folder / DISK_FILE)
        process.start(
            command_line(
                name=self.name,
                folder=self.folder,
                boot=template.boot,
                hardware=template.hardware,
                accelerator=template.accelerator,
                port=self.record.port,
                memory=template.memory,
                resume=True,
            ),
            self.folder,
        )
        if template.hardware.channel:
            self.channel = open_channel(self.folder)
        resume_clone(self.folder, template)

    def _boot(self) -> None:
        process.end(self.folder)
        base = self.record.base
        initrd = self.folder / "initrd"
        boot.write_initrd(base.initrd, lab_keys(), initrd)
        process.start(
            command_line(
                name=self.name,
                folder=self.folder,
                boot=BootFiles(base.disk, base.kernel, initrd, base.kernel_arguments),
                hardware=self.record.hardware,
                accelerator=self.record.accelerator,
                port=self.record.port,
            ),
            self.folder,
        )
        boot.await_first_answer(self.folder, self.record.port, boot.BOOT_SECONDS[self.record.accelerator])

    def _on_a_free_port(self, start: Callable[[], None]) -> None:
        """Another program may take the port between our look and QEMU's bind; then take another one."""
        for attempt in range(5):
            try:
                return start()
            except MachineError as error:
                if "forwarding rule" not in str(error) or attempt == 4:
                    raise
                self.record = self.record.moved(boot.free_port())
                write_record(self.record)
        raise AssertionError("unreachable")

    def reset(self) -> None:
        """As `Machine.reset`: a new clone of the warm state; its snapshots are gone with the old disk."""
        from lab.console import NoProgress

        self.close()
        process.end(self.folder)
        self.start(NoProgress(), fresh=True)

    def down(self, *, force: bool = False) -> None:
        """As `RemoteMachine.down`; its disk stays."""
        if not force and process.state(self.folder) == "running":
            hangs = False
            try:
                self.run("systemctl poweroff --no-block || poweroff", timeout=5, check=False)
            except CommandTimeout:
                hangs = True
            except MachineError:
                pass  # the connection may end before the command says so
            if not hangs:
                with suppress(MachineError):  # else it is ended as it is
                    process.await_state(self.folder, {"shutdown"}, timeout=self.deadline(10))
        self.close()
        process.end(self.folder)

    def close(self) -> None:
        """As `Machine.close`; a channel, too, is open no more."""
        super().close()
        if self.channel is not None:
            self.channel.close()
            self.channel = None

    def remove(self) -> None:
        """As `RemoteMachine.remove`."""
        self.close()
        remove(self.name)


def _connection_soon() -> None:
    """Import fabric, which takes a quarter of a second, while QEMU reads a state, which takes longer."""
    threading.Thread(target=import_module, args=("lab.machine.connection",), daemon=True).start()


def remove(name: str) -> None:
    """End a machine, whatever state it is in, and remove all that is kept of it."""
    folder = machine_folder(name)
    process.end(folder)
    shutil.rmtree(folder, ignore_errors=True)
