"""Inventories of running machines, ours and Ansible's."""

from __future__ import annotations

from pathlib import Path

import pytest

from grading.run.inventory import Listed, read
from lab.errors import LabError

OURS = """
[defaults]
user = "student"
key = "keys/class"
folder = "/home/student/project"

[[machine]]
host = "10.0.0.11"
port = 2222
student = "ann"
host_key = "ssh-ed25519 AAAA"

[[machine]]
host = "10.0.0.12"
user = "root"
key = "/etc/keys/bob"
host_key = "keys/bob.pub"

[[machine]]
machine = "lab-pc-3"
student = "cid"
folder = ""
source = "handed-in/cid"
"""


def test_ours_is_read(tmp_path: Path) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text(OURS)
    ann, bob, cid = read(path)
    assert ann == Listed(
        "ann", host="10.0.0.11", port=2222, user="student", key=tmp_path / "keys/class",
        host_key="ssh-ed25519 AAAA", folder="/home/student/project",
    )  # fmt: skip
    assert (bob.student, bob.port, bob.user, bob.key) == ("10.0.0.12", 22, "root", Path("/etc/keys/bob"))
    assert bob.host_key == str(tmp_path / "keys/bob.pub")
    assert (cid.machine, cid.host, cid.source) == ("lab-pc-3", "", tmp_path / "handed-in/cid")


INI = """
[class]
vm-ann ansible_host=10.0.0.11 ansible_port=2222 boxwright_student=ann boxwright_folder=/srv/ann
vm-bob

[class:vars]
ansible_user=student
ansible_ssh_private_key_file=/etc/keys/class
boxwright_folder=/srv/work
"""

YAML = """
all:
  children:
    class:
      vars: {ansible_user: student, ansible_ssh_private_key_file: /etc/keys/class, boxwright_folder: /srv/work}
      hosts:
        vm-ann: {ansible_host: 10.0.0.11, ansible_port: 2222, boxwright_student: ann, boxwright_folder: /srv/ann}
        vm-bob:
"""


@pytest.mark.parametrize(("name", "text"), [("hosts", INI), ("hosts.ini", INI), ("hosts.yml", YAML)])
def test_ansibles_is_read_as_ansible_reads_it(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text)
    key = Path("/etc/keys/class")
    assert read(path) == [
        Listed("ann", host="10.0.0.11", port=2222, user="student", key=key, folder="/srv/ann"),
        Listed("vm-bob", host="vm-bob", user="student", key=key, folder="/srv/work"),
    ]


def test_an_inventory_that_is_a_program_is_not_run(tmp_path: Path) -> None:
    ran, path = tmp_path / "ran", tmp_path / "hosts"
    path.write_text(f"#!/bin/sh\ntouch {ran}\necho '{{}}'\n")
    path.chmod(0o755)
    with pytest.raises(LabError):
        read(path)
    assert not ran.exists()


MACHINE = '[[machine]]\nhost = "h"\nfolder = "/w"\n'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "lists no machine"),
        ("[[machine]", "is not valid TOML"),
        ("x = " + "9" * 5000, "is not valid TOML"),
        ("x = " + "[" * 5000, "is not valid TOML"),
        ("[machines]\na = 1", "is not made of"),
        ("machine = 5", "is not made of"),
        ("machine = [5]", "a machine is a table, and one here is not"),
        ('[[machine]]\nhost = "h"', "where the work lies"),
        (MACHINE + 'source = "s"', "where the work lies"),
        ('[[machine]]\nfolder = "/w"', "one of the two"),
        (MACHINE + 'machine = "m"', "one of the two"),
        ('[[machine]]\nhost = "h"\nfolder = "w"', "no whole path"),
        (MACHINE + "port = 0", "no port"),
        (MACHINE + 'port = "x"', "port is no number"),
        (MACHINE + 'port = "²"', "port is no number"),
        (MACHINE + f'port = "{"9" * 5000}"', "port is no number"),
        (MACHINE + "port = true", "port is no number"),
        (MACHINE + f"port = 0x{'f' * 5000}", "no port"),
        (MACHINE + "user = 5", "user is no text"),
        (MACHINE + f"student = 0x{'f' * 5000}", "student is no text"),
        (MACHINE + 'user = "a\\u0000"', "user is no text"),
        (
            MACHINE + 'student = ".ann"',
            r"\.toml, \.ann: '\.ann' is no submission's name\. .* other than a dot",
        ),
        (MACHINE + 'student = "../ann"', "'.._ann' is no submission's name"),
        (MACHINE + 'student = "__MACOSX"', "'__MACOSX' is no submission's name"),
        ('[[machine]]\nmachine = ".m"\nfolder = "/w"', "'.m' is no submission's name"),
        (MACHINE + 'key = "~nobody-here/k"', "inventory.toml: ~nobody-here/k .* there is no such user"),
        ('[[machine]]\nhost = "h"\nsource = "~nobody-here/x"', "~nobody-here/x .* there is no such user"),
        (MACHINE + 'pasword = "x"', "there is no 'pasword'"),
        (MACHINE + MACHINE, "twice"),
        ('[[machine]]\nmachine = "m"\nfolder = "/w"\n' * 2, "twice"),
    ],
)
def test_what_it_does_not_say_is_said(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text(text)
    with pytest.raises(LabError, match=said):
        read(path)


def test_a_byte_order_mark_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text(MACHINE, encoding="utf-8-sig")
    assert [each.host for each in read(path)] == ["h"]


def test_a_students_name_is_no_path(tmp_path: Path) -> None:
    path = tmp_path / "inventory.toml"
    path.write_text(MACHINE + 'student = "class/../ann"')
    assert read(path)[0].student == "class_.._ann"


def test_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="There is no inventory"):
        read(tmp_path / "inventory.toml")
