"""Brings a student's engine and monitor into a machine, to the places where ours would lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.console import Progress
from lab.deploy import ENGINE, MONITOR_MODULE
from lab.errors import CommandFailed, LabError
from lab.exercises.catalogue import Track
from lab.machine.protocol import Machine
from lab.workspace.state import Workspace

PLACE = "/usr/local/src/boxwright-workspace"
"""Where it is built in the machine."""


@dataclass(frozen=True)
class _Building:
    """How a track's halves are built, below `PLACE`."""

    engine: str
    """A shell command."""
    program: str
    """What comes of it."""
    monitor: str


BUILDINGS: Mapping[Track, _Building] = {
    "python": _Building("make -s -C runtime/init", "runtime/engine", "make -s -C kernel"),
    "c": _Building("make -s engine", "engine/engine", "make -s module"),
}

MODULE = "kernel/monitor.ko"


def deploy(machine: Machine, workspace: Workspace, progress: Progress) -> None:
    """Copy a workspace, build both halves, and put them where the experiments look for them.

    Args:
        machine: where to.
        workspace: the student's.
        progress: told what is under way.

    Raises:
        LabError: a half does not build; with the compiler's words.
    """
    progress.step("Bringing your engine and your module")
    machine.run(f"rm -rf {PLACE}")
    for path in sorted(workspace.folder.iterdir()):
        if not path.name.startswith("."):
            machine.put(path, f"{PLACE}/{path.name}")
    building = BUILDINGS[workspace.track]
    for what, command, then in (
        (
            "engine",
            building.engine,
            f"chmod 755 {building.program} && ln -sfn {PLACE}/{building.program} {ENGINE}",
        ),
        ("module", building.monitor, f"install -D -m 644 {MODULE} {MONITOR_MODULE}"),
    ):
        try:
            machine.run(f"cd {PLACE} && {{ {command}; }} 2>&1 && {then}", timeout=120)
        except CommandFailed as error:
            raise LabError(
                f"Your {what} does not build in machine {machine.name!r}",
                "`lab check 00` says more; `--reference` takes the kit's own.",
                detail=error.detail,
            ) from error
