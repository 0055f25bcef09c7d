"""Fixtures that every part of the tests may use; the machine is started by the first test that asks for it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:  # unit tests should not wait for what only a machine needs
    from testinfra.host import Host

    from lab.machine.qemu import QemuMachine


TESTS = Path(__file__).resolve().parent

FRESH = "fresh"
"""The snapshot of the shared machine with runtime and module deployed, before any test touched it."""


def pytest_configure() -> None:
    """Ctrl-C means something to what is started here, also where this runs in the background of a script.

    There a shell ignores SIGINT (POSIX, "Asynchronous Lists"), and each program would inherit that.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


BESIDE_EACH_OTHER = {"lint": "quick", "unit": "quick", "pages": "quick", "vagrant": "shown", "demo": "shown"}
"""What one worker does (`-n 2 --dist loadgroup`), by the folder of the tests: each such group has one machine of its
own at most, and all other folders are one group together. The longest begins first."""


@pytest.hookimpl(tryfirst=True)  # before the workers read it
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that share something on one worker."""
    for item in items:
        folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
        item.add_marker(pytest.mark.xdist_group(BESIDE_EACH_OTHER.get(folder, "guest")))


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
