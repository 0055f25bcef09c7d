"""The machine of kind `ssh`: a Debian or Ubuntu host that was there already.

The lab logs in and runs commands; it neither starts nor stops it, and cannot bring back an
earlier state of it.
"""

from __future__ import annotations

import shutil
from typing import Literal, NoReturn

from lab.errors import MachineError
from lab.machine.host import HostMachine
from lab.machine.record import SshRecord


class SshMachine(HostMachine[SshRecord]):
    """A host, by its record. Implements `lab.machine.protocol.Machine` as far as a host can."""

    kind: Literal["ssh"] = "ssh"

    def snapshot(self, name: str) -> None:
        """Refused: a host has no snapshots."""
        self._refuse(
            "has no snapshots", "Take one where the host itself is run, or use a VM of the lab: lab up."
        )

    def restore(self, name: str) -> None:
        """Refused: a host has no snapshots."""
        self._refuse(
            "has no snapshots", "Restore it where the host itself is run, or use a VM of the lab: lab up."
        )

    def snapshots(self) -> list[str]:
        """None: a host has no snapshots."""
        return []

    def reset(self) -> None:
        """Refused: nobody kept the host's fresh state."""
        self._refuse(
            "has no fresh state to go back to",
            f"`lab provision {self.name}` puts in order what the lab laid there; a VM of the lab can be reset.",
        )

    def down(self, *, force: bool = False) -> None:
        """Refused: what the lab did not start it does not stop."""
        self._refuse(
            "is not stopped by the lab",
            f"`lab ssh -m {self.name} -- sudo poweroff` does it; `lab destroy {self.name}` forgets it.",
        )

    def remove(self) -> None:
        """Forget the host, which stays as it is."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _refuse(self, why: str, remedy: str) -> NoReturn:
        raise MachineError(f"Machine {self.name!r} is a host that was there already: it {why}", remedy)
