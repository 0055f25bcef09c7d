"""The keeper and who asks it, over a real socket; the guest is a stand-in."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grading.student import client
from grading.student.places import home, machine_name
from lab.console import NoProgress
from lab.errors import LabError
from lab.machine.qemu_command import BootFiles, Hardware
from lab.machine.record import QemuRecord, machine_folder, write_record
from lab.workspace.state import Workspace

STAND_IN = """
    import os, sys, time
    from grading.student import keeper

    class StandIn(keeper.Keeper):
        def __init__(self, workspace, machine, home):
            self._home, self._stamp, self._bench = home, os.environ["STAND_IN_STAMP"], None
            self._cancelled = self.over = False
        def _is_wanted(self):
            return True
        def _make_ready(self):
            pass
        def _do(self, request, client, finished):
            what = request["do"]
            if what == "fail":
                raise keeper.LabError("It is so", "Do that.", detail="because")
            if what == "bug":
                raise RuntimeError("oh")
            if what == "hang":
                client.step("Hanging")
                (self._home / "hanging").touch()
                time.sleep(60)
            client.step("Working")
            finished.set()
            client.tell(done={"pid": os.getpid()})

    keeper.Keeper = StandIn
    keeper.main(*sys.argv[1:])
"""


class Told(NoProgress):
    """Keeps the steps."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def step(self, text: str) -> None:
        self.steps.append(text)


Ask = Callable[..., Any]


@pytest.fixture
def ask(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ask]:
    """Asks for something; keepers are stand-ins, of the kit that the variable STAND_IN_STAMP names."""
    script = tmp_path / "stand_in.py"
    script.write_text(textwrap.dedent(STAND_IN))
    real = subprocess.run

    def start(words: list[str], **how: Any) -> Any:
        assert words[1:3] == ["-P", "-m"] and words[3] == "grading.student.keeper"
        return real([sys.executable, str(script), *words[4:]], **how)

    monkeypatch.setattr(client.subprocess, "run", start)
    monkeypatch.setattr(client, "stamp", lambda: os.environ["STAND_IN_STAMP"])
    monkeypatch.setenv("STAND_IN_STAMP", "one")

    def asked(what: str, progress: NoProgress | None = None) -> Any:
        return list(client.ask(workspace, {"do": what}, None, progress or NoProgress()))[-1]["done"]["pid"]

    yield asked
    client.end(workspace)


def test_it_is_started_once_and_kept(ask: Ask, workspace: Workspace) -> None:
    told = Told()
    first = ask("work", told)
    assert told.steps == ["Starting the guest's keeper", "Working"]
    assert ask("work") == first
    client.end(workspace)
    assert ask("work") != first


def test_another_kit_gets_another_keeper(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ask("work")
    monkeypatch.setenv("STAND_IN_STAMP", "two")
    told = Told()
    assert ask("work", told) != first
    assert "Starting anew, since the kit has changed" in told.steps


def test_what_goes_wrong_is_one_sentence(ask: Ask) -> None:
    with pytest.raises(LabError, match=r"^It is so\. Do that\.$") as caught:
        ask("fail")
    assert caught.value.detail == "because" and caught.value.exit_status == 2
    with pytest.raises(LabError, match=r"The kit itself failed: RuntimeError: oh\..*keeper\.log") as caught:
        ask("bug")
    assert caught.value.exit_status == 3
    ask("work")


def test_who_hangs_up_cancels_and_the_next_is_served(ask: Ask, workspace: Workspace) -> None:
    first = ask("work")
    connection = client._connect(home(workspace))
    assert connection is not None
    with contextlib.closing(connection):
        connection.sendall(json.dumps({"do": "hang", "stamp": "one"}).encode() + b"\n")
        while not (home(workspace) / "hanging").exists():
            time.sleep(0.02)
    began = time.monotonic()
    assert ask("work") == first
    assert time.monotonic() - began < 10


def test_one_that_dies_is_told_and_replaced(ask: Ask, workspace: Workspace) -> None:
    first = ask("work")
    os.kill(first, 9)
    assert ask("work") != first


def test_nonsense_is_answered_and_harms_nobody(ask: Ask, workspace: Workspace) -> None:
    first = ask("work")
    for line in (b"\n", b"[]\n", b"\xff\n", b"{\n"):
        connection = client._connect(home(workspace))
        assert connection is not None
        with contextlib.closing(connection):
            connection.sendall(line)
            connection.settimeout(10)
            assert b"error" in connection.recv(1 << 16)
    assert ask("work") == first


def test_the_machines_name_is_of_the_workspace(workspace: Workspace) -> None:
    name = machine_name(workspace, None)
    assert name.startswith("my-work-") and name == machine_name(workspace, None)
    assert machine_name(workspace, "student-a") == "student-a"


@pytest.mark.parametrize(("disk", "taken"), [("/tools.img", True), ("", False)])
def test_a_machine_of_another_kind_is_left_alone(workspace: Workspace, disk: str, taken: bool) -> None:
    files = BootFiles(Path("/disk"), Path("/kernel"), Path("/initrd"), "")
    machine_folder("mine").mkdir()
    write_record(QemuRecord("mine", "trixie", files, Hardware(read_only_disk=disk), "tcg", 22, "", 1.0, 0.0))
    if taken:
        assert machine_name(workspace, "mine") == "mine"
    else:
        with pytest.raises(LabError, match="The machine 'mine' is another's"):
            machine_name(workspace, "mine")


def test_a_long_path_is_no_matter(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        before = Path.cwd()
        os.chdir(folder)
        try:
            listener.bind("socket")
        finally:
            os.chdir(before)
        listener.listen()
        connection = client._connect(folder)
        assert connection is not None
        connection.close()
