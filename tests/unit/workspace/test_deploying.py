"""A student's engine and module brought to where the experiments look for them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

import pytest

from lab.console import NoProgress
from lab.errors import CommandFailed, LabError
from lab.machine.protocol import Machine
from lab.workspace import make
from lab.workspace.deploying import PLACE, deploy
from lab.workspace.state import Workspace


class Stand:
    """A machine that notes what it is told."""

    name = "m"

    def __init__(self, top: Path, failing: str = "nothing") -> None:
        self.top = top
        self.failing = failing
        self.commands: list[str] = []

    def put(self, source: Path, destination: str) -> None:
        there = self.top / destination.removeprefix("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, there) if source.is_dir() else shutil.copy(source, there)

    def run(self, command: str, *, timeout: float = 0) -> Any:
        self.commands.append(command)
        if self.failing in command:
            raise CommandFailed("`make` ended with status 2 in the guest", detail="monitor.c:3: error: boom")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    wanted = Workspace(tmp_path / "work", "python", "s1")
    make.make(wanted)
    (wanted.private / "backups").mkdir(parents=True)
    return wanted


def test_both_halves_are_built_from_the_workspace(workspace: Workspace, tmp_path: Path) -> None:
    machine = Stand(tmp_path / "guest")
    deploy(cast(Machine, machine), workspace, NoProgress())
    there = tmp_path / "guest" / PLACE.removeprefix("/")
    assert (there / "runtime/engine").is_file() and (there / "kernel/monitor.c").is_file()
    assert not [path for path in there.iterdir() if path.name.startswith(".")], (
        "no history, no copies of regions"
    )
    cleared, engine, module = machine.commands
    assert cleared == f"rm -rf {PLACE}"
    assert f"ln -sfn {PLACE}/runtime/engine /usr/local/bin/engine" in engine
    assert "make -s -C kernel" in module and module.endswith("/usr/local/src/boxwright-monitor/monitor.ko")


@pytest.mark.parametrize(("failing", "what"), [("runtime/init", "engine"), ("-C kernel", "module")])
def test_what_does_not_build_is_told_in_the_compilers_words(
    workspace: Workspace, tmp_path: Path, failing: str, what: str
) -> None:
    with pytest.raises(LabError, match=f"Your {what} does not build in machine 'm'") as caught:
        deploy(cast(Machine, Stand(tmp_path / "guest", failing)), workspace, NoProgress())
    assert caught.value.detail == "monitor.c:3: error: boom"
