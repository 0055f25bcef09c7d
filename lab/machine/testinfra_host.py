"""testinfra over a machine's own connection, so that it opens none of its own."""

from __future__ import annotations

from typing import Any

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host

from lab.machine.protocol import Machine


class MachineBackend(BaseBackend):  # type: ignore[misc]  # testinfra brings no types
    """Runs testinfra's commands with `Machine.run`, time limits included."""

    NAME = "boxwright"

    def __init__(self, machine: Machine, **options: Any) -> None:
        super().__init__(machine.name, **options)
        self._machine = machine

    def run(self, command: str, *args: str, **_: Any) -> CommandResult:
        """Run a command in the guest; its arguments are quoted by testinfra."""
        line = self.get_command(command, *args)
        done = self._machine.run(line, check=False)
        return self.result(done.exit_status, line, done.stdout, done.stderr)


def testinfra_host(machine: Machine) -> Host:
    """A testinfra `Host` that looks at this machine."""
    return Host(MachineBackend(machine))
