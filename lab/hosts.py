"""Takes hosts that are there already into the lab: what `lab add` does.

The order is that of trust: first it is settled which host key counts, then a login proves
that the host is the one and lets us in, then it is written down, and only then is anything
changed on it. What fails before it is written down leaves nothing behind.
"""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import replace
from pathlib import Path

from lab import paths
from lab.console import Progress
from lab.errors import LabError
from lab.machine.address import Destination
from lab.machine.host import UNMEASURED
from lab.machine.record import (
    VAGRANT_NAME,
    SshRecord,
    check_name,
    locked,
    machine_folder,
    read_record,
    write_record,
)
from lab.machine.ssh import SshMachine
from lab.provision import Outcome, provision_machine

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")
"""In ~/.ssh, as ssh(1) tries them."""


def pinned(name: str, where: Destination) -> tuple[str, ...]:
    """The host keys that count for a host that was added before; none where the name is free.

    Raises:
        LabError: the name is another machine's.
    """
    before = _known(name, where)
    return before.host_keys if before else ()


def add(
    name: str,
    where: Destination,
    progress: Progress,
    *,
    key: Path | None = None,
    host_keys: tuple[str, ...],
) -> tuple[SshMachine, Outcome]:
    """Take a host into the lab and run the playbook on it; again, and nothing changes.

    Args:
        name: by which the machine is known from then on.
        where: the host, and as whom to log in: root, or a user who may use sudo without a password.
        progress: told what is done.
        key: private key to log in with; the user's own by default.
        host_keys: the host's own keys; somebody has to have settled that they are the right ones.

    Raises:
        LabError: the name is taken, the key is of no use, or the host does not let us in; then
            nothing is kept. Where only the playbook failed the machine is kept.
    """
    with locked(name):
        before = _known(name, where)
        private = usable_key(key or (before.key if before else None))
        folder = machine_folder(name)
        folder.mkdir(mode=0o700, exist_ok=True)
        try:
            progress.step(f"Logging in on {where}")
            created = before.created if before else time.time()
            record = SshRecord(
                name, where.host, where.port, where.user, private, host_keys, UNMEASURED, "", created
            )
            machine = SshMachine(record)
            survey = machine.survey()
            machine.record = replace(record, slowness=survey.slowness, suite=survey.suite)
            write_record(machine.record)
        except BaseException:
            if not before:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        try:
            return machine, provision_machine(machine, progress)
        except LabError as error:
            hint = f"{error.remedy} {name} is kept; `lab provision {name}` tries again.".lstrip()
            raise LabError(error.what, hint, detail=error.detail) from error
        finally:
            machine.close()


def _known(name: str, where: Destination) -> SshRecord | None:
    """The record of the same host under this name; None where the name is free."""
    if check_name(name) == VAGRANT_NAME:
        raise LabError(f"{name!r} is the name of the Vagrantfile's machine", "Choose another one.")
    if not (machine_folder(name) / "machine.json").exists():
        return None
    record = read_record(name)
    if isinstance(record, SshRecord) and Destination(record.user, record.host, record.port) == where:
        return record
    raise LabError(
        f"There is a machine {name!r} already", f"Choose another name, or `lab destroy {name}` first."
    )


def usable_key(path: Path | None) -> Path:
    """A private key that can be used without asking anybody; the user's own where none is named.

    Raises:
        LabError: it is none, has a passphrase, or others may read it, which ssh(1) does not accept.
    """
    import paramiko

    if path is None:
        own = [paths.home() / ".ssh" / name for name in DEFAULT_KEYS]
        path = next((each for each in own if each.is_file()), None)
        if path is None:
            raise LabError(
                "No key is named, and there is none in ~/.ssh",
                "Name one with --key FILE; `ssh-keygen -t ed25519` makes one, `ssh-copy-id` brings it to the host.",
            )
    path = paths.expanded(path).absolute()
    try:
        paramiko.PKey.from_path(path)
    except (TypeError, paramiko.PasswordRequiredException):  # the first is cryptography's word for it
        raise LabError(
            f"The key {path} has a passphrase, and the lab logs in without asking anybody",
            "Make a key of its own for it: ssh-keygen -t ed25519 -N '' -f FILE; ssh-copy-id brings it to the host.",
        ) from None
    except OSError as error:
        raise LabError(
            f"The key {path} cannot be read: {error.strerror}", "Name another with --key."
        ) from error
    except (ValueError, paramiko.SSHException) as error:
        hint = " (the public one; the private one has no .pub)" if path.suffix == ".pub" else ""
        raise LabError(f"{path} is no private key{hint}", "Name one with --key.") from error
    if path.stat().st_mode & 0o077:
        raise LabError(
            f"Others than you may read the private key {path}, so ssh does not use it",
            shlex.join(["chmod", "600", str(path)]),
        )
    return path
