"""The machine of kind `vagrant` with a real guest: a stand-in for Vagrant says that the shared machine is its own.

What Vagrant itself does is tested in tests/vagrant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import lifecycle
from lab.console import NoProgress
from lab.errors import MachineError
from lab.image import tools
from lab.machine import kinds
from lab.machine.keys import lab_keys
from lab.machine.qemu import QemuMachine
from lab.machine.record import VAGRANT_NAME, VagrantRecord, machine_folder, read_record, write_record
from lab.machine.vagrant import VagrantMachine

from ..unit.machine.fake_vagrant import FakeVagrant

pytestmark = pytest.mark.vm


@pytest.fixture
def fake(machine: QemuMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeVagrant]:
    if machine_folder(VAGRANT_NAME).exists():
        pytest.skip("this lab has a machine of a Vagrantfile, which is left alone")
    fake = FakeVagrant(tmp_path)
    fake.is_at("127.0.0.1", machine.record.port, "root", lab_keys().login)
    monkeypatch.setattr(tools, "SEARCH_PATH", fake.search_path)
    monkeypatch.setenv("BOXWRIGHT_VAGRANT", str(fake.folder))
    yield fake
    lifecycle.destroy(VAGRANT_NAME)


def found() -> VagrantMachine:
    """The machine as a new command finds it."""
    machine = kinds.find(VAGRANT_NAME)
    assert isinstance(machine, VagrantMachine)
    return machine


def test_it_is_started_known_and_taken_from_memory_the_next_time(
    fake: FakeVagrant, machine: QemuMachine
) -> None:
    lifecycle.start(VAGRANT_NAME, NoProgress())
    fake.calls()
    vagrants = found()
    assert vagrants.run("hostname").text == machine.name
    assert vagrants.events() == []
    vagrants.close()
    assert fake.calls() == [], "the pinned key answered: Vagrant was not asked"
    record = read_record(VAGRANT_NAME)
    assert isinstance(record, VagrantRecord)
    assert record.host_keys == (" ".join(lab_keys().host_public.read_text().split()[:2]),)
    assert (record.suite, record.slowness > 1) == (machine.record.suite, machine.record.slowness > 1)


def test_an_address_that_is_no_longer_right_is_asked_for_again(
    fake: FakeVagrant, machine: QemuMachine
) -> None:
    lifecycle.start(VAGRANT_NAME, NoProgress())
    record = read_record(VAGRANT_NAME)
    assert isinstance(record, VagrantRecord)
    write_record(replace(record, port=1))
    fake.calls()
    assert found().run("hostname").text == machine.name
    assert fake.calls() == ["--machine-readable ssh-config"]


def test_somebody_elses_key_at_its_address_is_refused(fake: FakeVagrant) -> None:
    lifecycle.start(VAGRANT_NAME, NoProgress())
    record = read_record(VAGRANT_NAME)
    assert isinstance(record, VagrantRecord)
    other = " ".join(lab_keys().login_public.read_text().split()[:2])
    write_record(replace(record, host_keys=(other,)))
    with pytest.raises(MachineError, match="is not the pinned"):
        found().run("true")


def test_the_clock_is_right_after_a_restore(fake: FakeVagrant, machine: QemuMachine) -> None:
    import time

    lifecycle.start(VAGRANT_NAME, NoProgress())
    vagrants = found()
    vagrants.snapshot("here")
    machine.run("date -s '-1 hour' > /dev/null")  # as a guest that goes on at the time of its saving
    vagrants.restore("here")
    assert abs(float(vagrants.run("date +%s.%N").text) - time.time()) < 3
    vagrants.close()
