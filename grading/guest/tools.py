"""The observer, the probe and our own module, built once in a clean guest, and the read-only disk that carries them.

No compiler is needed on the host, and nothing of a submission is there when they are built.
What kbuild asks for every module is written down there, too. All lies in the cache under a
name made of the sources and of the guest's image.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from grading.guest import kbuild
from lab import lifecycle, paths
from lab.console import Progress
from lab.deploy import MONITOR_MODULE, deploy_monitor
from lab.errors import LabError
from lab.image.golden import golden_image
from lab.image.tools import output
from lab.machine.qemu import QemuMachine

SOURCES = Path(__file__).resolve().parent.parent / "observer"
PROGRAMS = ("observer", "probe")
PREPARE = Path(__file__).resolve().parent / "prepare.sh"
"""Run once in the guest whose state is saved for all graded ones."""

ROOTS = "/srv/roots"
"""Where the root file systems of containers are made, in the guest."""

BASE = f"{ROOTS}/rootfs-base"
"""A copy of the lab's own base rootfs beside them, for the supervisor. Courses lay them out so, and an engine may
refuse what lies elsewhere."""

POOL = "/srv/roots-ready"
POOL_SIZE = 250
"""More than all checks need; beyond it a root file system takes a fifth of a second under emulation."""

MONITOR = "monitor.ko"
"""Our own module, on the tools' disk: it stands in where a submission's cannot be had."""

DISK = "tools.img"
DISK_MIB = 4


@dataclass(frozen=True)
class Tools:
    """What goes into graded guests."""

    folder: Path

    @property
    def disk(self) -> Path:
        """ext4, to be mounted read-only."""
        return self.folder / DISK

    def program(self, name: str) -> Path:
        """One of `PROGRAMS`, static."""
        return self.folder / name


def tools(progress: Progress, suite: str | None = None) -> Tools:
    """The tools for guests of a release, built where they are missing.

    Raises:
        LabError: they do not build, or no machine can be started.
    """
    image = golden_image(suite, progress=progress)
    digest = hashlib.sha256(f"{suite} {image.folder.name} {DISK_MIB}".encode())
    ours = [path for path in SOURCES.iterdir() if path.name == "Makefile" or path.suffix in (".c", ".h")]
    module = [path for path in (paths.CHECKOUT / "kernel").iterdir() if path.suffix in ("", ".c", ".h")]
    for path in [*sorted(ours), PREPARE, *sorted(module)] + [kbuild.SOURCES / name for name in kbuild.FILES]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    parent = paths.cache() / "grading"
    parent.mkdir(exist_ok=True, mode=0o700)
    folder = parent / f"tools-{digest.hexdigest()[:16]}"
    with (parent / "tools.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _build(folder, progress, suite)
    return Tools(folder)


def _build(folder: Path, progress: Progress, suite: str | None) -> None:
    name = f"tools-{os.getpid()}"
    machine = lifecycle.up(name, progress, suite=suite)
    try:
        progress.step("Building the observer")
        machine.put(SOURCES, "/root/observer")
        machine.run(
            f"cd /root/observer && make -s && strip {' '.join(PROGRAMS)}",
            timeout=120,
        )
        new = folder.with_suffix(".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        content = new / "content"
        content.mkdir()
        for program in PROGRAMS:
            (content / program).write_bytes(machine.read(f"/root/observer/{program}"))
            (content / program).chmod(0o555)
        (content / PREPARE.name).write_bytes(PREPARE.read_bytes())
        _record_kbuild(machine, content / kbuild.FOLDER, progress)
        deploy_monitor(machine, fresh=True)
        (content / MONITOR).write_bytes(machine.read(MONITOR_MODULE))
        said = output(
            [
                "mkfs.ext4",
                "-q",
                "-O",
                "^has_journal",
                "-m",
                "0",
                "-d",
                str(content),
                str(new / DISK),
                f"{DISK_MIB}M",
            ]
        )
        if not (new / DISK).exists():
            raise LabError("The disk with the observer could not be made", detail=said)
        for program in PROGRAMS:
            (content / program).rename(new / program)
        shutil.rmtree(content)
        (new / DISK).chmod(0o444)
        new.rename(folder)
    finally:
        machine.close()
        lifecycle.destroy(name)


def _record_kbuild(machine: QemuMachine, folder: Path, progress: Progress) -> None:
    """Write down in a clean guest what kbuild asks and makes for every module."""
    progress.step("Asking the guest's compiler what kbuild asks it")
    for name in kbuild.FILES:
        machine.write(f"/root/kbuild/{name}", (kbuild.SOURCES / name).read_bytes(), mode=0o644)
    machine.run("sh /root/kbuild/record.sh /root/known", timeout=300)
    folder.mkdir()
    for name in machine.run("ls /root/known").text.split():
        (folder / name).write_bytes(machine.read(f"/root/known/{name}"))
        (folder / name).chmod(0o444)
