"""From a name to a machine of whatever kind: the one place that knows them all.

A kind is imported when it is met, so that nobody waits for those that are not used.
"""

from __future__ import annotations

from typing import Any

from lab.console import Progress
from lab.machine.protocol import Kind
from lab.machine.record import VAGRANT_NAME, QemuRecord, SshRecord, machine_folder, read_record
from lab.machine.remote import RemoteMachine

AnyMachine = RemoteMachine[Any]


def kind_of(name: str) -> Kind:
    """The kind of a machine, or that which one of this name would have: QEMU, but for the Vagrantfile's."""
    if (machine_folder(name) / "machine.json").exists():
        return read_record(name).kind
    return "vagrant" if name == VAGRANT_NAME else "qemu"


def machine(name: str, progress: Progress | None = None) -> AnyMachine:
    """The machine of that name, whether it runs or not.

    Args:
        name: of the machine.
        progress: told what is done, by kinds that take their time.

    Raises:
        MachineError: there is none of that name.
    """
    if kind_of(name) == "vagrant":
        from lab.machine.vagrant import VagrantMachine

        return VagrantMachine.of_checkout(progress)
    record = read_record(name)
    if isinstance(record, SshRecord):
        from lab.machine.ssh import SshMachine

        return SshMachine(record)
    assert isinstance(record, QemuRecord)
    from lab.machine.qemu import QemuMachine

    return QemuMachine(record)


def find(name: str, progress: Progress | None = None) -> AnyMachine:
    """The machine of that name, to run commands in.

    Raises:
        MachineError: there is none, or it is known not to run.
    """
    if kind_of(name) == "qemu":
        from lab.machine.qemu import QemuMachine

        return QemuMachine.find(name)
    return machine(name, progress)
