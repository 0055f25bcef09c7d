"""A machine to try things in: the student's engine, module and root file systems, and nobody who checks."""

from __future__ import annotations

import fcntl
import posixpath
import secrets
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from grading.guest.tools import tools
from grading.guest.vm import Guest, remove_guest
from grading.student.bench import Bench, WorkspaceSession
from grading.student.places import home, machine_name
from grading.student.store import Store
from grading.student.work import read, refusal
from lab.console import Progress
from lab.deploy import ENGINE, ROOTFS_BASE
from lab.errors import LabError
from lab.machine import process
from lab.machine.qemu import QemuMachine
from lab.machine.record import machine_folder
from lab.workspace.state import Workspace

OPENING_LOCK = "shell-opening.lock"
SUFFIX = "-shell"
LONGEST_NAME = 31
ROOTS = ("/root/rootfs-a", "/root/rootfs-b")
"""Two: no two living containers share one."""

DIRECTORY = "/root"

GREETING = f"""engine supervisor {ROOTFS_BASE} &
engine run hello {ROOTS[0]} /bin/echo hello
Your sources are in /submission; dmesg shows the kernel's log; exit ends it."""


@dataclass(frozen=True)
class TryingPlace:
    """The machine, ready."""

    machine: QemuMachine
    notes: tuple[str, ...]
    """What did not work of building and loading."""


@contextmanager
def held(workspace: Workspace, named: str | None) -> Iterator[IO[str]]:
    """Hold a share of the machine: it stays as long as anybody does.

    Args:
        workspace: whose engine and module are in it.
        named: as for `open_place`.
    """
    with (home(workspace) / f"{_name(workspace, named)}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        yield lock


@contextmanager
def _alone(workspace: Workspace, progress: Progress) -> Iterator[None]:
    """Keep others from opening the machine, or finding it half prepared, meanwhile."""
    with (home(workspace) / OPENING_LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.step("Waiting for the VM of your other shell")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def open_place(workspace: Workspace, lock: IO[str], named: str | None, progress: Progress) -> TryingPlace:
    """The machine that another shell of this workspace has open, or a fresh one.

    Args:
        workspace: whose engine and module are in it.
        lock: from `held`.
        named: the machine that the command line says; None for the usual one.
        progress: told what is done.

    Raises:
        LabError: there is no engine, or no machine can be started.
    """
    with _alone(workspace, progress):
        return _opened(workspace, lock, named, progress)


def _name(workspace: Workspace, named: str | None) -> str:
    return machine_name(workspace, named)[: LONGEST_NAME - len(SUFFIX)] + SUFFIX


def _is_held_by_others(lock: IO[str]) -> bool:
    """Whether another shell is open. Ours is held afterwards as before."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        fcntl.flock(lock, fcntl.LOCK_SH)  # changing its kind may have lost it (flock(2))


def _is_running(folder: Path) -> bool:
    return process.running_pid(folder) is not None and process.state(folder) == "running"


def _opened(workspace: Workspace, lock: IO[str], named: str | None, progress: Progress) -> TryingPlace:
    name = _name(workspace, named)
    folder = machine_folder(name)
    # One that nobody holds was left by a shell that was killed; `lease` takes it away.
    if _is_held_by_others(lock) and _is_running(folder):
        return TryingPlace(
            QemuMachine.find(name), ("This is the VM of your other shell, with the sources of then.",)
        )
    work = read(workspace)
    if (problem := refusal(work)) is not None:
        raise problem
    bench = Bench(name, tools(progress), progress, Store(home(workspace) / "products"))
    session = WorkspaceSession.of(bench, work, "", secrets.token_hex(2))
    try:
        notes = _prepared(session, session.guest)
    except BaseException:
        bench.drop()
        remove_guest(name)
        raise
    bench.drop()  # the observer goes; the machine stays
    return TryingPlace(QemuMachine.find(name), notes)


def _prepared(session: WorkspaceSession, guest: Guest) -> tuple[str, ...]:
    assert session.built is not None
    engine, module = session.built.engine, session.built.module
    notes: list[str] = []
    for what, product in (("engine", engine), ("module", module)):
        if not product.path:
            notes.append(f"Your {what} does not build:\n{product.words}")
    observer = guest.observer
    if engine.path:
        observer.run("ln", "-sfn", engine.path, ENGINE)
    if module.path and (loading := observer.run("insmod", module.path, timeout=20)).code:
        notes.append(
            f"Your module {posixpath.basename(module.path)} does not load: {loading.error_text.strip()}"
        )
    for root in ROOTS:
        observer.run("cp", "-a", ROOTFS_BASE, root)
    return tuple(notes)


def attach(place: TryingPlace, words: Sequence[str]) -> int:
    """Run a command there, or a shell where none is given; returns its status.

    Raises:
        LabError: ssh is not installed.
    """
    address = place.machine.address
    terminal = [] if words else ["-t"]
    command = " ".join(words) if words else f"cd {shlex.quote(DIRECTORY)} && exec bash -l"
    try:
        done = subprocess.run(
            ["ssh", *terminal, *address.openssh_options(), f"{address.user}@{address.host}", command],
            check=False,
        )
    except FileNotFoundError:
        raise LabError("ssh is not installed", "Run ./bootstrap.sh, which installs it.") from None
    return done.returncode


def leave(place: TryingPlace, lock: IO[str]) -> None:
    """Let go of the machine; the last one takes it away."""
    place.machine.close()
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return  # somebody else is still in it
    remove_guest(place.machine.name)
