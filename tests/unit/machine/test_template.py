"""Warm states without a guest: a QEMU with nothing in it is saved, and saved again where a warm state is broken."""

from __future__ import annotations

import errno
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.errors import MachineError
from lab.machine import process, qmp, template
from lab.machine.keys import lab_keys
from lab.machine.qemu_command import BootFiles, Hardware, qemu_img
from lab.machine.template import KEPT_FILES, MEMORY_FILE, Template, find_template, make_template

from .bare_qemu import bare_qemu

pytestmark = pytest.mark.skipif(
    shutil.which("qemu-system-x86_64") is None, reason="QEMU is not installed; ./bootstrap.sh brings it"
)

Make = Callable[..., Template]


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """The folder of the templates."""
    return tmp_path / "warm"


@pytest.fixture
def make(parent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    """Makes the template "abc" of a QEMU without a guest, which would want an image and many seconds.

    All else is real: the monitor, the saving, the disk. What QEMU would keep in its memory file is written for it.
    """
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    for name in ("kernel", "initrd"):
        (tmp_path / name).write_bytes(b"x")
    qemu_img("create", "-q", "-f", "qcow2", str(tmp_path / "base.qcow2"), "1M")
    boot = BootFiles(tmp_path / "base.qcow2", tmp_path / "kernel", tmp_path / "initrd", "quiet")

    def settle(folder: Path, _port: int) -> float:
        (folder / MEMORY_FILE).write_bytes(b"m" * 4096)
        return 2.0

    def made(*, before: tuple[str, ...] = (), more: tuple[str, ...] = ()) -> Template:
        def stand_in(*, folder: Path, **_: Any) -> list[str]:
            return [*before, *bare_qemu(folder, "-D", str(folder / "qemu.log"), *more)]

        monkeypatch.setattr(template, "command_line", stand_in)
        return make_template(parent, "abc", boot, Hardware(), "tcg", lab_keys(), settle)

    yield made
    process.end(parent / "abc.new", patience=1)


def test_a_warm_state_is_made_once_and_found(make: Make, parent: Path) -> None:
    made = make()
    assert (made.slowness, made.boot.kernel_arguments, made.accelerator) == (2.0, "quiet", "tcg")
    assert find_template(parent, "abc") == make(more=("-no-such-option",)) == made
    assert sorted(path.name for path in parent.iterdir()) == ["abc", "abc.lock"]


def test_the_files_of_a_warm_state_are_on_the_disk_before_it_has_its_name(
    make: Make, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test can cut the power, so the real fsync(2) is only listened to."""
    early: set[str] = set()
    real = os.fsync

    def listen(descriptor: int) -> None:
        if not (parent / "abc").exists():
            early.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", listen)
    make()
    assert early >= {*KEPT_FILES, "initrd", "template.json", "abc.new"}


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"kernel": 1}', "\x00" * 40])
def test_a_warm_state_that_cannot_be_read_is_made_anew(make: Make, parent: Path, content: str) -> None:
    made = make()
    record = made.folder / "template.json"
    record.write_text(content)
    assert find_template(parent, "abc") is None
    assert make() == made
    assert find_template(parent, "abc") == made


@pytest.mark.parametrize("name", KEPT_FILES)
def test_a_warm_state_with_an_empty_file_is_made_anew(make: Make, parent: Path, name: str) -> None:
    made = make()
    (made.folder / name).chmod(0o600)
    (made.folder / name).write_bytes(b"")
    assert find_template(parent, "abc") is None
    assert make() == made
    assert (made.folder / name).stat().st_size > 0


@pytest.mark.skipif(shutil.which("prlimit") is None, reason="util-linux has no prlimit here")
@pytest.mark.parametrize("mib", ["16", "64"])
def test_a_state_that_was_not_written_whole_is_said_at_once_and_nothing_stays(
    make: Make, parent: Path, mib: str
) -> None:
    """A limit to the size of files stands for a full disk: what writes the state dies of it.

    The state of 16 MiB fits into the pipe, so that QEMU itself may see nothing; that of 64 MiB does not.
    """
    began = time.monotonic()
    with pytest.raises(MachineError, match=r"The warm state could not be saved: .+ Free some space"):
        make(before=("prlimit", "--fsize=8192"), more=("-m", mib))
    assert time.monotonic() - began < 30
    assert [path.name for path in parent.iterdir()] == ["abc.lock"]
    assert make().folder == parent / "abc"


def test_qemus_own_reason_is_given_where_it_has_one(make: Make) -> None:
    with pytest.raises(MachineError, match=r"saved: Unable to write to command: Broken pipe; .+\."):
        make(before=("prlimit", "--fsize=8192"), more=("-m", "64"))


def test_a_qemu_that_ends_while_it_saves_is_said_to_have_ended(
    make: Make, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real QEMU is killed by SIGKILL once it was told to save, as the kernel does for want of memory."""
    real = qmp.execute_all

    def kill_after(path: Path, commands: list[qmp.Command], *, timeout: float = 10) -> list[Any]:
        answers = real(path, commands, timeout=timeout)
        pid = process.running_pid(path.parent)
        if "migrate" in [name for name, _ in commands] and pid is not None:
            handle = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            select.select([handle], [], [])
            os.close(handle)
        return answers

    monkeypatch.setattr(qmp, "execute_all", kill_after)
    with pytest.raises(MachineError, match=r"QEMU of abc\.new ended while its state was saved"):
        make()
    assert [path.name for path in parent.iterdir()] == ["abc.lock"]


def test_a_finished_warm_state_that_the_disk_does_not_take_leaves_nothing(
    make: Make, parent: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is stood in for: an ordinary user can mount none."""

    def full(new: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("lab.durable.publish", full)
    with pytest.raises(OSError, match="No space left"):
        make()
    assert [path.name for path in parent.iterdir()] == ["abc.lock"]
