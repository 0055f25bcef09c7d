"""The lab's two key pairs: one with which we log in, one by which every guest is known.

Guests get both through the initrd (`guest_files`), so no image carries a secret, and the
host key is known before the first connection: nothing is ever trusted on first use.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from lab import paths
from lab.errors import LabError
from lab.machine.address import known_hosts_name


@dataclass(frozen=True)
class LabKeys:
    """Where the keys lie; all files are readable by their owner only."""

    login: Path
    """Private key of ours."""
    login_public: Path
    host: Path
    """Private host key of every guest of this lab."""
    host_public: Path

    def known_hosts_line(self, host: str, port: int) -> str:
        """A line for a known_hosts file (sshd(8)) that pins the guest at this address."""
        return f"{known_hosts_name(host, port)} {self.host_public.read_text().strip()}\n"

    def guest_files(self) -> dict[str, tuple[bytes, int]]:
        """Files for the guest's root file system: path, content and mode."""
        return {
            "root/.ssh/authorized_keys": (self.login_public.read_bytes(), 0o600),
            "etc/ssh/ssh_host_ed25519_key": (self.host.read_bytes(), 0o600),
            "etc/ssh/ssh_host_ed25519_key.pub": (self.host_public.read_bytes(), 0o644),
        }


def lab_keys() -> LabKeys:
    """The lab's keys, made at the first call."""
    folder = paths.state() / "keys"
    keys = LabKeys(*(folder / name for name in ("login", "login.pub", "host", "host.pub")))
    if not folder.exists():
        _make(folder)
    missing = [
        path for path in (keys.login, keys.login_public, keys.host, keys.host_public) if not path.is_file()
    ]
    if missing:
        raise LabError(f"The lab's key {missing[0]} is missing", f"Remove {folder} and build the image anew.")
    return keys


def _make(folder: Path) -> None:
    new = Path(tempfile.mkdtemp(prefix="keys.", dir=folder.parent))
    for name in ("login", "host"):
        key = Ed25519PrivateKey.generate()
        private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        for path, content in ((new / name, private), (new / f"{name}.pub", public + b" boxwright\n")):
            path.touch(mode=0o600)
            path.write_bytes(content)
    try:
        new.rename(folder)
    except OSError:  # another `lab` made them at the same moment: theirs are as good
        for path in new.iterdir():
            path.unlink()
        new.rmdir()
