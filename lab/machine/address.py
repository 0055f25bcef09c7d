"""Where a machine's SSH server is, and what proves both sides."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

SSH_PORT = 22


@dataclass(frozen=True)
class Destination:
    """A host as a person names it."""

    user: str
    host: str
    """A name, or an address of IPv4 or IPv6, without brackets."""
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.user}@{host}" + (f":{self.port}" if self.port != SSH_PORT else "")


def destination(text: str) -> Destination:
    """Read `[USER@]HOST[:PORT]`; an IPv6 address stands in brackets where a port follows.

    Without a user it is root, as whom commands run in a lab VM.

    Raises:
        LabError: it is no such thing.
    """
    user, _, rest = text.rpartition("@")
    if rest.count(":") > 1 and not rest.startswith("["):  # an IPv6 address by itself
        rest = f"[{rest}]"
    match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([\w.-]+))(?::(\d{1,5}))?", rest, re.ASCII)
    port = int(match[3] or SSH_PORT) if match else 0
    host = (match[1] or match[2]).lower() if match else ""
    if not 0 < port < 65536 or host.startswith("-") or not re.fullmatch(r"[\w][\w.$-]*|", user, re.ASCII):
        raise LabError(
            f"{text!r} names no host",
            "Give [USER@]HOST[:PORT], such as ubuntu@lab.example or root@[fd00::2]:2222.",
        )
    return Destination(user or "root", host, port)


def known_hosts_name(host: str, port: int) -> str:
    """What a known_hosts file calls a host (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT")."""
    return host if port == SSH_PORT else f"[{host}]:{port}"


def openssh_value(path: Path) -> str:
    """A path as the value of an option that names files: one word, in which `%` is no token (ssh_config(5)).

    Only `${` stays what it is to ssh, the beginning of a variable's name: it has no way to write it otherwise.
    """
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text.replace("%", "%%") + '"'


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
            "-p", str(self.port),
            "-o", f"IdentityFile={openssh_value(self.key)}",
            "-o", "IdentitiesOnly=yes",
            "-o", f"UserKnownHostsFile={openssh_value(self.known_hosts)}",
            "-o", "GlobalKnownHostsFile=/dev/null",
            "-o", "StrictHostKeyChecking=yes",
            "-o", "ConnectTimeout=30",
            "-o", "LogLevel=ERROR",
        ]  # fmt: skip
