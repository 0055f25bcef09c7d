"""What a machine is to the rest of the kit: a running Linux VM that takes commands.

Everything above (deployment, demonstrations, checks) speaks to this protocol and
never asks which kind it is. Kinds are siblings of this file: `qemu` (our own QEMU
process), `vagrant` (what `vagrant up` started), `ssh` (a host that is there already).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

Kind = Literal["qemu", "vagrant", "ssh"]
"""How a machine came to be."""


@dataclass(frozen=True)
class CommandResult:
    """What a command in the guest left behind. Output is bytes: a guest may print anything."""

    command: str
    exit_status: int
    stdout: bytes
    stderr: bytes
    seconds: float

    @property
    def text(self) -> str:
        """Standard output as text without the last newline; undecodable bytes are shown as `\\xNN`."""
        return self.stdout.decode("utf-8", "backslashreplace").rstrip("\n")

    @property
    def error_text(self) -> str:
        """Standard error, likewise."""
        return self.stderr.decode("utf-8", "backslashreplace").rstrip("\n")

    @property
    def ok(self) -> bool:
        """Whether the command ended with status 0."""
        return self.exit_status == 0


@dataclass(frozen=True)
class MachineEvent:
    """Something that happened to the whole machine, seen from outside it."""

    kind: Literal["panic", "reset", "shutdown", "lost"]
    seconds: float
    """When, as `time.time()` of the host."""
    detail: str = ""


class Machine(Protocol):
    """A running Linux VM, reached over one SSH connection that stays open.

    Commands run as root through `/bin/sh`. All of them raise `MachineError` when the
    machine is lost, and hold their time limit also when the guest hangs.
    """

    @property
    def name(self) -> str:
        """The name by which the user knows it."""

    @property
    def kind(self) -> Kind:
        """How it came to be."""

    def run(
        self, command: str, *, timeout: float = 60, check: bool = True, stdin: bytes = b""
    ) -> CommandResult:
        """Run a shell command and wait for its end.

        Args:
            command: a line for `/bin/sh`.
            timeout: seconds on a fast machine; scaled by `deadline` for this one.
            check: raise `CommandFailed` when the status is not 0.
            stdin: bytes for its standard input, which is closed after them.

        Raises:
            CommandFailed: the status is not 0 and `check` is set.
            CommandTimeout: it did not end in time; it is no longer waited for.
            MachineError: the connection was lost.
        """

    def put(self, source: Path, destination: str) -> None:
        """Copy a file, or the contents of a folder, to an absolute path in the guest."""

    def write(self, destination: str, content: bytes, *, mode: int = 0o644) -> None:
        """Write a file in the guest, atomically."""

    def read(self, path: str) -> bytes:
        """The contents of a file in the guest."""

    def kernel_log(self) -> list[str]:
        """The kernel's log so far, a line each, without time stamps (`dmesg --notime`)."""

    def snapshot(self, name: str) -> None:
        """Keep the present state, memory and disk, under a name."""

    def restore(self, name: str) -> None:
        """Go back to a snapshot. Raises `MachineError` where there is none of that name."""

    def snapshots(self) -> list[str]:
        """Names of the snapshots that can be restored."""

    def reset(self) -> None:
        """Go back to the fresh state in which every lab VM starts."""

    def events(self) -> list[MachineEvent]:
        """What happened to the machine since it was started or last restored."""

    def deadline(self, seconds: float) -> float:
        """A time limit for this machine: `seconds` on a fast one, longer where it is measured slower."""

    def close(self) -> None:
        """Close the connection; the machine goes on."""
