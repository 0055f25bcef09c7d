"""Fixtures that every part of the tests may use; the machine is started by the first test that asks for it."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

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


LONGEST = "gate"
"""The group that takes as long as all others; it must not be begun last."""

WORKERS_GROUPS = {
    "lint": "quick",
    "unit": "quick",
    "pages": "quick",
    "student": "student",
    "vagrant": "vagrant",
    "demo": "demo",
    "grading": LONGEST,
}
"""What one worker of `pytest -n 3` does, by the folder of the tests: each of these groups has machines of its
own, and all other folders are one group together. The gate is a process of its own, for which a worker waits."""


def _group(nodeid: str) -> str:
    folder = nodeid.removeprefix("tests/").partition("/")[0]
    return WORKERS_GROUPS.get(folder, "guest")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: the garbage collector need not look at all of it again and again."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where workers share the tests, one begins with what takes longest."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        items.sort(key=lambda item: _group(item.nodeid) != LONGEST)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a `LabError` brings as evidence, such as the end of a serial log, stands below the failure."""
    report = yield
    detail = getattr(call.excinfo and call.excinfo.value, "detail", "")
    if detail:
        report.sections.append(("Evidence", str(detail)))
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give tests that share a machine to one worker, in the order in which they are without workers."""
    from xdist.scheduler import LoadScopeScheduling

    config.option.loadscopereorder = False  # it would put the group with the most tests first

    class ByFolder(LoadScopeScheduling):
        """A group is what xdist calls a scope."""

        def _split_scope(self, nodeid: str) -> str:
            return _group(nodeid)

    return ByFolder(config, log)


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
