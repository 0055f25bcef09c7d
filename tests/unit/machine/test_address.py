"""How a person names a host, and what known_hosts calls it."""

from __future__ import annotations

import pytest

from lab.errors import LabError
from lab.machine.address import Destination, destination, known_hosts_name


@pytest.mark.parametrize(
    ("text", "user", "host", "port"),
    [
        ("lab.example", "root", "lab.example", 22),
        ("ubuntu@lab.example:2222", "ubuntu", "lab.example", 2222),
        ("debian@192.0.2.7", "debian", "192.0.2.7", 22),
        ("fd00::2", "root", "fd00::2", 22),
        ("me@fd00::2", "me", "fd00::2", 22),
        ("[fd00::2]:2222", "root", "fd00::2", 2222),
        ("me@[fe80::1%eth0]:22", "me", "fe80::1%eth0", 22),
        ("LAB.Example", "root", "lab.example", 22),  # as ssh(1) looks it up in known_hosts
    ],
)
def test_user_host_and_port_are_told_apart(text: str, user: str, host: str, port: int) -> None:
    assert destination(text) == Destination(user, host, port)
    assert destination(str(destination(text))) == destination(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "host:",
        "host:0",
        "host:65536",
        "host:ssh",
        "[fd00::2",
        "a b",
        "-oProxyCommand=x",
        "-v",
        "u u@h",
    ],
)
def test_what_names_no_host_is_a_sentence(text: str) -> None:
    with pytest.raises(LabError, match="names no host"):
        destination(text)


def test_known_hosts_has_the_port_only_where_it_is_another() -> None:
    assert known_hosts_name("fd00::2", 22) == "fd00::2"
    assert known_hosts_name("h", 2222) == "[h]:2222"
