"""ssh(1) and Ansible, with a key and pins that lie wherever the state folder lies."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from lab import provision
from lab.machine.address import SshAddress
from lab.machine.keys import LabKeys, lab_keys

FOLDERS = ["plain", "a blank", "100%h", 'it\'s "so" \\ called']


class Doorkeeper(paramiko.ServerInterface):
    """Lets one key in, and answers every command with `in the guest`.

    A mock of a guest's SSH server: a guest would be a VM, and a host need not have sshd(8).

    Args:
        key: the public key.
    """

    def __init__(self, key: paramiko.PKey) -> None:
        self._key = key

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        """Whether it is the one."""
        return paramiko.AUTH_SUCCESSFUL if key == self._key else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        """Nothing but keys."""
        return "publickey"

    def check_channel_request(self, kind: str, channel_id: int) -> int:
        """Whatever it is."""
        return paramiko.OPEN_SUCCEEDED

    def check_channel_pty_request(self, *_: object) -> bool:
        """Ansible's `raw` wants a terminal."""
        return True

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        """The answer comes after this one, which says that the command begins."""
        threading.Timer(0.1, self._answer, [channel]).start()
        return True

    @staticmethod
    def _answer(channel: paramiko.Channel) -> None:
        channel.sendall(b"in the guest\n")
        channel.send_exit_status(0)
        channel.shutdown_write()
        channel.close()


@contextmanager
def listening(keys: LabKeys) -> Iterator[int]:
    """A guest's SSH server; its port on 127.0.0.1."""
    open_: list[paramiko.Transport] = []
    ours = paramiko.Ed25519Key.from_private_key_file(str(keys.host))
    login = paramiko.Ed25519Key.from_private_key_file(str(keys.login))

    def serve(server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return  # closed: the test is over
            transport = paramiko.Transport(client)
            transport.add_server_key(ours)
            open_.append(transport)
            transport.start_server(event=threading.Event(), server=Doorkeeper(login))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    for transport in open_:
        transport.close()


@pytest.fixture(params=FOLDERS)
def address(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SshAddress]:
    """A guest of a lab whose state lies in a folder of that name."""
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / request.param))
    keys = lab_keys()
    with listening(keys) as port:
        known_hosts = tmp_path / request.param / "known_hosts"
        known_hosts.write_text(keys.known_hosts_line("127.0.0.1", port))
        yield SshAddress("127.0.0.1", port, "root", keys.login, known_hosts)


def test_ssh_finds_key_and_pins(address: SshAddress) -> None:
    command = ["ssh", *address.openssh_options(), f"{address.user}@{address.host}", "true"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "in the guest\n", "")


def test_ssh_accepts_no_other_host_key(address: SshAddress) -> None:
    shutil.copy(address.known_hosts.parent / "keys/login.pub", address.known_hosts)
    other = address.known_hosts.read_text()
    address.known_hosts.write_text(f"[127.0.0.1]:{address.port} {other}")
    command = ["ssh", *address.openssh_options(), f"{address.user}@{address.host}", "true"]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 255
    assert "Host key verification failed" in done.stderr
    assert "has changed" in done.stderr, "it is the pins that it looked into"


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder with a blank in its path, so short that sockets of kept connections have room in it."""
    with tempfile.TemporaryDirectory(prefix="boxwright ") as name:
        yield Path(name)


def test_ansible_finds_key_and_pins(address: SshAddress, short_folder: Path) -> None:
    (short_folder / "inventory.json").write_text(json.dumps(provision.inventory(address)))
    (short_folder / "ansible.cfg").touch()
    done = subprocess.run(
        [
            *(sys.executable, "-P", "-m", "ansible", "adhoc"),
            *("--inventory", str(short_folder / "inventory.json"), "machine", "-m", "raw", "-a", "true"),
        ],
        env=provision.environment(short_folder),
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    kept = list((short_folder / "c").glob("*"))
    provision._close_connections(short_folder, address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in the guest" in done.stdout
    assert kept, "it keeps its connection for the next task"
    end = time.monotonic() + 10
    while any(each.exists() for each in kept):  # ssh says that it ends, and then does
        assert time.monotonic() < end, "it is made to close it"
        time.sleep(0.05)
