"""What `lab add` refuses before it reaches anybody, and that it keeps nothing of what failed."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from lab import hosts
from lab.console import NoProgress
from lab.errors import LabError, MachineError
from lab.machine.address import Destination
from lab.machine.record import SshRecord, machine_folder, machine_names, write_record

HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGlXi8KVka/465Q9aBApWxAGySCHuKvrLFUSOw4gmKVO"


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("HOME", str(tmp_path))


def make_key(path: Path, passphrase: str = "") -> Path:
    path.parent.mkdir(exist_ok=True)
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", path], check=True, capture_output=True
    )
    return path


def test_the_users_own_key_is_the_default(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"there is none in ~/\.ssh.*ssh-keygen"):
        hosts.usable_key(None)
    own = make_key(tmp_path / ".ssh" / "id_ed25519")
    assert hosts.usable_key(None) == own
    assert hosts.usable_key(Path("~/.ssh/id_ed25519")) == own


def test_a_key_that_ssh_would_not_use_is_a_sentence_that_says_why(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    with pytest.raises(LabError, match=r"is no private key \(the public one"):
        hosts.usable_key(key.with_suffix(".pub"))
    with pytest.raises(LabError, match=r"has a passphrase.*ssh-keygen"):
        hosts.usable_key(make_key(tmp_path / "locked", "secret"))
    with pytest.raises(LabError, match="cannot be read: No such file"):
        hosts.usable_key(tmp_path / "none")
    with pytest.raises(LabError, match="cannot be read: Is a directory"):
        hosts.usable_key(tmp_path)
    (tmp_path / "text").write_text("hello\n")
    with pytest.raises(LabError, match="text is no private key"):
        hosts.usable_key(tmp_path / "text")
    key.chmod(0o644)
    with pytest.raises(LabError, match=r"Others than you may read .*chmod 600"):
        hosts.usable_key(key)


def test_nothing_is_kept_of_a_host_that_does_not_answer(tmp_path: Path) -> None:
    key = make_key(tmp_path / "key")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = Destination("root", "127.0.0.1", unused.getsockname()[1])
        with pytest.raises(MachineError, match=r"Cannot log in on 127\.0\.0\.1"):
            hosts.add("web", where, NoProgress(), key=key, host_keys=(HOST_KEY,))
    assert machine_names() == []


def test_a_name_that_is_taken_or_reserved_is_refused() -> None:
    machine_folder("web").mkdir()
    where = Destination("root", "one.example", 22)
    write_record(SshRecord("web", "one.example", 22, "root", Path("/k"), (HOST_KEY,), 1.0, "noble", 1.0))
    assert hosts.pinned("web", where) == (HOST_KEY,)
    assert hosts.pinned("free", where) == ()
    with pytest.raises(LabError, match="There is a machine 'web' already"):
        hosts.pinned("web", Destination("root", "other.example", 22))
    with pytest.raises(LabError, match="name of the Vagrantfile's machine"):
        hosts.pinned("vagrant", where)
