"""Where a machine's SSH server is, and what proves both sides."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SshAddress:
    """All that fabric, Ansible and OpenSSH need to reach a machine."""

    host: str
    port: int
    user: str
    key: Path
    """Private key of ours."""
    known_hosts: Path
    """The pinned host key; nothing else is accepted."""

    def openssh_options(self) -> list[str]:
        """Options for `ssh` and Ansible that hold the same pins, and nothing of the user's own configuration."""
        return [
            "-F", "none",
            "-i", str(self.key),
            "-p", str(self.port),
            "-o", "IdentitiesOnly=yes",
            "-o", f"UserKnownHostsFile={self.known_hosts}",
            "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "ConnectTimeout=30",
            "-o", "LogLevel=ERROR",
        ]  # fmt: skip
