"""A real VM of kind `qemu`: what the protocol promises, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lifecycle
from lab.console import NoProgress
from lab.errors import CommandFailed, CommandTimeout, MachineError
from lab.machine import process, qmp
from lab.machine.connection import Connection
from lab.machine.keys import lab_keys
from lab.machine.qemu import QemuMachine
from lab.machine.qemu_command import QMP_SOCKET
from lab.machine.record import machine_folder, machine_names

pytestmark = pytest.mark.vm

NAME = f"life-{os.getpid()}"


def lab(*arguments: str, timeout: float = 200) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    command = [str(Path(sys.executable).with_name("lab")), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def own() -> Iterator[QemuMachine]:
    """A machine that these tests may break."""
    machine = lifecycle.up(NAME, NoProgress())
    yield machine
    lifecycle.destroy(NAME)


@pytest.fixture
def vm(own: QemuMachine) -> QemuMachine:
    """The same machine, fresh where the test before broke it."""
    if own.events():
        own.reset()
    return own


def test_a_command_gives_its_status_and_both_outputs_byte_by_byte(vm: QemuMachine) -> None:
    done = vm.run(r"printf 'a\000b\377'; printf err >&2; exit 3", check=False)
    assert (done.exit_status, done.stdout, done.stderr) == (3, b"a\0b\xff", b"err")


def test_a_failed_command_raises_with_its_words(vm: QemuMachine) -> None:
    with pytest.raises(CommandFailed) as failed:
        vm.run("echo no such luck >&2; exit 7")
    assert "status 7" in str(failed.value)
    assert failed.value.detail == "no such luck"


def test_a_megabyte_goes_in_and_comes_out_unchanged(vm: QemuMachine) -> None:
    content = os.urandom(1 << 20)
    vm.write("/root/blob", content, mode=0o600)
    assert vm.read("/root/blob") == content
    assert vm.run("stat -c %a /root/blob").text == "600"
    assert vm.run("cat", stdin=content).stdout == content


def test_a_folder_is_copied_without_pythons_caches(vm: QemuMachine, tmp_path: Path) -> None:
    (tmp_path / "a folder" / "__pycache__").mkdir(parents=True)
    (tmp_path / "a folder" / "file").write_text("x")
    (tmp_path / "a folder" / "__pycache__" / "f.pyc").write_text("x")
    vm.put(tmp_path, "/root/copied here")
    assert vm.run("cd '/root/copied here'; find . -type f").text == "./a folder/file"
    vm.put(tmp_path / "a folder" / "file", "/root/one file")
    assert vm.read("/root/one file") == b"x"


def test_a_time_limit_holds_for_a_command_that_sleeps(vm: QemuMachine) -> None:
    began = time.monotonic()
    with pytest.raises(CommandTimeout, match="did not end within"):
        vm.run("sleep 600", timeout=0.3)
    assert time.monotonic() - began < vm.deadline(0.3) + 3
    assert vm.run("echo still here").text == "still here"


def test_a_time_limit_holds_when_the_whole_guest_hangs(vm: QemuMachine) -> None:
    vm.run("true")
    qmp.execute(vm.folder / QMP_SOCKET, "stop")  # what a hung guest looks like from outside
    began = time.monotonic()
    with pytest.raises(CommandTimeout):
        vm.run("true", timeout=0.3)
    assert time.monotonic() - began < vm.deadline(0.3) + 3
    qmp.execute(vm.folder / QMP_SOCKET, "cont")
    assert vm.run("echo awake").text == "awake"


def test_a_daemon_that_holds_the_pipe_open_does_not_hold_us(vm: QemuMachine) -> None:
    began = time.monotonic()
    assert vm.run("sleep 300 & echo started").text == "started"
    assert time.monotonic() - began < 60


def test_a_snapshot_brings_back_memory_and_disk(vm: QemuMachine) -> None:
    vm.run("echo before > /root/disk; echo before > /run/memory; sync")
    vm.snapshot("tried")
    vm.run("echo after > /root/disk; rm /run/memory; sync")
    assert vm.snapshots() == ["tried"]
    vm.restore("tried")
    assert vm.run("cat /root/disk /run/memory").text == "before\nbefore"


def test_the_clock_is_right_after_a_restore(vm: QemuMachine) -> None:
    vm.snapshot("clock")
    vm.restore("clock")
    assert abs(float(vm.run("date +%s.%N").text) - time.time()) < 3


def test_the_time_since_the_snapshot_has_not_passed_in_a_restored_guest(vm: QemuMachine) -> None:
    """Else its kernel would take it for a stall, and a service that was silent for minutes would be ended."""

    def up() -> float:
        return float(vm.run("cut -d' ' -f1 /proc/uptime").text)

    vm.snapshot("then")
    then = up()
    deadline = time.monotonic() + vm.deadline(60)
    while up() < then + 8:
        assert time.monotonic() < deadline
    began = time.monotonic()
    vm.restore("then")
    assert up() - then < time.monotonic() - began + 1


def test_an_unknown_snapshot_is_named_with_those_there_are(vm: QemuMachine) -> None:
    with pytest.raises(MachineError, match="has no snapshot 'nope'"):
        vm.restore("nope")


def test_a_panic_is_seen_while_a_command_runs_and_reset_heals_it(vm: QemuMachine) -> None:
    began = time.monotonic()
    with pytest.raises(MachineError, match="panicked") as seen:
        vm.run("echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 600", timeout=600)
    assert time.monotonic() - began < 60
    assert "sysrq" in seen.value.detail
    assert [event.kind for event in vm.events()] == ["panic"]
    with pytest.raises(MachineError, match="panicked"):
        vm.run("true", timeout=600)  # and nobody waits for an answer that cannot come
    assert time.monotonic() - began < 90
    vm.reset()
    assert vm.run("echo back").text == "back"
    assert vm.events() == []


def test_a_guest_that_resets_itself_is_seen(vm: QemuMachine) -> None:
    with pytest.raises(MachineError, match="shut itself down or reset"):
        vm.run("echo 1 > /proc/sys/kernel/sysrq; echo b > /proc/sysrq-trigger; sleep 600", timeout=600)


def test_a_guest_that_powered_itself_off_is_booted_with_its_disk(vm: QemuMachine) -> None:
    vm.run("echo mine > /root/kept; sync")
    with pytest.raises(MachineError, match=r"shut itself down|connection was lost"):
        vm.run("systemctl poweroff --no-block; sleep 600", timeout=600)
    vm.close()
    again = lifecycle.up(NAME, NoProgress())
    assert again.run("cat /root/kept").text == "mine"
    vm.record = again.record  # on another port


def test_a_guest_that_stands_still_goes_on(vm: QemuMachine) -> None:
    vm.run("echo here > /run/memory")
    qmp.execute(vm.folder / QMP_SOCKET, "stop")
    assert lifecycle.up(NAME, NoProgress()).run("cat /run/memory").text == "here"


def test_a_snapshot_of_the_same_name_takes_the_place_of_the_first(vm: QemuMachine) -> None:
    for number in "12":
        vm.run(f"echo {number} > /run/number")
        vm.snapshot("twice")
    vm.run("echo 3 > /run/number")
    vm.restore("twice")
    assert vm.run("cat /run/number").text == "2" and vm.snapshots().count("twice") == 1


def test_a_wrong_host_key_is_refused(vm: QemuMachine, tmp_path: Path) -> None:
    known_hosts = tmp_path / "known_hosts"
    keys = lab_keys()
    other = keys.login_public.read_text().strip()  # a valid key, but not this host's
    known_hosts.write_text(f"[127.0.0.1]:{vm.record.port} {other}\n")
    from dataclasses import replace

    impostor = Connection(replace(vm.address, known_hosts=known_hosts), scale=vm.deadline)
    with pytest.raises(MachineError, match="Cannot log in"):
        impostor.run("true")


def test_the_guest_reaches_nothing_outside(vm: QemuMachine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # 10.0.2.2 is this host in QEMU's user network, where it is not restricted.
        tried = vm.run(f"timeout 5 bash -c 'echo > /dev/tcp/10.0.2.2/{port}'", check=False)
        assert not tried.ok
        server.settimeout(0.1)
        with pytest.raises(TimeoutError):
            server.accept()


def test_the_ports_are_on_the_loopback_address_only(vm: QemuMachine) -> None:
    pid = process.running_pid(vm.folder)
    listening = subprocess.run(["ss", "-Hltnp"], check=True, capture_output=True, text=True).stdout
    ours = [line.split()[3] for line in listening.splitlines() if f"pid={pid}," in line]
    assert ours == [f"127.0.0.1:{vm.record.port}"]


def test_a_busy_port_is_a_sentence_and_leaves_nothing(vm: QemuMachine) -> None:
    failed = lab("up", "busy", "--port", str(vm.record.port))
    assert failed.returncode == 1
    assert f"Port {vm.record.port} on 127.0.0.1 cannot be used" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert "busy" not in machine_names()


def test_status_is_for_people_and_for_programs(vm: QemuMachine) -> None:
    assert NAME in lab("status").stdout
    shown = json.loads(lab("status", NAME, "--json").stdout)
    assert [(each["name"], each["state"]) for each in shown] == [(NAME, "running")]


def test_an_unknown_machine_is_a_sentence() -> None:
    for command in (["ssh", "-m", "nobody"], ["down", "nobody"], ["destroy", "nobody"], ["status", "nobody"]):
        failed = lab(*command)
        assert failed.returncode == 1, command
        assert "There is no machine 'nobody'" in failed.stderr
        assert "Traceback" not in failed.stderr


def test_of_two_at_once_on_one_name_one_wins_and_the_other_says_so() -> None:
    name = f"race-{os.getpid()}"
    command = [str(Path(sys.executable).with_name("lab")), "up", name]
    try:
        both = [
            subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        said = [each.communicate(timeout=200)[1] for each in both]
        # The later one may come when the first has finished; then both find the machine up.
        assert 0 in [each.returncode for each in both]
        for each, words in zip(both, said, strict=True):
            assert each.returncode == 0 or "is working on machine" in words
    finally:
        lifecycle.destroy(name)


def lab_that_boots(name: str) -> subprocess.Popen[str]:
    """A `lab up` that has come as far as a QEMU that boots."""
    command = [str(Path(sys.executable).with_name("lab")), "up", "--cold", name]
    booting = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while process.running_pid(machine_folder(name)) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return booting


def test_a_killed_lab_leaves_nothing_that_the_next_one_does_not_clean() -> None:
    name = f"killed-{os.getpid()}"
    folder = machine_folder(name)
    victim = lab_that_boots(name)
    victim.send_signal(signal.SIGKILL)
    victim.communicate()
    orphan = process.running_pid(folder)
    assert orphan is not None
    assert [each.state for each in lifecycle.statuses() if each.name == name] == ["half-made"]
    machine = lifecycle.up(name, NoProgress())
    try:
        assert process.running_pid(folder) not in (None, orphan)
        assert machine.run("echo up").text == "up"
    finally:
        lifecycle.destroy(name)
    assert not folder.exists()


def test_ctrl_c_in_the_middle_of_up_leaves_nothing() -> None:
    name = f"ctrlc-{os.getpid()}"
    folder = machine_folder(name)
    victim = lab_that_boots(name)
    victim.send_signal(signal.SIGINT)
    words = victim.communicate(timeout=60)[1]
    assert victim.returncode != 0
    assert "Traceback" not in words
    assert not folder.exists()


def test_a_stopped_machine_boots_again_with_its_disk() -> None:
    name = f"disk-{os.getpid()}"
    machine = lifecycle.up(name, NoProgress())
    try:
        machine.run("echo kept > /root/kept; echo resumed > /run/how; sync")
        machine.snapshot("resumed")
        lifecycle.down(name)
        assert process.running_pid(machine.folder) is None
        again = lifecycle.up(name, NoProgress())
        assert again.run("cat /root/kept").text == "kept"
        again.run("echo booted > /run/how")
        again.snapshot("booted")
        for state in ("resumed", "booted"):
            again.restore(state)
            assert again.run("cat /root/kept /run/how").text == f"kept\n{state}"
    finally:
        lifecycle.destroy(name)
    assert not machine.folder.exists()


def test_a_command_that_reads_nothing_of_its_input_is_no_lost_connection(vm: QemuMachine) -> None:
    for _ in range(20):
        assert vm.run("exit 4", check=False).exit_status == 4
        assert vm.run("exit 5", check=False, stdin=os.urandom(1 << 20)).exit_status == 5
