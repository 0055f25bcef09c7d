"""QEMU as a process, without a guest: `-machine none` is there in a few hundredths of a second."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import MachineError
from lab.machine import process, qmp
from lab.machine.qemu_command import QMP_SOCKET

from .bare_qemu import bare_qemu

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-x86_64") is None, reason="QEMU is not installed; ./bootstrap.sh brings it"
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A machine's folder whose path is longer than a socket's may be."""
    deep = tmp_path / ("long-" * 24)
    deep.mkdir()
    yield deep
    process.end(deep, patience=1)


def test_a_started_qemu_answers_and_an_ended_one_leaves_nothing(folder: Path) -> None:
    process.start(bare_qemu(folder), folder)
    assert process.state(folder) == "running"
    pid = process.running_pid(folder)
    process.end(folder)
    assert process.state(folder) is None
    # Its new parent, process 1, may not have reaped it yet; a zombie has no command line.
    command = Path(f"/proc/{pid}/cmdline")
    assert not command.exists() or command.read_bytes() == b""
    assert [path.name for path in folder.iterdir()] == ["qemu.stderr"]


def test_qemus_own_words_are_shown_when_it_refuses(folder: Path) -> None:
    with pytest.raises(MachineError, match="no-such-option"):
        process.start(bare_qemu(folder, "-no-such-option"), folder)


def test_a_pid_of_another_process_is_never_taken_for_ours(folder: Path) -> None:
    (folder / process.PID_FILE).write_text(str(os.getpid()))
    assert process.running_pid(folder) is None
    process.end(folder)  # and must not end us


@pytest.mark.parametrize("content", ["", "x", "-1", "0", "99999999999"])
def test_a_damaged_pid_file_means_not_running(folder: Path, content: str) -> None:
    (folder / process.PID_FILE).write_text(content)
    assert process.running_pid(folder) is None


def test_a_hung_qemu_is_said_to_be_hung_and_ends_all_the_same(folder: Path) -> None:
    process.start(bare_qemu(folder), folder)
    pid = process.running_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(MachineError, match=r"did not answer .* within 1 s"):
        qmp.execute(folder / QMP_SOCKET, "query-status", timeout=1)
    process.end(folder, patience=0.5)
    assert process.running_pid(folder) is None


def test_nobody_behind_the_socket_is_a_sentence(folder: Path) -> None:
    with pytest.raises(MachineError, match="No QEMU answers"):
        qmp.execute(folder / QMP_SOCKET, "query-status")


def test_a_refused_command_carries_qemus_reason(folder: Path) -> None:
    process.start(bare_qemu(folder), folder)
    with pytest.raises(qmp.QmpRefused, match="has not been found"):
        qmp.execute(folder / QMP_SOCKET, "no-such-command")


def test_six_clients_take_turns(folder: Path) -> None:
    process.start(bare_qemu(folder), folder)
    program = (
        "import sys; from pathlib import Path; from lab.machine import qmp\n"
        "for _ in range(30): assert qmp.execute(Path(sys.argv[1]), 'query-status')['status'] == 'running'"
    )
    others = [subprocess.Popen([sys.executable, "-c", program, str(folder / QMP_SOCKET)]) for _ in range(6)]
    assert [other.wait(30) for other in others] == [0] * 6


def test_waiting_for_a_state_ends_with_qemu(folder: Path) -> None:
    process.start(bare_qemu(folder), folder)
    began = time.monotonic()
    process.end(folder)
    with pytest.raises(MachineError, match="gone instead of paused"):
        process.await_state(folder, {"paused"}, timeout=30)
    assert time.monotonic() - began < 10
