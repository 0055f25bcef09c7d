"""Warm states: a booted VM saved once, and clones of it that answer in about a second.

A template VM keeps its memory in a file that it shares with us; saving it writes only the
device state. A clone maps the same file privately, so that clones share what they do not
write. QEMU calls this `x-ignore-shared` (docs/devel/migration). Neither the memory file
nor the disks of a template may change afterwards: hence the folder is made beside and
renamed, and everything in it is read-only.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import platform
import select
import shlex
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import durable
from lab.errors import MachineError
from lab.machine import process, qmp
from lab.machine.channel import open_channel
from lab.machine.keys import LabKeys
from lab.machine.qemu_command import (
    QMP_SOCKET,
    Accelerator,
    BootFiles,
    Hardware,
    Memory,
    command_line,
    kernel_line,
    new_overlay,
    qemu_version,
)
from lab.machine.record import require_unused

MEMORY_FILE = "memory"
STATE_FILE = "state"
DISK_FILE = "disk.qcow2"
KEPT_FILES = (MEMORY_FILE, STATE_FILE, DISK_FILE)
"""What nobody may write to once the template is finished."""


@dataclass(frozen=True)
class Template:
    """A warm state in a folder of its own, and what a clone of it must be started with."""

    folder: Path
    boot: BootFiles
    """Kernel, initrd and arguments with which the template was booted; its disk is the template's own overlay."""
    hardware: Hardware
    accelerator: Accelerator
    slowness: float
    """How much slower than a fast machine it was measured to be; see `lab.machine.speed`."""

    @property
    def memory(self) -> Memory:
        """The memory file, mapped privately."""
        return Memory(self.folder / MEMORY_FILE, shared=False)


def template_key(boot: BootFiles, hardware: Hardware, accelerator: Accelerator, keys: LabKeys) -> str:
    """Names the warm state: another QEMU, processor or key pair cannot use it."""
    processor = platform.processor() + _cpu_model() if accelerator == "kvm" else ""
    identity = [
        str(boot.disk), kernel_line(boot, accelerator), asdict(hardware), accelerator, qemu_version(), processor,
        keys.login_public.read_text(), keys.host_public.read_text(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:16]


def _cpu_model() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line for line in lines if line.startswith("model name")), "")


def find_template(parent: Path, key: str) -> Template | None:
    """The finished template of that key below `parent`; None where there is none that can be read."""
    folder = parent / key
    try:
        record = json.loads((folder / "template.json").read_text())
        if not all((folder / name).stat().st_size for name in KEPT_FILES):
            return None
        boot = BootFiles(
            disk=folder / DISK_FILE,
            kernel=Path(record["kernel"]),
            initrd=folder / "initrd",
            kernel_arguments=record["kernel_arguments"],
        )
        return Template(
            folder, boot, Hardware(**record["hardware"]), record["accelerator"], record["slowness"]
        )
    except (FileNotFoundError, NotADirectoryError, ValueError, KeyError, TypeError):
        return None  # such as files of length 0 after a power cut


def make_template(
    parent: Path,
    key: str,
    boot: BootFiles,
    hardware: Hardware,
    accelerator: Accelerator,
    keys: LabKeys,
    settle: Callable[[Path, int], float],
) -> Template:
    """Boot a VM, let `settle` bring it into the state that clones start from, and save it.

    Args:
        parent: folder of templates.
        key: from `template_key`.
        boot: what to boot; its disk gets an overlay that belongs to the template.
        hardware: of the template and all its clones.
        accelerator: likewise.
        keys: go into the guest.
        settle: given the VM's folder and its port; returns once the guest is ready, with the
            slowness that it measured.

    Raises:
        MachineError: QEMU does not start, or its state cannot be saved; nothing of it stays.
        OSError: the disk did not take it; likewise.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with (parent / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a second `lab` waits for the first one's template
        made = find_template(parent, key)
        if made is not None:
            return made
        require_unused(parent / key)  # what could not be read is removed below
        new = parent / f"{key}.new"
        process.end(new)  # left by a `lab` that was killed here
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        try:
            slowness = _boot_and_save(new, boot, hardware, accelerator, keys, settle)
            record = {
                "kernel": str(boot.kernel),
                "kernel_arguments": boot.kernel_arguments,
                "hardware": asdict(hardware),
                "accelerator": accelerator,
                "slowness": slowness,
            }
            (new / "template.json").write_text(json.dumps(record, indent=1))
            for name in KEPT_FILES:
                (new / name).chmod(0o400)
            shutil.rmtree(parent / key, ignore_errors=True)
            durable.publish(new, parent / key)
        finally:
            _remove(new)  # unless it has its name: the memory file alone may fill a disk
    finished = find_template(parent, key)
    assert finished is not None
    return finished


def _remove(new: Path) -> None:
    """Remove a folder in which the command that writes the state may still be at work, for the moment until it ends."""
    deadline = time.monotonic() + 5
    while new.exists() and time.monotonic() < deadline:
        shutil.rmtree(new, ignore_errors=True)
        if new.exists():
            select.select([], [], [], 0.02)


def _boot_and_save(
    new: Path,
    boot: BootFiles,
    hardware: Hardware,
    accelerator: Accelerator,
    keys: LabKeys,
    settle: Callable[[Path, int], float],
) -> float:
    """Fill a template's folder, all but its record; returns the slowness that `settle` measured. QEMU has ended."""
    from lab.machine.boot import free_port, write_initrd

    with contextlib.ExitStack() as closing:
        closing.callback(process.end, new)
        new_overlay(boot.disk, new / DISK_FILE)
        write_initrd(boot.initrd, keys, new / "initrd")
        port = free_port()
        process.start(
            command_line(
                name=f"template-{new.stem}",
                folder=new,
                boot=BootFiles(new / DISK_FILE, boot.kernel, new / "initrd", boot.kernel_arguments),
                hardware=hardware,
                accelerator=accelerator,
                port=port,
                memory=Memory(new / MEMORY_FILE, shared=True),
            ),
            new,
        )
        if hardware.channel:  # until it is saved: see `open_channel`
            closing.enter_context(open_channel(new))
        slowness = settle(new, port)
        _save(new)
        return slowness


def leaves_memory_out(is_on: bool) -> qmp.Command:
    """The QMP command that says whether states leave out memory that is a shared file's; it goes into each state."""
    return (
        "migrate-set-capabilities",
        {"capabilities": [{"capability": "x-ignore-shared", "state": is_on}]},
    )


def _save(folder: Path) -> None:
    """Let QEMU write its device state; the file has its name only once it is whole.

    Raises:
        MachineError: it could not be written, or not within 120 s; with the reason.
    """
    part = folder / f"{STATE_FILE}.part"
    part.touch()
    # QEMU does not look at the status with which the command ends: what the pipe still held when the disk was full
    # would be lacking, and nobody would know.
    quoted, whole = shlex.quote(str(part)), shlex.quote(str(folder / STATE_FILE))
    qmp.execute_all(
        folder / QMP_SOCKET,
        [
            ("stop", {}),
            leaves_memory_out(True),
            ("migrate", {"uri": f"exec:cat > {quoted} && mv {quoted} {whole} || rm -f {quoted}"}),
        ],
    )
    deadline = time.monotonic() + 120
    while True:
        told = _migration(folder)
        if told["status"] == "failed" or (told["status"] == "completed" and not part.exists()):
            break
        if time.monotonic() > deadline:
            raise MachineError(
                f"QEMU of {folder.name} did not save its state within 120 s ({told['status']})"
            )
        select.select([], [], [], 0.02)
    if told["status"] == "failed" or not (folder / STATE_FILE).exists():
        reasons = filter(None, [told.get("error-desc"), process.last_words(folder)])
        raise MachineError(
            f"The warm state could not be saved: {'; '.join(reasons) or 'its file was not written to the end'}",
            f"Free some space if the disk of {folder.parent} is full, and run the command again.",
        )


def _migration(folder: Path) -> dict[str, str]:
    """How far the saving is: `MigrationInfo` in QEMU's QMP reference."""
    try:
        told: dict[str, str] = qmp.execute(folder / QMP_SOCKET, "query-migrate")
        return told
    except MachineError as error:
        if process.running_pid(folder) is not None:
            raise
        raise MachineError(
            process.ended(folder, "while its state was saved"),
            f"Look whether the disk of {folder.parent} is full (`df`) or the host is out of memory (`dmesg`).",
        ) from error


def resume_clone(folder: Path, template: Template) -> None:
    """Load the warm state into a QEMU that was started with `resume`, and let it run."""
    state = shlex.quote(str(template.folder / STATE_FILE))
    qmp.execute_all(
        folder / QMP_SOCKET,
        [
            leaves_memory_out(True),
            ("migrate-incoming", {"uri": f"exec:cat {state}"}),
        ],
    )
    process.await_state(folder, {"paused", "prelaunch", "running"}, timeout=60)
    qmp.execute(folder / QMP_SOCKET, "cont")
