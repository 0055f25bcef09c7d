"""The host's mount table in a guest: what an engine does to it shows, and what systemd does does not."""

from __future__ import annotations

from typing import Any

from grading.guest.vm import Guest

BEFORE = """\
21 26 0:19 / /proc rw,relatime shared:13 - proc proc rw
26 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
"""
CLEANING = "86 30 0:34 / /run/credentials/systemd-tmpfiles-clean.service ro shared:41 - tmpfs tmpfs rw\n"
LEFT = "87 26 0:44 / /srv/roots/n1/proc rw,relatime shared:42 - proc proc rw\n"


def guest(table: str) -> Guest:
    """One with this table."""

    class Observer:
        def proc(self, path: str) -> str:
            assert path == "1/mountinfo"
            return table

    found = Guest.__new__(Guest)
    observer: Any = Observer()
    found.observer = observer
    return found


def test_a_mount_that_is_left_shows() -> None:
    more = set(guest(BEFORE + LEFT).mounts()) - set(guest(BEFORE).mounts())
    assert [line.split()[1] for line in more] == ["/srv/roots/n1/proc"]
    assert guest(BEFORE + LEFT).propagation() != guest(BEFORE).propagation()


def test_a_service_that_runs_meanwhile_does_not() -> None:
    assert guest(BEFORE + CLEANING).mounts() == guest(BEFORE).mounts()
    assert guest(BEFORE + CLEANING).propagation() == guest(BEFORE).propagation()


def test_another_propagation_shows() -> None:
    private = BEFORE.replace(" shared:1 ", " ")
    assert guest(private).mounts() == guest(BEFORE).mounts()
    assert guest(private).propagation() != guest(BEFORE).propagation()
