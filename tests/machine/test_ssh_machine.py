"""A host that is there already, as root and as a user with sudo: the shared machine, as if it were somebody's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab import deploy, lifecycle
from lab.doctor.guest import examine_guest
from lab.errors import CommandFailed, MachineError
from lab.machine import boot, kinds
from lab.machine.address import SSH_PORT, SshAddress
from lab.machine.connection import Connection
from lab.machine.host_key import pin
from lab.machine.keys import lab_keys
from lab.machine.qemu import QemuMachine
from lab.machine.record import machine_folder, machine_names, read_record, write_record
from lab.machine.ssh import SshMachine

pytestmark = pytest.mark.vm

USER = "student"
HOST = f"host-{os.getpid()}"


def lab(*arguments: str, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """The command as a program runs it: without a terminal."""
    command = [str(Path(sys.executable).with_name("lab")), *arguments]
    return subprocess.run(
        command, check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
    )


def words(text: str) -> str:
    """What was said, without the breaks of its lines."""
    return " ".join(text.split())


@pytest.fixture(scope="module")
def student(machine: QemuMachine) -> QemuMachine:
    """The shared machine, with a user who may use sudo without a password."""
    machine.run(
        f"useradd --create-home --shell /bin/bash --password '*' {USER}; mkdir -m 700 ~{USER}/.ssh; "
        f"cp ~root/.ssh/authorized_keys ~{USER}/.ssh/; chown -R {USER}: ~{USER}/.ssh; "
        f"echo '{USER} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/lab"
    )
    return machine


@pytest.fixture(scope="module")
def host(student: QemuMachine) -> Iterator[SshMachine]:
    """The machine of kind `ssh` that `lab add` makes of it, as that user."""
    done = lab(
        *("add", HOST, f"{USER}@127.0.0.1:{student.record.port}"),
        *("--key", str(lab_keys().login), "--host-key", str(lab_keys().host_public)),
    )
    assert done.returncode == 0, done.stderr
    found = kinds.find(HOST)
    assert isinstance(found, SshMachine)
    yield found
    found.close()
    lifecycle.destroy(HOST)


# --- whom to trust ---


def test_nobody_is_trusted_without_being_asked(machine: QemuMachine) -> None:
    refused = lab("add", "stranger", f"127.0.0.1:{machine.record.port}", "--key", str(lab_keys().login))
    assert refused.returncode == 1
    assert "Nobody says that this is the right host key" in words(refused.stderr)
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", lab_keys().host_public], check=True, capture_output=True, text=True
    ).stdout.split()[1]
    assert shown in words(refused.stderr), "the fingerprint, as ssh-keygen shows it, to be compared"
    assert "--accept-host-key" in refused.stderr
    assert "stranger" not in machine_names()


def test_a_host_with_another_key_than_the_given_one_is_refused(machine: QemuMachine) -> None:
    refused = lab(
        *("add", "impostor", f"127.0.0.1:{machine.record.port}", "--key", str(lab_keys().login)),
        *("--host-key", lab_keys().login_public.read_text()),  # a valid key, but not this host's
    )
    assert (refused.returncode, "is not the pinned" in words(refused.stderr)) == (1, True), refused.stderr
    assert "Traceback" not in refused.stderr
    assert "impostor" not in machine_names()


def test_the_key_of_later_is_the_key_of_the_beginning(host: SshMachine) -> None:
    kept = read_record(HOST)
    assert isinstance(kept, type(host.record))
    changed = " ".join(lab_keys().login_public.read_text().split()[:2])
    write_record(replace(kept, host_keys=(changed,)))
    try:
        with pytest.raises(MachineError, match="is not the pinned"):
            kinds.find(HOST).run("true")
        refused = lab("add", HOST, f"{USER}@127.0.0.1:{kept.port}", "--accept-host-key")
        assert "is not the pinned" in words(refused.stderr), "accepting is for the first time only"
    finally:
        write_record(kept)
    assert kinds.find(HOST).run("true").ok


# --- commands and files ---


def test_commands_run_as_root_through_a_user_who_is_not(host: SshMachine) -> None:
    assert host.address.user == USER
    assert host.run("id -un; pwd; echo $HOME").text == "root\n/root\n/root"


@pytest.mark.parametrize(
    "text",
    ["a'b", 'a"b', "$HOME `id` $(id)", r"back\slash \n", "two\nlines", "*", "ü €", "  spaces  ", "!;&|"],
)
def test_nothing_on_the_way_reads_what_is_meant_for_the_shell_of_root(host: SshMachine, text: str) -> None:
    import shlex

    assert host.run(f"printf %s {shlex.quote(text)}").stdout == text.encode()


def test_status_both_outputs_and_input_pass_through_sudo_byte_by_byte(host: SshMachine) -> None:
    done = host.run(r"printf 'a\000b\377'; printf err >&2; exit 3", check=False)
    assert (done.exit_status, done.stdout, done.stderr) == (3, b"a\0b\xff", b"err")
    content = os.urandom(1 << 20)
    assert host.run("cat", stdin=content).stdout == content
    with pytest.raises(CommandFailed, match="`exit 4` ended with status 4"):
        host.run("exit 4")


def test_a_command_that_says_sudo_and_fails_is_not_mistaken_for_a_refusal(host: SshMachine) -> None:
    done = host.run("echo 'sudo: a password is required' >&2; exit 1", check=False)
    assert (done.exit_status, done.error_text) == (1, "sudo: a password is required")


def test_files_land_with_the_rights_of_root(host: SshMachine, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    host.put(tmp_path / "folder", "/root/brought here")
    host.write("/root/brought here/written", b"y", mode=0o600)
    listed = host.run("cd '/root/brought here'; stat -c '%n %U %a' *").text
    assert listed == "file root 644\nwritten root 600"
    assert host.read("/root/brought here/written") == b"y"
    assert any("Linux version" in line for line in host.kernel_log())


def test_a_user_who_may_not_become_root_is_a_sentence(host: SshMachine, student: QemuMachine) -> None:
    student.run("mv /etc/sudoers.d/lab /root/sudoers")
    try:
        with pytest.raises(
            MachineError, match=rf"'{USER}' may not become root .* without a password"
        ) as refused:
            host.run("true")
        assert "NOPASSWD" in refused.value.remedy
        said = lab("provision", HOST)
        assert (said.returncode, "without a password" in words(said.stderr)) == (1, True)
    finally:
        student.run("mv /root/sudoers /etc/sudoers.d/lab")
    assert host.run("id -u").text == "0"


def test_a_key_that_the_host_does_not_know_is_a_sentence(student: QemuMachine, tmp_path: Path) -> None:
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"],
        check=True,
        capture_output=True,
    )
    pin(tmp_path / "known_hosts", "127.0.0.1", student.record.port, (_host_key(),))
    address = SshAddress("127.0.0.1", student.record.port, USER, tmp_path / "key", tmp_path / "known_hosts")
    with pytest.raises(MachineError, match=rf"as '{USER}' with the key .*key: Authentication failed"):
        Connection(address, scale=student.deadline).run("true")


def _host_key() -> str:
    return " ".join(lab_keys().host_public.read_text().split()[:2])


# --- the playbook ---


def test_the_playbook_mends_what_is_broken_and_a_second_run_changes_nothing(host: SshMachine) -> None:
    host.run(f"rm /etc/sysctl.d/60-boxwright.conf {deploy.ROOTFS_BASE}/cpu_hog")
    first = lab("provision", HOST)
    assert (first.returncode, ", 3 changed" in first.stdout) == (0, True), first.stdout + first.stderr
    assert host.run(f"cat /etc/sysctl.d/60-boxwright.conf; {deploy.ROOTFS_BASE}/cpu_hog 1").ok
    second = lab("--machine", HOST, "provision")
    assert ", 0 changed" in second.stdout, second.stdout + second.stderr
    third = lab("add", HOST, str(f"{USER}@127.0.0.1:{host.record.port}"))
    assert (third.returncode, "0 changed" in words(third.stdout)) == (0, True), third.stderr
    log = (host.folder / "ansible.log").read_text()
    assert log.count("PLAY RECAP") >= 3, "the log of all runs is kept"


def test_its_speed_and_release_are_known(host: SshMachine, machine: QemuMachine) -> None:
    record = read_record(HOST)
    assert isinstance(record, type(host.record))
    assert record.suite == machine.record.suite
    assert record.slowness / machine.record.slowness == pytest.approx(1, rel=0.7)
    assert kinds.find(HOST).deadline(2) == 2 * record.slowness


# --- one like any other ---


def test_the_doctor_looks_into_it(host: SshMachine) -> None:
    deploy.deploy(host, _silent())
    assert {each.name: each.found for each in examine_guest(host) if each.status == "failed"} == {}
    done = lab("doctor", "--guest", HOST, "--json")
    assert (done.returncode, json.loads(done.stdout)["machine"]) == (0, HOST)


def _silent() -> lifecycle.Progress:
    from lab.console import NoProgress

    return NoProgress()


def test_status_shows_it_among_the_others(host: SshMachine, machine: QemuMachine) -> None:
    shown = {each["name"]: each for each in json.loads(lab("status", "--json").stdout)}
    assert (shown[HOST]["kind"], shown[HOST]["state"], shown[HOST]["memory_mib"]) == ("ssh", "running", 0)
    assert shown[machine.name]["kind"] == "qemu"
    one = json.loads(lab("--machine", HOST, "status", "--json").stdout)
    assert [each["address"] for each in one] == [f"{USER}@127.0.0.1:{host.record.port}"]
    assert HOST in lab("status").stdout


def test_the_option_before_the_command_means_the_same_as_behind_it(host: SshMachine) -> None:
    for arguments in (["-m", HOST, "ssh"], ["ssh", "-m", HOST], ["--machine", HOST, "ssh", "--"]):
        assert lab(*arguments, "id", "-un").stdout == f"{USER}\n", arguments


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        (["snapshot", "here"], "it has no snapshots"),
        (["restore", "here"], "it has no snapshots"),
        (["reset"], "no fresh state"),
        (["down"], "not stopped by the lab"),
        (["console"], "of the kind 'ssh'"),
        (["up", "--memory", "512"], "Leave the options out"),
    ],
)
def test_what_a_host_cannot_is_one_sentence(host: SshMachine, command: list[str], sentence: str) -> None:
    refused = lab("--machine", HOST, *command)
    assert (refused.returncode, sentence in words(refused.stderr)) == (1, True), refused.stderr
    assert "Traceback" not in refused.stderr
    assert host.run("echo goes on").text == "goes on"


def test_a_new_start_of_its_kernel_is_seen(student: QemuMachine, host: SshMachine) -> None:
    assert host.events() == []
    host.run("true")
    # Another boot id is what a restart looks like; the shared machine itself must not be restarted.
    student.run(f"cat /proc/sys/kernel/random/uuid > /run/id; mount --bind /run/id {_BOOT_ID}")
    try:
        assert [event.kind for event in host.events()] == ["reset"]
    finally:
        student.run(f"umount {_BOOT_ID}")


_BOOT_ID = "/proc/sys/kernel/random/boot_id"


def test_a_host_that_is_gone_is_lost(host: SshMachine) -> None:
    gone = SshMachine(replace(host.record, port=boot.free_port(), slowness=1.0))
    try:
        assert [event.kind for event in gone.events()] == ["lost"]
    finally:
        host.address  # noqa: B018 - writes the pins of the right port again
    assert lifecycle.statuses([HOST])[0].state == "running"


def test_the_demo_is_shown_in_it_and_leaves_nothing(host: SshMachine, tmp_path: Path) -> None:
    host.run("rm -rf /var/log/boxwright/*; echo mine > /var/log/boxwright/alpha-of-yesterday.log")
    before = host.run(_TRACES).text
    done = lab("--machine", HOST, "demo", "--only", "4", "--json", "--output", str(tmp_path / "page"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["surroundings"]["machine"] == HOST
    assert host.run(_TRACES).text == before
    assert (tmp_path / "page" / "index.html").exists()


_TRACES = (
    "grep -c ^monitor /proc/modules; ls -A /tmp /var/log/boxwright /srv/boxwright; cat /proc/mounts; "
    "ls -d /run/boxwright-demo /dev/container_monitor 2>&1; pgrep -l engine; true"
)


def test_a_demo_in_a_machine_neither_keeps_it_nor_chooses_its_release(host: SshMachine) -> None:
    for option in (["--keep"], ["--suite", "trixie"]):
        refused = lab("demo", "--machine", HOST, *option)
        assert (refused.returncode, "is about a fresh machine" in words(refused.stderr)) == (1, True)


def test_its_name_is_taken_until_it_is_forgotten_and_the_host_stays(
    student: QemuMachine, host: SshMachine
) -> None:
    other = lab("add", HOST, "127.0.0.2", "--key", str(lab_keys().login))
    assert f"There is a machine '{HOST}' already" in words(other.stderr)
    name = f"gone-{os.getpid()}"
    added = lab(
        *(
            "add",
            name,
            f"127.0.0.1:{student.record.port}",
            "--key",
            str(lab_keys().login),
            "--accept-host-key",
        )
    )
    assert added.returncode == 0, added.stderr
    assert lab("ssh", "-m", name, "id", "-un").stdout == "root\n"
    began = time.monotonic()
    done = lab("destroy", name)
    assert (done.returncode, "the host itself is untouched" in words(done.stdout)) == (0, True)
    assert time.monotonic() - began < 30
    assert not machine_folder(name).exists()
    assert student.run("echo up").text == "up"


def test_port_22_is_not_written_into_the_pins(tmp_path: Path) -> None:
    pin(tmp_path / "known_hosts", "lab.example", SSH_PORT, (_host_key(),))
    assert (tmp_path / "known_hosts").read_text() == f"lab.example {_host_key()}\n"
