"""The QEMU command line of a lab VM, a flag a line, and nothing else.

Measured reasons stand beside the flags; the rest is in QEMU's own documentation
(`qemu-system-x86_64(1)`, docs/system/).
"""

from __future__ import annotations

import platform
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from lab.errors import LabError

Accelerator = Literal["kvm", "tcg"]

QMP_SOCKET = "qmp.sock"
CONSOLE_SOCKET = "console.sock"
"""Relative to the machine's folder, where QEMU is started: a socket's whole path may have 107 bytes (unix(7))."""

CHANNEL_SOCKET = "channel.sock"
"""Likewise; the host's end of `Hardware.channel`."""

CHANNEL = "channel"
"""What QEMU calls it."""

LOG_FILE = "qemu.log"
"""Where QEMU complains once it is a daemon, and what it starts likewise (`qemu_set_log` in its util/log.c)."""


@dataclass(frozen=True)
class Hardware:
    """What the VM is made of."""

    memory_mib: int = 1024
    cpus: int = 2
    """One is slower to boot than two, also under emulation."""
    read_only_disk: str = ""
    """Path of a raw disk that the guest sees as /dev/vdb and cannot write; it must never change. Empty for none."""
    prepare: str = ""
    """A command that root runs in the guest, once, before the warm state of this hardware is saved. Without a
    warm state it is never run, so it may only save time."""
    channel: str = ""
    """The name of a port (/sys/class/virtio-ports/) that leads to the host: `lab.machine.channel`. Empty for none."""


@dataclass(frozen=True)
class BootFiles:
    """What a VM boots from. The disk is never written: every VM writes to an overlay of its own."""

    disk: Path
    """qcow2."""
    kernel: Path
    initrd: Path
    kernel_arguments: str = ""
    """Added to those that every lab VM gets."""


@dataclass(frozen=True)
class Memory:
    """The guest's memory as a file, so that a saved state need not copy it."""

    file: Path
    shared: bool
    """Whether the guest's writes reach the file (a template) or stay private (a clone of it)."""


@dataclass(frozen=True)
class Platform:
    """What differs between processor architectures."""

    binary: str
    machine: str
    emulated_cpu: str
    console: str
    kernel_arguments: str = ""
    emulated_kernel_arguments: str = "mitigations=off norandmaps"
    """Of a guest without KVM. QEMU keeps what it has translated by its address (TB lookup in its accel/tcg): where
    each process lies elsewhere, every program is translated anew each time it is started. And with page tables of
    its own the kernel loses them all at each system call. Together (QEMU 7.2) starting a program takes a fifth of
    the time, a system call a ninth, a module two fifths. See kernel-parameters.txt."""


PLATFORMS = {
    # tsc=nowatchdog (kernel-parameters.txt): in a guest that was resumed, or whose host stood still, the clocks may
    # disagree; the watchdog then gives up the TSC, for which the kernel patches its own running code. QEMU 7.2's TCG
    # was seen to lose that race (a panic with int3, or a guest that stands still).
    # Nehalem: the least that Debian's cloud kernel boots fast on; `max` costs 1.7 s more at boot.
    "x86_64": Platform("qemu-system-x86_64", "q35", "Nehalem", "ttyS0", "tsc=nowatchdog"),
    "aarch64": Platform("qemu-system-aarch64", "virt", "cortex-a72", "ttyAMA0"),
}


def host_platform() -> Platform:
    """The platform of this host. Raises `LabError` where no guest of its kind is known."""
    try:
        return PLATFORMS[platform.machine()]
    except KeyError:
        known = ", ".join(PLATFORMS)
        raise LabError(f"No lab VM is known for a {platform.machine()} processor (only {known})") from None


@cache
def qemu_binary() -> str:
    """The path of QEMU. Raises `LabError` where it is not installed."""
    name = host_platform().binary
    path = shutil.which(name)
    if path is None:
        raise LabError(f"{name} is not installed", "Run ./bootstrap.sh, which installs it.")
    return path


@cache
def qemu_version() -> str:
    """The first line of QEMU's `--version`; a warm state can be resumed only by the same one."""
    return subprocess.run(
        [qemu_binary(), "--version"], capture_output=True, text=True, check=True
    ).stdout.split("\n")[0]


def qemu_img(*arguments: str) -> str:
    """Run qemu-img(1) and return its output. Raises `LabError` with its words when it fails."""
    try:
        done = subprocess.run(["qemu-img", *arguments], check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise LabError("qemu-img is not installed", "Run ./bootstrap.sh, which installs it.") from None
    if done.returncode != 0:
        raise LabError(f"qemu-img {arguments[0]} failed: {done.stderr.strip()}")
    return done.stdout


def new_overlay(backing: Path, overlay: Path) -> None:
    """Make an empty qcow2 overlay of a disk that will not change again."""
    overlay.unlink(missing_ok=True)
    qemu_img("create", "-q", "-f", "qcow2", "-b", str(backing.absolute()), "-F", "qcow2", str(overlay))


def kernel_line(boot: BootFiles, accelerator: Accelerator) -> str:
    """The kernel's command line (kernel-parameters.txt)."""
    host = host_platform()
    words = [
        "root=/dev/vda rw",
        f"console={host.console}",
        "panic=-1",
        host.kernel_arguments,
        host.emulated_kernel_arguments if accelerator == "tcg" else "",
        boot.kernel_arguments,
    ]
    return " ".join(filter(None, words))


def command_line(
    *,
    name: str,
    folder: Path,
    boot: BootFiles,
    hardware: Hardware,
    accelerator: Accelerator,
    port: int,
    memory: Memory | None = None,
    resume: bool = False,
) -> list[str]:
    """The arguments that start a VM as a daemon.

    Args:
        name: shown in `ps`.
        folder: where its disk overlay (`disk.qcow2`) lies and its sockets, logs and pid file go.
        boot: kernel, initrd and arguments; also of a VM that is resumed, since QEMU compares them.
        hardware: memory and processors.
        accelerator: proved by `acceleration`.
        port: the port on 127.0.0.1 that leads to the guest's SSH server.
        memory: a file for the guest's memory, or None for anonymous memory.
        resume: wait for a saved state instead of booting.
    """
    host = host_platform()
    size = f"size={hardware.memory_mib}M"
    backend = (
        f"memory-backend-file,id=ram,{size},mem-path={_quoted(memory.file)},share={'on' if memory.shared else 'off'}"
        if memory
        else f"memory-backend-ram,id=ram,{size}"
    )
    # tb-size in MiB: halves QEMU's own memory at no visible cost.
    accel = ["-accel", "kvm", "-cpu", "host"] if accelerator == "kvm" else [
        "-accel", "tcg,tb-size=256", "-cpu", host.emulated_cpu,
    ]  # fmt: skip
    arguments = [
        qemu_binary(),
        "-name", f"boxwright-{name}",
        "-no-user-config",
        "-nodefaults",
        "-display", "none",
        "-machine", f"{host.machine},memory-backend=ram",
        *accel,
        "-smp", str(hardware.cpus),
        "-m", str(hardware.memory_mib),
        "-object", backend,
        "-kernel", str(boot.kernel),
        "-initrd", str(boot.initrd),
        "-append", kernel_line(boot, accelerator),
        # cache.no-flush: an overlay is thrown away after a power cut, never repaired.
        "-blockdev", f"driver=file,node-name=file,filename={_quoted(folder / 'disk.qcow2')},cache.no-flush=on",
        "-blockdev", "driver=qcow2,node-name=disk,file=file,discard=unmap,cache.no-flush=on",
        "-device", "virtio-blk-pci,drive=disk",
        *_read_only_disk(hardware.read_only_disk),
        # restrict: the guest reaches nothing outside; only our port leads in.
        "-netdev", f"user,id=net,restrict=on,{_port_forward(port)}",
        "-device", "virtio-net-pci,netdev=net,romfile=",
        *_channel(hardware.channel),
        "-device", "virtio-rng-pci",
        "-device", "pvpanic-pci",
        # A new identity for every clone, so that the guest kernel reseeds its randomness.
        *(["-device", "vmgenid,guid=auto"] if host.machine == "q35" else []),
        "-chardev", f"socket,id=serial,path={CONSOLE_SOCKET},server=on,wait=off,"
                    f"logfile={_quoted(folder / 'serial.log')},logappend=on",
        "-serial", "chardev:serial",
        "-qmp", f"unix:{QMP_SOCKET},server=on,wait=off",
        "-action", "panic=pause,reboot=shutdown,shutdown=pause",
        "-pidfile", str(folder / "qemu.pid"),
        "-D", str(folder / LOG_FILE),
        "-daemonize",
    ]  # fmt: skip
    if resume:
        arguments += ["-incoming", "defer"]
    return arguments


def paused_again(arguments: list[str], port: int, new_port: int) -> list[str]:
    """The arguments that start the same VM once more, without running it and without a state to wait for.

    Args:
        arguments: of its first start, whatever that was; from `command_line`.
        port: that led to its SSH server.
        new_port: that will; mostly the same.
    """
    same = [each.replace(_port_forward(port), _port_forward(new_port)) for each in arguments]
    if "-incoming" in same:
        at = same.index("-incoming")
        del same[at : at + 2]
    return same if "-S" in same else [*same, "-S"]


def _port_forward(port: int) -> str:
    return f"hostfwd=tcp:127.0.0.1:{port}-:22"


def _read_only_disk(path: str) -> list[str]:
    if not path:
        return []
    return [
        "-blockdev", f"driver=raw,node-name=extra,read-only=on,file.driver=file,"
                     f"file.filename={_quoted(Path(path))},file.locking=off",
        "-device", "virtio-blk-pci,drive=extra",
    ]  # fmt: skip


def _channel(name: str) -> list[str]:
    if not name:
        return []
    return [
        "-device", "virtio-serial-pci,max_ports=2",
        "-chardev", f"socket,id={CHANNEL},path={CHANNEL_SOCKET},server=on,wait=off",
        "-device", f"virtserialport,chardev={CHANNEL},name={name}",
    ]  # fmt: skip


def _quoted(path: Path) -> str:
    """A path inside one of QEMU's comma-separated option lists, where a comma is doubled."""
    return str(path).replace(",", ",,")
