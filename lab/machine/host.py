"""A machine that is reached and not run by us: what kinds `ssh` and `vagrant` share.

Its address and its pinned host keys are in its record. From outside nothing can be seen of
it but that it answers; that it was restarted shows in the kernel's boot id.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from lab.errors import MachineError
from lab.machine import host_key
from lab.machine.address import SshAddress
from lab.machine.protocol import MachineEvent
from lab.machine.record import HostRecord, machine_folder
from lab.machine.remote import RemoteMachine

if TYPE_CHECKING:  # see `remote`
    from lab.machine.connection import Connection

BOOT_ID = "/proc/sys/kernel/random/boot_id"
"""Another one after each start of the kernel (random(4))."""

UNMEASURED = 10.0
"""The slowness that a machine is given the benefit of before it was measured: that of an emulated one."""

HostRecordType = TypeVar("HostRecordType", bound=HostRecord)


@dataclass(frozen=True)
class Survey:
    """What is learned of a host once."""

    suite: str
    slowness: float


class HostMachine(RemoteMachine[HostRecordType]):
    """A machine at an address."""

    def __init__(self, record: HostRecordType) -> None:
        super().__init__(record)
        self._boot_id = ""

    @property
    def address(self) -> SshAddress:
        """As `RemoteMachine.address`."""
        return pinned_address(self.record)

    @property
    def connection(self) -> Connection:
        """As `RemoteMachine.connection`; the first one says which start of the kernel this is."""
        connection = super().connection
        if not self._boot_id:
            self._boot_id = connection.run(f"cat {BOOT_ID}", timeout=20).text
        return connection

    def events(self) -> list[MachineEvent]:
        """As `Machine.events`: that it does not answer, or was started anew since we first asked."""
        try:
            before, now = self._boot_id, self.connection.run(f"cat {BOOT_ID}", timeout=20).text
        except MachineError as error:
            return [MachineEvent("lost", time.time(), error.what)]
        if before and now != before:
            return [MachineEvent("reset", time.time(), "its kernel was started anew")]
        return []

    def _watch(self) -> None:
        """From outside nothing can be seen of it while a command is silent: its time limit has to do."""

    def survey(self) -> Survey:
        """Look at the host once: its release, and its speed.

        Raises:
            MachineError: it cannot be reached, is no Debian or Ubuntu, or has no Python.
        """
        from lab.machine.speed import measure_slowness

        asked = self.run(
            '. /etc/os-release; echo "$ID $VERSION_CODENAME"; command -v python3', check=False, timeout=20
        )
        release, *python = asked.text.splitlines() or ["unknown"]
        distribution, _, suite = release.partition(" ")
        if distribution not in ("debian", "ubuntu"):
            raise MachineError(f"{self.record.host} is {distribution}", "A lab VM is a Debian or an Ubuntu.")
        if not python:
            raise MachineError(
                f"{self.record.host} has no Python", "As root on it: apt install python3; then try again."
            )
        return Survey(suite, measure_slowness(self.connection))


def pinned_address(record: HostRecord) -> SshAddress:
    """The address in a record, with a known_hosts file in the machine's folder that holds its pins."""
    known_hosts = machine_folder(record.name) / "known_hosts"
    host_key.pin(known_hosts, record.host, record.port, record.host_keys)
    return SshAddress(record.host, record.port, record.user, record.key, known_hosts)
