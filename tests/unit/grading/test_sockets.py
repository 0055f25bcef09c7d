"""Who takes requests, read from what the kernel tells of UNIX sockets; the guest is made up here."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

from grading.api.sockets import Socket, listening, sockets_of

UNIX = """Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 11 /run/engine.sock
0000000000000000: 00000002 00000000 00010000 0001 01 12 relative name.sock
0000000000000000: 00000003 00000000 00000000 0001 03 13 /run/engine.sock
0000000000000000: 00000002 00000000 00000000 0002 01 14 /tmp/datagrams
0000000000000000: 00000002 00000000 00000000 0002 01 15
0000000000000000: 00000002 00000000 00010000 0005 01 16 /run/of another
"""


def guest(links: dict[str, str]) -> Any:
    return SimpleNamespace(
        proc=lambda path: UNIX,
        names=lambda path: list(links),
        link=lambda path: links[path.rpartition("/")[2]],
    )


def test_those_listen_that_accept_and_all_that_take_datagrams() -> None:
    found = list(listening(guest({})))
    assert [each.inode for each in found] == ["11", "12", "14", "15", "16"]
    assert found[3] == Socket("15", socket.SOCK_DGRAM, "")


def test_of_a_process_those_count_that_it_has_open_and_that_have_a_name() -> None:
    links = {"0": "/dev/null", "3": "socket:[12]", "4": "socket:[14]", "5": "socket:[15]", "6": "socket:[13]"}
    assert sockets_of(guest(links), 1, "/home/engine") == {
        "/home/engine/relative name.sock": socket.SOCK_STREAM, "/tmp/datagrams": socket.SOCK_DGRAM,
    }  # fmt: skip
