"""Host keys of machines that are not ours: given, or seen at the first look, and pinned from then on.

Nothing here trusts anything: it says what a host's key is, and writes down which one counts.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import logging
import os
import re
import socket
from pathlib import Path

from lab import paths
from lab.errors import LabError, MachineError
from lab.machine.address import known_hosts_name

TYPES = re.compile(r"ssh-ed25519|ecdsa-sha2-nistp(?:256|384|521)|ssh-rsa")
"""The types of host keys that OpenSSH's servers have by default (sshd_config(5), HostKeyAlgorithms)."""

SLOW_KEY_EXCHANGES = ["mlkem768x25519-sha256", "diffie-hellman-group16-sha512"]
"""Left out: under emulation they cost several times what curve25519 does."""


def scan(host: str, port: int, *, timeout: float = 20) -> str:
    """The key that a host shows now, as `TYPE BASE64`: one key exchange, no login.

    Raises:
        MachineError: no SSH server answers there.
    """
    import paramiko  # a tenth of a second, for which who only pins need not wait

    quiet_paramiko()
    try:
        with socket.create_connection((host, port), timeout) as connected:
            transport = paramiko.Transport(connected, disabled_algorithms={"kex": SLOW_KEY_EXCHANGES})
            transport.banner_timeout = timeout
            try:
                transport.start_client(timeout=timeout)
                key = transport.get_remote_server_key()
            finally:
                transport.close()
    except (OSError, EOFError, paramiko.SSHException) as error:
        raise MachineError(
            f"No SSH server answers on {host} port {port}: {error or type(error).__name__}"
        ) from error
    return f"{key.get_name()} {key.get_base64()}"


def quiet_paramiko() -> None:
    """What paramiko would print on the terminal, traceback and all, our exceptions say in a sentence."""
    logging.getLogger("paramiko").setLevel(logging.CRITICAL + 1)


def given(text: str, host: str, port: int) -> tuple[str, ...]:
    """The host keys that a person names: a public key or a line of known_hosts, or a file of such lines.

    Raises:
        LabError: there is no key in it, or none of this host.
    """
    import paramiko

    try:
        file = paths.expanded(Path(text))
        # A key may be too long to be a name, which is no error.
        content = file.read_text() if os.path.isfile(file) else text  # noqa: PTH113
    except (OSError, UnicodeDecodeError) as error:
        raise LabError(f"The host key {text} cannot be read: {error}") from error
    found: list[str] = []
    others = paramiko.HostKeys()
    for line in content.splitlines():
        words = line.split()
        if len(words) >= 2 and TYPES.fullmatch(words[0]) and _is_key(words[0], words[1]):
            found.append(f"{words[0]} {words[1]}")
        elif len(words) >= 3 and TYPES.fullmatch(words[1]) and _is_key(words[1], words[2]):
            entry = paramiko.hostkeys.HostKeyEntry.from_line(" ".join(words[:3]))
            if entry is not None and entry.key is not None:
                for name in entry.hostnames:
                    others.add(name, words[1], entry.key)
    of_host = others.lookup(known_hosts_name(host, port))
    found += [f"{type_} {key.get_base64()}" for type_, key in of_host.items()] if of_host else []
    if not found:
        what = "holds no host key" if not len(others) else f"holds no key of {known_hosts_name(host, port)}"
        raise LabError(
            f"{text[:80]!r} {what}",
            "Give a public key (/etc/ssh/ssh_host_ed25519_key.pub on that host) or a known_hosts file.",
        )
    return tuple(dict.fromkeys(found))


def _is_key(type_: str, text: str) -> bool:
    """Whether a public key is whole: it names its own type inside (RFC 4253, section 6.6)."""
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error:
        return False
    return blob[4 : 4 + int.from_bytes(blob[:4])] == type_.encode() and len(blob) > 4 + len(type_)


def fingerprint(key: str) -> str:
    """A key as ssh-keygen(1) shows it: its type, and SHA-256 in base64."""
    type_, _, text = key.partition(" ")
    digest = base64.b64encode(hashlib.sha256(base64.b64decode(text)).digest()).decode().rstrip("=")
    return f"{type_.removeprefix('ssh-').upper()} SHA256:{digest}"


def pin(known_hosts: Path, host: str, port: int, keys: tuple[str, ...]) -> None:
    """Write the known_hosts file with which nothing but these keys is accepted at this address."""
    lines = "".join(f"{known_hosts_name(host, port)} {key}\n" for key in keys)
    if not known_hosts.exists() or known_hosts.read_text() != lines:
        new = known_hosts.with_suffix(".new")
        new.write_text(lines)
        new.replace(known_hosts)
