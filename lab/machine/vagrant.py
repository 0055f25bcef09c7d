"""The machine of kind `vagrant`: the VM of a Vagrantfile, started by Vagrant with whatever provider it has.

It is the one of the checkout's `vagrant/`, or of the folder that `BOXWRIGHT_VAGRANT` names.
Vagrant takes seconds to start, so where the VM is stands in the record, and Vagrant is asked
again only when nobody with the pinned key answers there. Vagrant itself pins no host key: the
one that a newly created VM shows at the first look is pinned, and holds as long as the VM.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Literal

from lab import paths
from lab.console import NoProgress, Progress
from lab.errors import MachineError
from lab.machine import host_key
from lab.machine.address import SshAddress
from lab.machine.boot import set_clock
from lab.machine.host import UNMEASURED, HostMachine
from lab.machine.record import VAGRANT_NAME, VagrantRecord, machine_folder, read_record, write_record
from lab.machine.vagrant_program import VagrantProgram

LOG = "vagrant.log"
"""In the machine's folder: all that Vagrant printed."""

ANSWER_SECONDS = 5.0
"""Within which a VM that runs shows its host key; Vagrant is asked where it does not."""


def vagrant_folder() -> Path:
    """The folder whose Vagrantfile is meant."""
    own = os.environ.get("BOXWRIGHT_VAGRANT")
    return Path(own).absolute() if own else paths.CHECKOUT / "vagrant"


class VagrantMachine(HostMachine[VagrantRecord]):
    """The Vagrantfile's VM, by its record. Implements `lab.machine.protocol.Machine`."""

    kind: Literal["vagrant"] = "vagrant"

    def __init__(self, record: VagrantRecord, progress: Progress | None = None) -> None:
        super().__init__(record)
        self.vagrant = VagrantProgram(record.folder, self.folder / LOG, progress or NoProgress())
        self._located = False

    @classmethod
    def of_checkout(cls, progress: Progress | None = None) -> VagrantMachine:
        """The machine of the Vagrantfile that is meant, whether it runs or not."""
        folder = vagrant_folder()
        if (machine_folder(VAGRANT_NAME) / "machine.json").exists():
            record = read_record(VAGRANT_NAME)
            if isinstance(record, VagrantRecord) and record.folder == folder:
                return cls(record, progress)
        blank = VagrantRecord(
            VAGRANT_NAME, "", 0, "", Path(), (), UNMEASURED, "", time.time(), machine_id="", folder=folder
        )
        return cls(blank, progress)

    @property
    def address(self) -> SshAddress:
        """As `RemoteMachine.address`.

        Raises:
            MachineError: the VM does not run, as Vagrant says.
        """
        self._locate()
        return super().address

    # --- where it is ---

    def _locate(self) -> None:
        """Make the record true: from memory where the pinned key answers, else from Vagrant."""
        if self._located:
            return
        machine_id = self.vagrant.machine_id()
        if machine_id is None:
            raise MachineError(
                f"The Vagrantfile in {self.record.folder} has no machine yet",
                f"`lab up {self.name}` makes it.",
            )
        same = self.record.machine_id == machine_id
        if not (same and self._answers()):
            self._ask_vagrant(machine_id, same=same)
        self._located = True
        if not self.record.suite:
            survey = self.survey()
            self._remember(slowness=survey.slowness, suite=survey.suite)

    def _answers(self) -> bool:
        """Whether the machine with the pinned key is where it was last."""
        try:
            shown = host_key.scan(self.record.host, self.record.port, timeout=ANSWER_SECONDS)
        except MachineError:
            return False
        return shown in self.record.host_keys

    def _ask_vagrant(self, machine_id: str, *, same: bool) -> None:
        self.vagrant.progress.step("Asking Vagrant where its machine is")
        settings = self.vagrant.ssh_settings()
        self._remember(
            host=settings.host,
            port=settings.port,
            user=settings.user,
            key=settings.keys[0],
            machine_id=machine_id,
            host_keys=self.record.host_keys if same else (host_key.scan(settings.host, settings.port),),
            slowness=self.record.slowness if same else UNMEASURED,
            suite=self.record.suite if same else "",
        )

    def _remember(self, **changes: object) -> None:
        self.record = replace(self.record, **changes)  # type: ignore[arg-type]
        self.folder.mkdir(mode=0o700, exist_ok=True)
        write_record(self.record)

    # --- life ---

    def up(self) -> None:
        """`vagrant up`, unless it answers already; returns when it takes commands.

        Raises:
            MachineError: Vagrant failed.
        """
        if self.record.machine_id and self.record.machine_id == self.vagrant.machine_id() and self._answers():
            return
        self.vagrant.act("up")
        self._reconnect()

    def state(self) -> str:
        """`running`, `not created`, `not answering`, or Vagrant's own word for a VM that does not run."""
        machine_id = self.vagrant.machine_id()
        if machine_id is None:
            return "not created"
        if self.record.machine_id == machine_id and self._answers():
            return "running"
        try:
            states = [row.data[0] for row in self.vagrant.ask("status") if row.type == "state" and row.data]
        except MachineError:
            return "not answering"
        word = states[0] if states else "not answering"
        if word == "running":
            # Of one that was made anew, where it is is not known yet, so nobody has asked it.
            known = self.record.host and self.record.machine_id == machine_id
            return "not answering" if known else "running"
        return "stopped" if word in ("shutoff", "poweroff") else word.replace("_", " ")

    def down(self, *, force: bool = False) -> None:
        """As `RemoteMachine.down`: `vagrant halt`."""
        self.close()
        self.vagrant.act("halt", *(["--force"] if force else []))

    def remove(self) -> None:
        """As `RemoteMachine.remove`: `vagrant destroy`."""
        self.close()
        if self.vagrant.machine_id() is not None:
            self.vagrant.act("destroy", "--force")
        shutil.rmtree(self.folder, ignore_errors=True)

    def reset(self) -> None:
        """As `Machine.reset`: destroyed and made anew, a minute or two; its snapshots are gone."""
        self.close()
        self.vagrant.act("destroy", "--force")
        self.vagrant.act("up")
        self._reconnect()

    # --- snapshots ---

    def snapshot(self, name: str) -> None:
        """As `Machine.snapshot`. A snapshot of the same name is replaced."""
        self.run("sync", timeout=60)
        self.vagrant.act("snapshot", "save", "--force", name)

    def restore(self, name: str) -> None:
        """As `Machine.restore`."""
        self.close()
        self.vagrant.act("snapshot", "restore", "--no-provision", name)
        self._reconnect()
        # It goes on at the time of its saving.
        set_clock(self.connection)

    def snapshots(self) -> list[str]:
        """As `Machine.snapshots`."""
        answered = [row.data for row in self.vagrant.ask("snapshot", "list") if row.type == "ui"]
        # Headlines and advice begin with the machine's name, snapshots stand alone.
        return [
            data[1]
            for data in answered
            if len(data) == 2 and data[0] == "detail" and data[1][:1] not in (" ", "")
        ]

    def _reconnect(self) -> None:
        """Forget what may have changed, and find it again."""
        self.close()
        self._located, self._boot_id = False, ""
        self._locate()
