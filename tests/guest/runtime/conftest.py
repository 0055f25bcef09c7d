"""A supervisor of the tests' own in the guest, and the words to talk to it."""

from __future__ import annotations

import difflib
import itertools
import json
import os
import shlex
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from lab.machine.protocol import CommandResult, Machine

BASE = "/srv/boxwright/rootfs-base"
FOLDER = "/run/bwtest"
T = TypeVar("T")
_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder needs a machine."""
    for item in items:
        if __file__.rpartition("/")[0] in str(item.path):
            item.add_marker(pytest.mark.vm)


class Supervisor:
    """One supervisor in the guest, under systemd, with a state folder of its own."""

    def __init__(self, machine: Machine, state: str) -> None:
        self.machine = machine
        self.state = state
        self.unit = f"bwtest-{os.getpid()}-{next(_numbers)}"

    def start(self) -> Supervisor:
        """Start it, and wait until it answers."""
        self.machine.run(
            f"mkdir -p {self.state} && systemd-run -q --unit={self.unit} --setenv=ENGINE_STATE={self.state} "
            f"-p SuccessExitStatus=0 -p RemainAfterExit=yes /usr/local/bin/engine supervisor {BASE}"
        )
        self.wait(lambda: self.engine("ps", check=False).ok, "it answers")
        return self

    def stop(self) -> None:
        """Stop it, and what it runs."""
        self.machine.run(f"systemctl stop {self.unit}; systemctl reset-failed {self.unit}", check=False)

    @property
    def pid(self) -> int:
        """The PID of the supervisor; 0 when it is gone."""
        return int(self.machine.run(f"systemctl show -P MainPID {self.unit}").text)

    @property
    def output(self) -> str:
        """What it has said."""
        return self.machine.run(f"journalctl -q -o cat --no-pager -u {self.unit}").text

    def line(self, *arguments: str) -> str:
        """A shell command that calls the engine here."""
        return f"ENGINE_STATE={self.state} /usr/local/bin/engine {shlex.join(arguments)}"

    def engine(self, *arguments: str, check: bool = True, timeout: float = 30) -> CommandResult:
        """Call the engine."""
        return self.machine.run(self.line(*arguments), check=check, timeout=timeout)

    def ps(self, identifier: str) -> dict[str, Any]:
        """What `ps` tells of one container."""
        for record in json.loads(self.engine("ps", "--format", "json").stdout):
            if record["id"] == identifier:
                return dict(record)
        raise LookupError(identifier)

    def ended(self, identifier: str) -> dict[str, Any]:
        """What `ps` tells of a container, once it has ended."""
        self.wait(lambda: self.ps(identifier)["state"] == "exited", f"{identifier} has ended")
        return self.ps(identifier)

    def settled(self, look: Callable[[], T]) -> T:
        """What a look sees once two, one after the other, see the same: what a container leaves goes soon."""
        seen: list[T] = [look()]

        def again() -> bool:
            seen.append(look())
            return seen[-1] == seen[-2]

        self.wait(again, "two looks see the same")
        return seen[-1]

    def wait_for_same(self, look: Callable[[], str], before: str, what: str) -> None:
        """Wait until a look sees again what it saw before; what is different then is told line by line."""
        seen = [before]

        def same() -> bool:
            seen.append(look())
            return seen[-1] == before

        try:
            self.wait(same, what)
        except AssertionError as error:
            lines = "\n".join(
                difflib.unified_diff(before.splitlines(), seen[-1].splitlines(), "before", "now", n=0)
            )
            raise AssertionError(f"{error}\n{lines}") from None

    def wait(self, condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
        """Wait until a condition holds."""
        deadline = time.monotonic() + self.machine.deadline(seconds)
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain until {what}"
            time.sleep(0.05)


@pytest.fixture(scope="module")
def rootfs(machine: Machine) -> str:
    """Three copies of the base root file system, /srv/a to /srv/c; the first is told.

    The second and third share their files with the first: no test changes a file that was there.
    """
    machine.run(f"cd /srv && rm -rf a b c && cp -a {BASE} a && cp -al a b && cp -al a c", timeout=120)
    return "/srv/a"


@pytest.fixture(scope="module")
def supervisor(machine: Machine, rootfs: str) -> Iterator[Supervisor]:
    """A supervisor for the tests of one module; /srv/a to /srv/c are there for containers."""
    one = Supervisor(machine, FOLDER).start()
    yield one
    one.stop()


@pytest.fixture
def unstarted(machine: Machine, rootfs: str) -> Iterator[Supervisor]:
    """A second supervisor, with a state folder of its own, for a test that starts it itself."""
    one = Supervisor(machine, f"{FOLDER}-doomed")
    yield one
    one.stop()


@pytest.fixture
def doomed(unstarted: Supervisor) -> Supervisor:
    """A second supervisor, for a test that stops or kills it."""
    return unstarted.start()
