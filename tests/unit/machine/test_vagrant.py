"""The machine of kind `vagrant`: when Vagrant is asked, and what is believed. Vagrant and the VM are stand-ins here;
tests/machine has a real guest behind the stand-in, and tests/vagrant has Vagrant itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import lifecycle
from lab.console import NoProgress
from lab.errors import MachineError
from lab.image import tools
from lab.machine import host_key, kinds, vagrant
from lab.machine.host import HostMachine, Survey
from lab.machine.protocol import CommandResult
from lab.machine.record import VAGRANT_NAME, VagrantRecord, machine_folder, read_record
from lab.machine.vagrant import VagrantMachine

from .fake_vagrant import FakeVagrant

KEY, OTHER_KEY = "ssh-ed25519 AAAA", "ssh-ed25519 BBBB"


class Network:
    """Who shows which host key where."""

    def __init__(self) -> None:
        self.keys: dict[tuple[str, int], str] = {}
        self.ran: list[str] = []

    def scan(self, host: str, port: int, *, timeout: float = 20) -> str:
        if (host, port) not in self.keys:
            raise MachineError("No SSH server answers")
        return self.keys[host, port]


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    network = Network()

    def run(self: object, command: str, **_: object) -> CommandResult:
        network.ran.append(command)
        return CommandResult(command, 0, b"", b"", 0.0)

    monkeypatch.setattr(host_key, "scan", network.scan)
    monkeypatch.setattr(HostMachine, "survey", lambda self: Survey("trixie", 3.0))
    monkeypatch.setattr(HostMachine, "run", run)
    monkeypatch.setattr(HostMachine, "connection", None)
    monkeypatch.setattr(vagrant, "set_clock", lambda connection: None)
    return network


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: Network) -> FakeVagrant:
    fake = FakeVagrant(tmp_path)
    monkeypatch.setattr(tools, "SEARCH_PATH", fake.search_path)
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BOXWRIGHT_VAGRANT", str(fake.folder))
    (tmp_path / "key").touch()
    fake.is_at("192.0.2.1", 22, "vagrant", tmp_path / "key")
    network.keys["192.0.2.1", 22] = KEY
    return fake


def found() -> VagrantMachine:
    """The machine as a new command finds it."""
    machine = kinds.find(VAGRANT_NAME)
    assert isinstance(machine, VagrantMachine)
    return machine


@pytest.fixture
def started(fake: FakeVagrant) -> FakeVagrant:
    lifecycle.start(VAGRANT_NAME, NoProgress())
    fake.calls()
    return fake


def test_up_starts_it_and_writes_down_where_it_is(fake: FakeVagrant, tmp_path: Path) -> None:
    lifecycle.start(VAGRANT_NAME, NoProgress())
    assert fake.calls() == ["--no-color --no-tty up", "--machine-readable ssh-config"]
    record = read_record(VAGRANT_NAME)
    assert isinstance(record, VagrantRecord)
    assert (record.host, record.port, record.user, record.key) == (
        "192.0.2.1",
        22,
        "vagrant",
        tmp_path / "key",
    )
    assert (record.host_keys, record.slowness, record.suite, record.machine_id) == (
        (KEY,),
        3.0,
        "trixie",
        "id-",
    )
    lifecycle.start(VAGRANT_NAME, NoProgress())
    assert fake.calls() == [], "one that answers is up already"


def test_the_second_command_does_not_wait_for_vagrant(started: FakeVagrant) -> None:
    address = found().address
    assert (address.host, address.known_hosts.read_text()) == ("192.0.2.1", f"192.0.2.1 {KEY}\n")
    assert lifecycle.statuses([VAGRANT_NAME])[0].state == "running"
    assert started.calls() == []


def test_vagrant_is_asked_again_where_nobody_answers_and_the_pin_moves_along(
    started: FakeVagrant, network: Network, tmp_path: Path
) -> None:
    network.keys = {("192.0.2.9", 2222): KEY}
    started.is_at("192.0.2.9", 2222, "vagrant", tmp_path / "key")
    address = found().address
    assert started.calls() == ["--machine-readable ssh-config"]
    assert (address.host, address.known_hosts.read_text()) == ("192.0.2.9", f"[192.0.2.9]:2222 {KEY}\n")


def test_another_key_at_the_old_address_is_asked_about_and_never_pinned(
    started: FakeVagrant, network: Network
) -> None:
    network.keys["192.0.2.1", 22] = OTHER_KEY
    address = found().address
    assert started.calls() == ["--machine-readable ssh-config"]
    assert address.known_hosts.read_text() == f"192.0.2.1 {KEY}\n", "the connection will be refused"


def test_a_machine_that_was_made_anew_is_pinned_anew(started: FakeVagrant, network: Network) -> None:
    (started.folder / ".vagrant/machines/default/fake/id").write_text("id-of-another")
    network.keys["192.0.2.1", 22] = OTHER_KEY
    assert found().address.known_hosts.read_text() == f"192.0.2.1 {OTHER_KEY}\n"
    record = read_record(VAGRANT_NAME)
    assert isinstance(record, VagrantRecord)
    assert record.machine_id == "id-of-another"


def test_what_is_known_of_one_vagrantfile_is_not_believed_of_another(
    started: FakeVagrant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = FakeVagrant(tmp_path / "other")
    monkeypatch.setenv("BOXWRIGHT_VAGRANT", str(other.folder))
    with pytest.raises(MachineError, match="has no machine yet"):
        found().address  # noqa: B018 - looking is what fails
    assert lifecycle.statuses([VAGRANT_NAME])[0].state == "not created"


def test_without_a_machine_it_is_a_sentence_that_says_what_makes_one(fake: FakeVagrant) -> None:
    with pytest.raises(MachineError, match=r"has no machine yet. `lab up vagrant` makes it"):
        found().address  # noqa: B018 - looking is what fails
    assert fake.calls() == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [("shutoff", "stopped"), ("poweroff", "stopped"), ("saved", "saved"), ("running", "not answering")],
)
def test_status_asks_vagrant_only_about_one_that_does_not_answer(
    started: FakeVagrant, network: Network, said: str, shown: str
) -> None:
    network.keys.clear()
    (started.folder / "state").write_text(said)
    [status] = lifecycle.statuses([VAGRANT_NAME])
    assert (status.state, status.kind, status.address) == (shown, "vagrant", "vagrant@192.0.2.1")
    assert started.calls() == ["--machine-readable status"]


def test_status_says_nothing_bad_of_a_machine_that_was_made_anew_by_hand(
    started: FakeVagrant, network: Network
) -> None:
    (started.folder / ".vagrant/machines/default/fake/id").write_text("id-of-another")
    network.keys.clear()
    assert lifecycle.statuses([VAGRANT_NAME])[0].state == "running"
    assert started.calls() == ["--machine-readable status"]


def test_snapshots_are_vagrants(started: FakeVagrant, network: Network) -> None:
    machine = found()
    assert machine.snapshots() == []
    machine.snapshot("first")
    machine.snapshot("second")
    assert machine.snapshots() == ["first", "second"]
    assert "sync" in network.ran
    machine.restore("first")
    with pytest.raises(MachineError, match="`third` was not found"):
        machine.restore("third")
    assert [call for call in started.calls() if " snapshot save" in call or " snapshot restore" in call] == [
        "--no-color --no-tty snapshot save --force first",
        "--no-color --no-tty snapshot save --force second",
        "--no-color --no-tty snapshot restore --no-provision first",
        "--no-color --no-tty snapshot restore --no-provision third",
    ]
    assert lifecycle.statuses([VAGRANT_NAME], thorough=True)[0].snapshots == ["first", "second"]


def test_down_reset_and_destroy_are_vagrants(started: FakeVagrant) -> None:
    lifecycle.down(VAGRANT_NAME, force=True)
    found().reset()
    assert lifecycle.destroy(VAGRANT_NAME) == "vagrant"
    assert [call for call in started.calls() if "ssh-config" not in call] == [
        f"--no-color --no-tty {what}" for what in ("halt --force", "destroy --force", "up", "destroy --force")
    ]
    assert not machine_folder(VAGRANT_NAME).exists()
    lifecycle.destroy(VAGRANT_NAME)
    assert started.calls() == [], "there is none to destroy"


def test_the_options_of_a_qemu_machine_are_refused(fake: FakeVagrant) -> None:
    with pytest.raises(MachineError, match="Leave the options out"):
        lifecycle.start(VAGRANT_NAME, NoProgress(), lifecycle.Wish(cpus=4))
    assert fake.calls() == []
