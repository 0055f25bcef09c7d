"""Commands as root for a user who is somebody else: through sudo(8), which must not ask for a password."""

from __future__ import annotations

import shlex

from lab.errors import MachineError
from lab.machine.address import SshAddress
from lab.machine.protocol import CommandResult

PROBE = "sudo -n -- true"
"""Succeeds where sudo asks for nothing (sudo(8), `--non-interactive`)."""


def as_root(command: str, user: str) -> str:
    """The line for the user's login shell that runs a line of `/bin/sh` as root, in root's home.

    Standard input, both outputs and the exit status pass through sudo unchanged.
    """
    if user == "root":
        return command
    inner = f"cd /root\n{command}"
    return f"sudo -n -- /bin/sh -c {shlex.quote(inner)}"


def may_have_refused(result: CommandResult) -> bool:
    """Whether a failure looks like sudo's own, or the shell's that finds no sudo; `PROBE` then tells."""
    return not result.ok and b"sudo" in result.stderr


def refusal(address: SshAddress, probed: CommandResult) -> MachineError:
    """The one sentence about a user who may not become root like this."""
    user = address.user
    if probed.exit_status == 127:
        return MachineError(
            f"There is no sudo on {address.host}, and {user!r} is not root",
            "Install it there, or let the lab log in as root.",
            detail=probed.error_text,
        )
    return MachineError(
        f"{user!r} may not become root on {address.host} without a password",
        "Allow it there, as root: "
        f"echo '{user} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/boxwright; or let the lab log in as root.",
        detail=probed.error_text,
    )
