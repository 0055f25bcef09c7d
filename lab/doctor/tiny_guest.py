"""A guest of a dozen bytes that only says that it ran: the shortest honest proof that QEMU runs one.

On x86_64 it is a boot sector: the firmware must find the virtio disk, read it and jump into
it, and then it writes to QEMU's isa-debug-exit device. On aarch64 it is loaded as a kernel
and asks the firmware interface to power off. It has the devices of a lab VM, so a QEMU that
lacks one of them is found out as well.
"""

from __future__ import annotations

import platform
import struct
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lab.machine.qemu_command import Accelerator, host_platform, qemu_binary

SECONDS = 6.0
"""Under emulation it takes 0.3 s, under KVM less. A firmware that hangs never comes there."""

ANSWER = 0x2A

BOOT_SECTOR = bytes(
    [
        0xBA, 0xF4, 0x00,  # mov dx, 0xf4    the port of isa-debug-exit
        0xB0, ANSWER,      # mov al, ANSWER
        0xEE,              # out dx, al      QEMU exits with ANSWER * 2 + 1
        0xF4, 0xEB, 0xFD,  # hlt; jmp $-1
    ]
).ljust(510, b"\0") + b"\x55\xaa"  # fmt: skip

POWER_OFF = struct.pack(
    "<4I",
    0x52B08000,  # movz w0, #0x8400, lsl #16
    0x72800100,  # movk w0, #0x0008          SYSTEM_OFF (Arm DEN 0022, 5.9)
    0xD4000002,  # hvc #0
    0x14000000,  # b .
)


@dataclass(frozen=True)
class Run:
    """How it went."""

    ran: bool
    seconds: float
    said: str
    """QEMU's last words, or that it hung."""


def run(accelerator: Accelerator, *, seconds: float = SECONDS, architecture: str | None = None) -> Run:
    """Boot it, and see whether it ran.

    Args:
        accelerator: for QEMU.
        seconds: after which it counts as hung.
        architecture: as `uname -m` says; the host's where none is named.

    Raises:
        LabError: QEMU is not installed.
    """
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="boxwright-doctor-") as name:
        folder = Path(name)
        if (architecture or platform.machine()) == "x86_64":
            # The firmware reads no disk that is shorter than a track.
            (folder / "guest").write_bytes(BOOT_SECTOR.ljust(1 << 20, b"\0"))
            own = [
                "-blockdev", "driver=file,node-name=file,filename=guest,read-only=on",
                "-blockdev", "driver=raw,node-name=disk,file=file,read-only=on",
                "-device", "virtio-blk-pci,drive=disk,bootindex=0",
                "-device", "isa-debug-exit,iobase=0xf4,iosize=1",
                "-device", "vmgenid,guid=auto",
            ]  # fmt: skip
            expected = ANSWER * 2 + 1
        else:
            (folder / "guest").write_bytes(POWER_OFF)
            own = ["-kernel", "guest"]
            expected = 0
        with (folder / "said").open("w+b") as said:
            qemu = subprocess.Popen(
                [*_common(accelerator), *own],
                cwd=folder,  # where its core would be dropped
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
            try:
                status = qemu.wait(seconds)
            except subprocess.TimeoutExpired:
                return Run(False, time.monotonic() - began, f"nothing ran within {seconds:.0f} s")
            finally:
                qemu.kill()
                qemu.wait()
            said.seek(0)
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
    words = lines[-1] if lines else f"QEMU ended with status {status}"
    return Run(status == expected, time.monotonic() - began, words)


def _common(accelerator: Accelerator) -> list[str]:
    host = host_platform()
    return [
        qemu_binary(),
        "-no-user-config",
        "-nodefaults",
        "-no-reboot",
        "-display", "none",
        "-serial", "none",
        "-machine", host.machine,
        *(["-accel", "kvm", "-cpu", "host"] if accelerator == "kvm" else
          ["-accel", "tcg,tb-size=32", "-cpu", host.emulated_cpu]),
        "-smp", "2",
        "-m", "256",
        "-netdev", "user,id=net,restrict=on",
        "-device", "virtio-net-pci,netdev=net,romfile=",
        "-device", "virtio-rng-pci",
        "-device", "pvpanic-pci",
    ]  # fmt: skip
