"""Ansible's words become an outcome or one sentence; Ansible gets nothing of the user's own settings."""

from __future__ import annotations

import json
import shlex
import socket
import time
from pathlib import Path

import pytest

from lab import provision
from lab.errors import LabError
from lab.machine.address import SshAddress

RECAP = "\nPLAY RECAP ****\nmachine                    : ok=5    changed=3    unreachable=0    failed=0    skipped=6\n"


@pytest.fixture
def address(tmp_path: Path) -> SshAddress:
    known_hosts = tmp_path / "known hosts"
    known_hosts.touch()
    return SshAddress("127.0.0.1", 2222, "root", tmp_path / "a key", known_hosts)


def test_the_recap_is_read() -> None:
    assert provision.outcome(RECAP, 4.5) == provision.Outcome(ok=5, changed=3, failed=0, seconds=4.5)
    unreachable = RECAP.replace("unreachable=0", "unreachable=1")
    outcome = provision.outcome(unreachable, 1)
    assert outcome is not None
    assert outcome.failed == 1


def test_without_a_recap_there_is_no_outcome() -> None:
    assert provision.outcome("Traceback (most recent call last):\n", 1) is None


def test_a_failed_task_is_named_with_what_it_said(address: SshAddress, tmp_path: Path) -> None:
    result = {"changed": True, "msg": "non-zero return code", "stderr": "make: no makefile", "rc": 2}
    text = (
        "PLAY [Make a lab VM] ***\n\nTASK [Look at the host] ***\nok: [machine]\n\nTASK [Build the workloads] ***\n"
        f"fatal: [machine]: FAILED! => {json.dumps(result)}\n" + RECAP
    )
    error = provision.failure(text, address, tmp_path / "log")
    assert str(error) == (
        "Provisioning root@127.0.0.1:2222 failed in the task 'Build the workloads'. "
        f"Ansible's whole output is in {tmp_path / 'log'}."
    )
    assert error.detail == "non-zero return code\nmake: no makefile"


def test_ansible_that_did_not_begin_is_told_by_its_last_lines(address: SshAddress, tmp_path: Path) -> None:
    error = provision.failure("ERROR! something is wrong\n", address, tmp_path / "log")
    assert "failed in the task 'before the first one'" in str(error)
    assert error.detail == "ERROR! something is wrong"


def test_the_inventory_pins_key_and_host_and_does_not_give_the_port_to_sftp(address: SshAddress) -> None:
    host = provision.inventory(address)["all"]["hosts"]["machine"]  # type: ignore[index]
    assert (host["ansible_host"], host["ansible_port"], host["ansible_user"]) == ("127.0.0.1", 2222, "root")
    arguments = host["ansible_ssh_common_args"]
    assert f'UserKnownHostsFile="{address.known_hosts}"' in shlex.split(arguments)
    assert f'IdentityFile="{address.key}"' in shlex.split(arguments)
    assert "StrictHostKeyChecking=yes" in arguments
    assert "-p" not in arguments.split()


def test_nothing_of_the_users_ansible_reaches_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_STRATEGY", "free")
    monkeypatch.setenv("ANSIBLE_CONFIG", "/home/somebody/ansible.cfg")
    found = provision.environment(tmp_path)
    assert "ANSIBLE_STRATEGY" not in found
    assert found["ANSIBLE_CONFIG"] == str(tmp_path / "ansible.cfg")
    assert found["ANSIBLE_PIPELINING"] == "true"


def test_a_host_where_nobody_listens_is_one_sentence(address: SshAddress, tmp_path: Path) -> None:
    """With Ansible and ssh themselves."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        closed = SshAddress("127.0.0.1", unused.getsockname()[1], "root", address.key, address.known_hosts)
        with pytest.raises(
            LabError, match=r"root@127\.0\.0\.1:\d+ cannot be provisioned: SSH does not get"
        ) as caught:
            provision.provision(closed, log=tmp_path / "log")
    assert "Connection refused" in caught.value.detail
    assert "UNREACHABLE" in (tmp_path / "log").read_text()


def test_a_host_that_says_nothing_is_given_up_in_time(address: SshAddress, tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        mute = SshAddress("127.0.0.1", silent.getsockname()[1], "root", address.key, address.known_hosts)
        began = time.monotonic()
        with pytest.raises(LabError, match=r"did not end within 8 s; it was in the task '"):
            provision.provision(mute, log=tmp_path / "log", timeout=8)
        assert time.monotonic() - began < 8 + 20
