"""`lab console` at a terminal: one at a time, and a second one is told."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import paths
from lab.machine.qemu_command import CONSOLE_SOCKET
from lab.machine.terminal import LEAVE

ATTACH = """
import pathlib, sys
from lab.errors import LabError
from lab.machine.terminal import attach
try:
    attach(pathlib.Path(sys.argv[1]))
except LabError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Path]:
    """The folder of a machine whose console says `login: ` to whom it serves.

    Its serial port is a mock of QEMU's, which would need a VM: one client is served, others wait in the queue.
    """
    folder = tmp_path / "vm"
    folder.mkdir()

    def serve(server: socket.socket) -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return  # closed: the test is over
            with client:
                client.sendall(b"login: ")
                while client.recv(1024):
                    pass

    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / CONSOLE_SOCKET))
        server.listen(1)
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield folder
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)


@contextmanager
def console(machine: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """`lab console` at a terminal of its own, whose other end comes with it."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ATTACH, str(machine)],
        cwd=paths.CHECKOUT, stdin=its, stdout=its, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    os.close(its)
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        assert process.stderr is not None
        process.stderr.close()
        os.close(ours)


def heard(terminal: int, seconds: float = 20) -> bytes:
    """What a terminal shows up to `login: `, or until time is up."""
    said, end = b"", time.monotonic() + seconds
    while b"login: " not in said and select.select([terminal], [], [], max(0, end - time.monotonic()))[0]:
        said += os.read(terminal, 1024)
    return said


def test_a_second_one_is_told_who_has_it(machine: Path) -> None:
    with console(machine) as (first, terminal):
        assert b"login: " in heard(terminal)
        with console(machine) as (second, _):
            _, said = second.communicate(timeout=20)
        assert second.returncode == 1
        assert f"The console of vm is taken by another `lab console` (pid {first.pid})" in said.decode()
        assert first.poll() is None, "and takes nothing away from it"


@pytest.mark.parametrize("how", ["left", "killed"])
def test_the_next_one_has_it(machine: Path, how: str) -> None:
    with console(machine) as (first, terminal):
        assert b"login: " in heard(terminal)
        if how == "left":
            os.write(terminal, LEAVE)
        else:
            first.send_signal(signal.SIGKILL)
        assert first.wait(20) == (0 if how == "left" else -signal.SIGKILL)
    with console(machine) as (_, terminal):
        assert b"login: " in heard(terminal)
