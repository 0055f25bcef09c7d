"""What machines of all kinds share: commands and files over one SSH connection that stays open.

A kind adds where the machine is (`address`), how its end is noticed (`_watch`, `events`),
and its snapshots. Nothing here knows what runs the machine.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from lab.machine.address import SshAddress
from lab.machine.protocol import CommandResult, Kind, MachineEvent
from lab.machine.record import HostRecord, QemuRecord, machine_folder

if (
    TYPE_CHECKING
):  # fabric takes a quarter of a second to import; who needs no connection does not wait for it
    from lab.machine.connection import Connection

RecordType = TypeVar("RecordType", bound=QemuRecord | HostRecord)


class RemoteMachine(ABC, Generic[RecordType]):
    """A machine, by its record. With what the kinds add it is a `lab.machine.protocol.Machine`."""

    kind: Kind

    def __init__(self, record: RecordType) -> None:
        self.record = record
        self.folder = machine_folder(record.name)
        self._connection: Connection | None = None

    @property
    def name(self) -> str:
        """The name by which the user knows it."""
        return self.record.name

    @property
    @abstractmethod
    def address(self) -> SshAddress:
        """Where its SSH server is; the host key is pinned in the machine's folder."""

    @property
    def connection(self) -> Connection:
        """The connection that all commands share."""
        from lab.machine.connection import Connection

        if self._connection is None:
            self._connection = Connection(self.address, scale=self.deadline, watch=self._watch)
        return self._connection

    def run(
        self, command: str, *, timeout: float = 60, check: bool = True, stdin: bytes = b""
    ) -> CommandResult:
        """As `Machine.run`."""
        return self.connection.run(command, timeout=timeout, check=check, stdin=stdin)

    def put(self, source: Path, destination: str) -> None:
        """As `Machine.put`."""
        self.connection.put(source, destination)

    def write(self, destination: str, content: bytes, *, mode: int = 0o644) -> None:
        """As `Machine.write`."""
        self.connection.write(destination, content, mode=mode)

    def read(self, path: str) -> bytes:
        """As `Machine.read`."""
        return self.connection.read(path)

    def kernel_log(self) -> list[str]:
        """As `Machine.kernel_log`."""
        return self.run("dmesg --notime", timeout=20).text.splitlines()

    def deadline(self, seconds: float) -> float:
        """As `Machine.deadline`."""
        return seconds * self.record.slowness

    def close(self) -> None:
        """As `Machine.close`."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @abstractmethod
    def _watch(self) -> None:
        """Raise `MachineError` when it can be told from outside that the machine is lost."""

    @abstractmethod
    def events(self) -> list[MachineEvent]:
        """As `Machine.events`."""

    @abstractmethod
    def snapshot(self, name: str) -> None:
        """As `Machine.snapshot`."""

    @abstractmethod
    def restore(self, name: str) -> None:
        """As `Machine.restore`."""

    @abstractmethod
    def snapshots(self) -> list[str]:
        """As `Machine.snapshots`."""

    @abstractmethod
    def reset(self) -> None:
        """As `Machine.reset`."""

    @abstractmethod
    def down(self, *, force: bool = False) -> None:
        """End it and keep what it has written.

        Args:
            force: at once, as a power cut; otherwise the guest is asked to power off first.
        """

    @abstractmethod
    def remove(self) -> None:
        """End it, and remove all that is kept of it."""
