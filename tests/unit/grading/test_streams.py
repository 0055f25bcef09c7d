"""Whether a container's outputs run through pipes into its supervisor; the guest is made up here."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.container import Container, Rootfs
from grading.api.streams import Stream, streams_of
from grading.guest.records import Process

SUPERVISOR, HELPER, INIT, STRANGER = 5, 6, 101, 7
READS, WRITES, BOTH = 0o100000, 0o100001, 0o2


class Guest:
    """With a supervisor, a helper of its, a container, and somebody else.

    Args:
        opened: by process, what it has open and the flags of that.
        fifos: paths that are one.
    """

    def __init__(self, opened: dict[int, list[tuple[str, int]]], *fifos: str) -> None:
        self.opened = opened
        self.fifos = fifos

    def processes(self) -> list[Process]:
        def process(pid: int, parent: int, words: tuple[str, ...], *inside: int) -> Process:
            return Process(pid, parent, "p", "S", 1, 0, 0, 1, (pid, *inside), 0, {"pid": str(inside)}, words)

        return [
            process(SUPERVISOR, 1, ("/engine", "supervisor")), process(HELPER, SUPERVISOR, ("tee",)),
            process(INIT, SUPERVISOR, ("/probe-n1",), 1), process(STRANGER, 1, ("sleep",)),
            process(102, INIT, ("sh",), 2),
        ]  # fmt: skip

    def names(self, path: str) -> list[str]:
        pid = int(path.removeprefix("proc:").partition("/")[0])
        return [str(at) for at in range(len(self.opened.get(pid, [])))]

    def link(self, path: str) -> str:
        pid, _, name = path.removeprefix("proc:").replace("/fd/", " ").partition(" ")
        return self.opened[int(pid)][int(name)][0]

    def proc(self, path: str) -> str:
        pid, _, name = path.replace("/fdinfo/", " ").partition(" ")
        return f"pos:\t0\nflags:\t0{self.opened[int(pid)][int(name)][1]:o}\nmnt_id:\t14\n"

    def stat(self, path: str) -> Any:
        return SimpleNamespace(kind="p" if path in self.fifos else "f")


def seen(out: str, error: str, *fifos: str, **outside: list[tuple[str, int]]) -> list[Stream]:
    """The outputs of a container, where these lead and others have that open."""
    opened = {INIT: [("/dev/null", READS), (out, WRITES), (error, WRITES)]}
    opened |= {
        {"supervisor": SUPERVISOR, "helper": HELPER, "stranger": STRANGER, "inside": 102}[who]: what
        for who, what in outside.items()
    }
    engine: Any = SimpleNamespace(
        observer=Guest(opened, *fifos), words=("/engine",), supervisor=SimpleNamespace(pid=SUPERVISOR)
    )
    return list(streams_of(Container(engine, "alpha", Rootfs("/srv/rootfs-n1", "n1"))).values())


def test_two_pipes_into_the_supervisor() -> None:
    found = seen(
        "pipe:[8]", "pipe:[9]", supervisor=[("socket:[3]", BOTH), ("pipe:[8]", READS), ("pipe:[9]", READS)]
    )
    assert found == [Stream("pipe:[8]", "pipe", True), Stream("pipe:[9]", "pipe", True)]


@pytest.mark.parametrize("who", ["supervisor", "helper"])
def test_one_pipe_for_both_into_it_or_a_helper(who: str) -> None:
    found = seen("pipe:[8]", "pipe:[8]", **{who: [("/dev/null", READS), ("pipe:[8]", READS)]})
    assert [(each.kind, each.is_read) for each in found] == [("pipe", True)] * 2


@pytest.mark.parametrize("who", ["inside", "stranger"])
def test_a_pipe_to_somebody_else_is_none_to_the_supervisor(who: str) -> None:
    found = seen("pipe:[8]", "pipe:[8]", **{who: [("pipe:[8]", READS)]})
    assert not any(each.is_read for each in found)
    assert str(found[0]) == "pipe:[8], which nobody reads"


def test_the_supervisors_own_output_that_a_container_inherits_is_no_pipe_to_it() -> None:
    found = seen("pipe:[8]", "pipe:[9]", supervisor=[("pipe:[8]", WRITES), ("pipe:[9]", WRITES)])
    assert not any(each.is_read for each in found)


def test_straight_into_a_file() -> None:
    path = "/submission/logs/alpha.log"
    found = seen(path, path, supervisor=[(path, WRITES)])
    assert found == [Stream(path, "file", False)] * 2
    assert str(found[0]) == path


def test_one_of_both_into_a_file() -> None:
    found = seen("pipe:[8]", "/dev/null", supervisor=[("pipe:[8]", READS)])
    assert [(each.kind, each.is_read) for each in found] == [("pipe", True), ("file", False)]


@pytest.mark.parametrize(
    ("target", "kind", "other"),
    [
        ("socket:[8]", "socket", ("socket:[9]", BOTH)),
        ("/dev/pts/3", "terminal", ("/dev/ptmx", BOTH)),
        ("/dev/pts/3", "terminal", ("/dev/pts/ptmx", BOTH)),
        ("/run/alpha.fifo", "pipe", ("/run/alpha.fifo", BOTH)),
    ],
)
def test_other_ways_into_the_supervisor(target: str, kind: str, other: tuple[str, int]) -> None:
    assert seen(target, target, "/run/alpha.fifo", supervisor=[other])[0] == Stream(target, kind, True)
    assert not seen(target, target, "/run/alpha.fifo", supervisor=[("/dev/null", READS)])[0].is_read
