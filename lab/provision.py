"""Makes a reachable machine a lab VM: runs the playbook in `vagrant/ansible` on it, over SSH.

The same for a VM of ours, one that `vagrant up` started, and a host that is there already:
all that is needed is its address.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab import deploy, paths
from lab.console import NoProgress, Progress
from lab.errors import LabError
from lab.image import alpine, contents, tools
from lab.machine.address import SshAddress, openssh_value
from lab.machine.remote import RemoteMachine

PLAYBOOK = paths.CHECKOUT / "vagrant/ansible/playbook.yml"

TIMEOUT = 900.0
"""Seconds for the whole playbook. It takes 40 in an emulated guest that has all packages."""

LOG = "ansible.log"
"""In the machine's folder: what Ansible printed, of all runs."""

CIPHER = "chacha20-poly1305@openssh.com"
"""The fastest where the processor is emulated; every OpenSSH has it."""


@dataclass(frozen=True)
class Outcome:
    """How many tasks did what: Ansible's recap."""

    ok: int
    changed: int
    failed: int
    seconds: float


def provision(
    address: SshAddress,
    *,
    variables: Mapping[str, str] | None = None,
    log: Path,
    progress: Progress | None = None,
    timeout: float = TIMEOUT,
) -> Outcome:
    """Run the playbook.

    Args:
        address: where the machine is; its user is root or may use sudo.
        variables: for the playbook; its first lines name them.
        log: file to which Ansible's output is appended.
        progress: told the task that runs.
        timeout: seconds for the whole playbook.

    Raises:
        LabError: a task failed, the machine could not be reached, or time was up.
    """
    told = progress or NoProgress()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="boxwright-ansible-") as name:
        folder = Path(name)
        (folder / "inventory.json").write_text(json.dumps(inventory(address)))
        (folder / "ansible.cfg").touch()
        arguments = [
            sys.executable,
            *("-P", "-m", "ansible", "playbook"),
            *("--inventory", str(folder / "inventory.json")),
            *("--extra-vars", json.dumps(dict(variables or {}))),
            str(PLAYBOOK),
        ]
        said: list[str] = []

        def take(line: str) -> None:
            said.append(line)
            task = re.match(r"(?:TASK|RUNNING HANDLER) \[(.+?)\]", line)
            if task:
                told.detail(task[1])

        try:
            tools.run(
                arguments,
                log,
                on_line=take,
                environment=environment(folder),
                folder=PLAYBOOK.parent,
                timeout=timeout,
            )
        except TimeoutError:
            task = last_task("\n".join(said))
            raise LabError(
                f"The playbook did not end within {timeout:.0f} s; it was in the task {task!r}",
                f"Its whole output is in {log}.",
                detail=tools.tail(log),
            ) from None
        finally:
            _close_connections(folder, address)
    text = "\n".join(said)
    done = outcome(text, time.monotonic() - began)
    if done is None or done.failed:
        raise failure(text, address, log)
    return done


def provision_machine(machine: RemoteMachine[Any], progress: Progress) -> Outcome:
    """Run the playbook on a machine of whatever kind; what is there already is left as it is.

    Raises:
        LabError: as `provision`, or the machine has no base root file system and none was found for it.
    """
    # One that has it already needs no tarball, and no network to find one.
    asked = machine.run(f"uname -m; cat {deploy.ROOTFS_BASE}.sha256", check=False, timeout=20)
    architecture, *mark = asked.text.splitlines() or [""]
    listed = contents.read()
    if mark and mark[0] in alpine.known_digests(listed, architecture):
        variables = {"boxwright_alpine_digest": mark[0]}
    else:
        tarball = alpine.find(listed, progress, machine=architecture)
        variables = {"boxwright_alpine_tarball": str(tarball.path), "boxwright_alpine_digest": tarball.sha256}
    progress.step(f"Running the playbook on {machine.name}")
    return provision(
        machine.address,
        variables=variables,
        log=machine.folder / LOG,
        progress=progress,
        # Packages that are missing are downloaded and unpacked there, at its speed.
        timeout=max(TIMEOUT, machine.deadline(TIMEOUT / 3)),
    )


def inventory(address: SshAddress) -> dict[str, object]:
    """An inventory (in the YAML plugin's form; JSON is YAML) with the one machine."""
    options = address.openssh_options()
    at = options.index("-p")  # means something else to sftp(1), and Ansible gives the port itself
    options[at : at + 2] = ["-o", f"Ciphers={CIPHER},aes128-gcm@openssh.com"]
    host = {
        "ansible_host": address.host,
        "ansible_port": address.port,
        "ansible_user": address.user,
        # The key is among them: as a setting of its own, Ansible gives it to ssh with its `%` unguarded.
        "ansible_ssh_common_args": shlex.join(options),
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    return {"all": {"hosts": {"machine": host}}}


def environment(folder: Path) -> dict[str, str]:
    """Settings for Ansible: nothing of the user's own, everything temporary in `folder`."""
    own = {
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_REMOTE_TEMP": "/tmp/.boxwright-ansible",
        "ANSIBLE_PIPELINING": "true",
        "ANSIBLE_HOST_KEY_CHECKING": "true",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "c"),
        "ANSIBLE_SSH_ARGS": "-o ControlMaster=auto -o ControlPersist=60",
        "ANSIBLE_SSH_RETRIES": "2",
        # A file goes through the open connection; sftp would start a server for each.
        "ANSIBLE_SSH_TRANSFER_METHOD": "piped",
        "ANSIBLE_TIMEOUT": "60",
        "ANSIBLE_STDOUT_CALLBACK": "default",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "false",
        "ANSIBLE_FORCE_COLOR": "false",
        "ANSIBLE_NOCOLOR": "true",
        "ANSIBLE_RETRY_FILES_ENABLED": "false",
        "PYTHONUNBUFFERED": "1",
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    inherited.setdefault("LC_ALL", "C.UTF-8")
    return {**inherited, **own}


def outcome(text: str, seconds: float) -> Outcome | None:
    """Read Ansible's recap; None where it has none, because it ended before."""
    recap = re.search(
        r"^machine\s+: ok=(\d+)\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", text, re.MULTILINE
    )
    if recap is None:
        return None
    ok, changed, unreachable, failed = (int(number) for number in recap.groups())
    return Outcome(ok, changed, failed + unreachable, seconds)


def failure(text: str, address: SshAddress, log: Path) -> LabError:
    """The one sentence about a playbook that failed: which task, and what it said."""
    where = f"{address.user}@{address.host}:{address.port}"
    fatal = re.search(r"^fatal: \[machine\]: (\w+)!.*?=> (.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
    if fatal and fatal[1] == "UNREACHABLE":
        return LabError(f"{where} cannot be provisioned: SSH does not get there", detail=_message(fatal[2]))
    said = _message(fatal[2]) if fatal else "\n".join(text.splitlines()[-10:])
    return LabError(
        f"Provisioning {where} failed in the task {last_task(text)!r}",
        f"Ansible's whole output is in {log}.",
        detail=said,
    )


def last_task(text: str) -> str:
    """The last task that Ansible began."""
    tasks: list[str] = re.findall(r"^(?:TASK|RUNNING HANDLER) \[(.+?)\]", text, re.MULTILINE)
    return tasks[-1] if tasks else "before the first one"


def _message(result: str) -> str:
    """What a failed task said, from the JSON that Ansible prints."""
    try:
        fields = json.loads(result)
    except ValueError:
        return result.strip()[-2000:]
    parts = [str(fields.get(name, "")).strip() for name in ("msg", "stderr", "stdout")]
    return "\n".join(part for part in parts if part)[-2000:]


def _close_connections(folder: Path, address: SshAddress) -> None:
    """End the SSH connections that Ansible keeps open for its next run."""
    for socket in (folder / "c").glob("*"):
        subprocess.run(
            ["ssh", "-F", "none", "-o", f"ControlPath={openssh_value(socket)}", "-O", "exit", address.host],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
