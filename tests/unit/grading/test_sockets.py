"""Who takes requests, read from what the kernel tells of UNIX sockets; the guest is made up here."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from grading.api.sockets import Socket, listening, sockets_of
from grading.guest.records import socket_address

UNIX = """Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 11 /run/engine.sock
0000000000000000: 00000002 00000000 00010000 0001 01 12 relative name.sock
0000000000000000: 00000003 00000000 00000000 0001 03 13 /run/engine.sock
0000000000000000: 00000002 00000000 00000000 0002 01 14 /tmp/datagrams
0000000000000000: 00000002 00000000 00000000 0002 01 15
0000000000000000: 00000002 00000000 00010000 0005 01 16 /run/of another
0000000000000000: 00000002 00000000 00010000 0001 01 17 @engine-control
"""


def guest(links: dict[str, str]) -> Any:
    return SimpleNamespace(
        proc=lambda path: UNIX,
        names=lambda path: list(links),
        link=lambda path: links[path.rpartition("/")[2]],
    )


def test_those_listen_that_accept_and_all_that_take_datagrams() -> None:
    found = list(listening(guest({})))
    assert [each.inode for each in found] == ["11", "12", "14", "15", "16", "17"]
    assert found[3] == Socket("15", socket.SOCK_DGRAM, "")


def test_of_a_process_those_count_that_it_has_open_and_that_have_a_name() -> None:
    links = {"0": "/dev/null", "3": "socket:[12]", "4": "socket:[14]", "5": "socket:[15]", "6": "socket:[13]"}
    assert sockets_of(guest(links), 1, "/home/engine") == {
        "/home/engine/relative name.sock": socket.SOCK_STREAM, "/tmp/datagrams": socket.SOCK_DGRAM,
    }  # fmt: skip


def test_an_abstract_name_is_no_path() -> None:
    found = sockets_of(guest({"4": "socket:[17]"}), 1, "/home/engine")
    assert found == {"@engine-control": socket.SOCK_STREAM}


def test_the_address_of_an_abstract_name_begins_with_nul_and_keeps_those_at_its_end() -> None:
    """As the kernel has it: the name is told of what was bound, and the address made of that name leads there."""
    for number, bound in enumerate((b"\0boxwright-%d", b"\0boxwright-%d\0\0\0", b"\0box@wright-%d\0")):
        name = bound % (os.getpid() * 10 + number)
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            server.bind(name)
            server.listen()
            told = Path("/proc/net/unix").read_text()
            [shown] = [
                line.split(maxsplit=7)[7]
                for line in told.splitlines()[1:]
                if name[1:].decode().replace("\0", "@") in line
            ]
            assert socket_address(shown).encode() == name
            client.connect(socket_address(shown).encode())
    assert socket_address("/run/engine.sock") == "/run/engine.sock"
