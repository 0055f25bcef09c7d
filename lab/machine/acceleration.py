"""Whether KVM really runs a guest here: proved by a short boot, and remembered.

`/dev/kvm` may exist, may open, and still not run a normal guest (seen: it hangs in the
firmware). So the image's own kernel is booted once, as far as its first process.
"""

from __future__ import annotations

import json
import os
import platform
import select
import subprocess
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from lab import paths
from lab.console import Progress
from lab.errors import LabError
from lab.files import write_whole
from lab.machine.qemu_command import Accelerator, host_platform, qemu_binary, qemu_version

FIRST_BYTE_SECONDS = 6
"""A kernel under KVM says its first word in well under a second; a firmware that hangs never does."""

INIT_SECONDS = 25
"""And runs its first process within two; the rest is for a busy host."""

SIGN_OF_LIFE = b"Run /init as init process"
"""Printed by run_init_process() in the kernel's init/main.c."""


@dataclass(frozen=True)
class Acceleration:
    """Which accelerator to use, and why."""

    accelerator: Accelerator
    reason: str
    lasting: bool = True
    """Whether it is so until the next reboot; what keeps QEMU from starting may be over in a minute."""


def acceleration(kernel: Path, initrd: Path, progress: Progress) -> Acceleration:
    """What to use on this host; the first call boots `kernel` under KVM to find out.

    `BOXWRIGHT_ACCELERATOR` (`kvm` or `tcg`) decides instead where it is set.
    """
    wish = os.environ.get("BOXWRIGHT_ACCELERATOR")
    if wish:
        if wish not in ("kvm", "tcg"):
            raise LabError(f"BOXWRIGHT_ACCELERATOR is {wish!r}", "Set it to kvm or tcg, or unset it.")
        return Acceleration("kvm" if wish == "kvm" else "tcg", "BOXWRIGHT_ACCELERATOR says so")
    device = Path("/dev/kvm")
    if not device.exists():
        return Acceleration("tcg", "this host has no /dev/kvm")
    if not os.access(device, os.R_OK | os.W_OK):
        return Acceleration("tcg", "/dev/kvm may not be opened by this user (group kvm)")
    remembered = paths.state() / "acceleration.json"
    identity = [platform.release(), _boot_id(), qemu_version()]
    try:
        record = json.loads(remembered.read_text())
        if record["identity"] == identity:
            return Acceleration(record["accelerator"], record["reason"])
    except (OSError, ValueError, KeyError):
        pass  # nothing remembered, or not by this version
    progress.step("Trying whether KVM runs a guest")
    found = _prove(kernel, initrd)
    if found.lasting:
        write_whole(remembered, json.dumps({"identity": identity, **asdict(found)}).encode())
    return found


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _prove(kernel: Path, initrd: Path) -> Acceleration:
    host = host_platform()
    command = [
        qemu_binary(), "-no-user-config", "-nodefaults", "-display", "none", "-no-reboot",
        "-machine", host.machine, "-accel", "kvm", "-cpu", "host", "-smp", "2", "-m", "512",
        "-kernel", str(kernel), "-initrd", str(initrd),
        "-append", f"console={host.console} loglevel=7 panic=-1", "-serial", "stdio",
    ]  # fmt: skip
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said) as qemu,
    ):
        try:
            found = _listen(qemu)
        finally:
            qemu.kill()
        if found is None:
            said.seek(0)
            words = said.read().decode(errors="replace").strip() or "it said nothing"
            why = f"QEMU ended under KVM before the guest ran: {words.splitlines()[-1]}"
            return Acceleration("tcg", why, lasting=False)
        return found


def _listen(qemu: subprocess.Popen[bytes]) -> Acceleration | None:
    """Read the serial console until the kernel runs its first process; None when QEMU ended before."""
    assert qemu.stdout is not None
    began = time.monotonic()
    heard = b""
    while True:
        limit = INIT_SECONDS if heard else FIRST_BYTE_SECONDS
        left = began + limit - time.monotonic()
        if left <= 0:
            what = "did not come to its first process" if heard else "said nothing"
            return Acceleration("tcg", f"/dev/kvm opens, but a guest {what} within {limit} s")
        if not select.select([qemu.stdout], [], [], left)[0]:
            continue
        chunk = os.read(qemu.stdout.fileno(), 65536)
        if not chunk:
            return None
        heard += chunk
        if SIGN_OF_LIFE in heard:
            return Acceleration("kvm", "a guest booted under KVM")
