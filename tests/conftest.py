"""Fixtures that every part of the tests may use; the machine is started by the first test that asks for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # unit tests should not wait for what only a machine needs
    from testinfra.host import Host

    from lab.machine.qemu import QemuMachine


FRESH = "fresh"
"""The snapshot of the shared machine with runtime and module deployed, before any test touched it."""


def pytest_configure() -> None:
    """Ctrl-C means something to what is started here, also where this runs in the background of a script.

    There a shell ignores SIGINT (POSIX, "Asynchronous Lists"), and each program would inherit that.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


MEANWHILE = 500
"""Tests without a machine; so many take longer than an image's building needs to be worth it."""

_building: list[subprocess.Popen[bytes]] = []


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build a missing image while tests run that need none; the first that needs it waits for the rest."""
    needing = sum(item.get_closest_marker("vm") is not None for item in session.items)
    if needing and len(session.items) - needing > MEANWHILE and not session.config.option.collectonly:
        command = [str(Path(sys.executable).with_name("lab")), "image", "build"]
        # Whatever it has to say of a failure, the test that needs the image hears again.
        _building.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          stderr=subprocess.DEVNULL))  # fmt: skip


def pytest_sessionfinish() -> None:
    """Leave nothing under way."""
    for process in _building:
        process.send_signal(signal.SIGINT)
        process.wait()
    _building.clear()


@pytest.fixture(scope="session")
def shared_machine() -> Iterator[QemuMachine]:
    """One machine for the whole session, with this checkout deployed; gone at its end.

    `BOXWRIGHT_KEEP=1` leaves it up for a look inside: `lab ssh -m tests-PID`.
    """
    from lab import console, lifecycle
    from lab.deploy import deploy

    name = f"tests-{os.getpid()}"
    with console.progress() as progress:
        machine = lifecycle.up(name, progress)
        try:
            deploy(machine, progress, fresh=True)
            machine.snapshot(FRESH)
            yield machine
        finally:
            machine.close()
            if not os.environ.get("BOXWRIGHT_KEEP"):
                lifecycle.destroy(name)


@pytest.fixture(scope="module")
def machine(shared_machine: QemuMachine) -> QemuMachine:
    """The shared machine, set back to its fresh state for each module of tests."""
    shared_machine.restore(FRESH)
    return shared_machine


@pytest.fixture(scope="module")
def host(machine: QemuMachine) -> Host:
    """testinfra's view of the machine, over the same connection."""
    from lab.machine.testinfra_host import testinfra_host

    return testinfra_host(machine)
