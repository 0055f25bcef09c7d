"""What Vagrant says, read; and a stand-in for it, run. Vagrant itself is not asked here."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError, MachineError
from lab.image import tools
from lab.machine.vagrant_program import VagrantProgram, first_sentence, reason, rows, ssh_settings

from .fake_vagrant import FakeVagrant


class Told:
    def __init__(self) -> None:
        self.details: list[str] = []

    def step(self, text: str) -> None: ...

    def detail(self, text: str) -> None:
        self.details.append(text)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeVagrant:
    fake = FakeVagrant(tmp_path)
    monkeypatch.setattr(tools, "SEARCH_PATH", fake.search_path)
    monkeypatch.setenv("VAGRANT_CWD", "/elsewhere")
    return fake


@pytest.fixture
def program(fake: FakeVagrant, tmp_path: Path) -> VagrantProgram:
    return VagrantProgram(fake.folder, tmp_path / "log" / "vagrant.log", Told())


CONFIG = """Host default
  HostName 192.168.121.61
  User vagrant
  Port 2200
  UserKnownHostsFile /dev/null
  IdentityFile /no/such/key
  IdentityFile {key}
  LogLevel FATAL
"""


def test_ssh_config_is_read_with_quotes_and_several_keys(tmp_path: Path) -> None:
    key = tmp_path / "a key"
    key.touch()
    found = ssh_settings(CONFIG.format(key=f'"{key}"'))
    assert (found.host, found.port, found.user, found.keys) == ("192.168.121.61", 2200, "vagrant", (key,))


def test_ssh_config_without_port_and_user_has_those_of_ssh_and_vagrant(tmp_path: Path) -> None:
    (tmp_path / "key").touch()
    found = ssh_settings(f"Host x\n\tHostName h\n\tIdentityFile {tmp_path}/key\n")
    assert (found.port, found.user) == (22, "vagrant")


@pytest.mark.parametrize(
    "text", ["", CONFIG.format(key="/nor/this"), "Host x\n  HostName h\n", "HostName h\nPort x\n"]
)
def test_ssh_config_without_what_is_needed_is_a_sentence(text: str) -> None:
    with pytest.raises(MachineError, match="does not tell a host and a key"):
        ssh_settings(text)


def test_a_machine_behind_a_proxy_is_a_sentence() -> None:
    with pytest.raises(MachineError, match="ProxyCommand"):
        ssh_settings("HostName h\n  ProxyCommand ssh far -W %h:%p\n")


def test_rows_keep_commas_and_line_breaks_and_leave_out_what_is_none() -> None:
    found = rows(["1700,default,ui,detail,a%!(VAGRANT_COMMA)b\\nc", "warning: x, y, z", "", "Host default"])
    assert [(row.type, row.data) for row in found] == [("ui", ("detail", "a,b\nc"))]


def test_the_reason_is_the_paragraph_behind_what_the_machine_said() -> None:
    lines = [
        "Bringing machine 'default' up with 'libvirt' provider...",
        "==> default: Box could not be found.",
        "    default: Box Provider: libvirt",
        "Error while connecting to Libvirt: Error making a connection to libvirt URI qemu:///system:",
        "Call to virConnectOpen failed.",
        "",
        "More advice.",
    ]
    assert reason(lines).endswith("URI qemu:///system: Call to virConnectOpen failed")
    assert reason(["==> default: the end"]) == "==> default: the end"
    assert reason([]) == "it does not say why"
    assert len(first_sentence("x" * 1000)) == 298


def test_a_change_runs_without_terminal_and_colours_and_its_output_is_kept(
    fake: FakeVagrant, program: VagrantProgram
) -> None:
    program.act("up")
    assert fake.calls() == ["--no-color --no-tty up"]
    assert "==> default: Importing" in program.log.read_text()
    assert isinstance(program.progress, Told)
    assert program.progress.details == ["Bringing machine up", "Importing", "Progress: 20%"]


def test_a_failed_change_and_a_failed_question_are_one_sentence_with_the_log(
    fake: FakeVagrant, program: VagrantProgram
) -> None:
    fake.fails("No usable provider, alas.")
    with pytest.raises(MachineError) as failed:
        program.act("up")
    assert str(failed.value) == (
        f"`vagrant up` failed: No usable provider, alas. All that Vagrant said is in {program.log}."
    )
    with pytest.raises(MachineError, match=r"`vagrant status` failed: No usable provider, alas\. All"):
        program.ask("status")


def test_the_machines_id_is_read_where_vagrant_keeps_it(
    fake: FakeVagrant, program: VagrantProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert program.machine_id() is None
    program.act("up")
    assert program.machine_id() == "id-"
    empty = fake.folder / ".vagrant/machines/default/other"
    empty.mkdir()
    (empty / "id").write_text("")  # of a provider that was tried before
    assert program.machine_id() == "id-"
    (empty / "id").write_text("second")
    with pytest.raises(LabError, match="made 2 machines, and the lab takes one"):
        program.machine_id()
    monkeypatch.setenv("VAGRANT_DOTFILE_PATH", str(fake.folder / "kept elsewhere"))
    assert program.machine_id() is None


def test_without_vagrant_or_vagrantfile_it_is_a_sentence(
    fake: FakeVagrant, program: VagrantProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fake.programs / "vagrant").unlink()
    monkeypatch.setattr(tools, "SEARCH_PATH", str(fake.programs))
    with pytest.raises(
        LabError, match=r"vagrant is not installed on this host\. Install the package vagrant"
    ):
        program.act("up")
    (fake.folder / "Vagrantfile").unlink()
    with pytest.raises(MachineError, match=r"There is no Vagrantfile in .*BOXWRIGHT_VAGRANT"):
        program.ask("status")
