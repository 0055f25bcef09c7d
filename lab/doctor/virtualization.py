"""QEMU and KVM: not whether they are there, but whether a guest runs."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from lab import paths
from lab.console import Progress
from lab.doctor import tiny_guest
from lab.doctor.finding import Finding, as_root, failed, install, ok, sentence, skipped, warning
from lab.errors import LabError
from lab.image import store
from lab.machine.acceleration import Acceleration, acceleration
from lab.machine.qemu_command import Accelerator, host_platform, qemu_binary, qemu_version

LEAST = (6, 0)
"""The first QEMU with snapshots over QMP and `-action`, which the machines need."""

TRIED = (7, 2)
"""The oldest that the kit was tried with."""

EMULATION = "The lab works all the same: under emulation, about ten times slower."

PACKAGES = {"qemu-system-x86_64": "qemu-system-x86", "qemu-system-aarch64": "qemu-system-arm"}

Runner = Callable[[Accelerator], tiny_guest.Run]
Prover = Callable[[Path, Path, Progress], Acceleration]


def qemu(run: Runner = tiny_guest.run) -> Iterator[Finding]:
    """There, new enough, and a tiny guest runs in it under emulation."""
    try:
        binary = qemu_binary()
    except LabError as error:
        try:
            package = PACKAGES[host_platform().binary]
        except LabError as unknown:
            yield failed("qemu", sentence(unknown.what), "Use an x86_64 or aarch64 host.")
            return
        yield failed("qemu", sentence(error.what), install(package))
        return
    line = qemu_version()
    match = re.search(r"version (\d+)\.(\d+)(\.\d+)*", line)
    if match is None:
        yield failed("qemu", f"{binary} says {line!r} instead of its version", "Install QEMU anew.")
        return
    version = (int(match[1]), int(match[2]))
    shown = f"QEMU {match[0].removeprefix('version ')}"
    if version < LEAST:
        yield failed(
            "qemu", f"{shown} is too old: {LEAST[0]}.{LEAST[1]} is the least", "Upgrade the distribution."
        )
        return
    tried = run("tcg")
    if not tried.ran:
        yield failed(
            "qemu",
            f"{shown} does not run a guest: {sentence(tried.said)}",
            install(PACKAGES[host_platform().binary], "seabios"),
        )
    elif version < TRIED:
        yield warning(
            "qemu", f"{shown} runs a guest; older than {TRIED[0]}.{TRIED[1]} was not tried",
            "If a machine does not start, use Debian 12, Ubuntu 24.04 or newer.",
        )  # fmt: skip
    else:
        yield ok("qemu", f"{shown} ran a tiny guest under emulation in {tried.seconds:.1f} s")


def kvm(
    progress: Progress,
    *,
    device: Path = Path("/dev/kvm"),
    images: Callable[[], Sequence[store.Image]] = store.images,
    prove: Prover = acceleration,
    run: Runner = tiny_guest.run,
    proc: Path = Path("/proc"),
) -> Iterator[Finding]:
    """Whether KVM runs a guest here: the remembered proof, or one made now.

    With an image in the cache its kernel is booted (`lab.machine.acceleration`, which
    remembers); without one a tiny guest is, which shows less and is not remembered.
    """
    wish = os.environ.get("BOXWRIGHT_ACCELERATOR")
    if wish:
        if wish in ("kvm", "tcg"):
            yield ok("kvm", f"not tried: BOXWRIGHT_ACCELERATOR={wish} decides")
        else:
            yield failed("kvm", f"BOXWRIGHT_ACCELERATOR is {wish!r}", "unset BOXWRIGHT_ACCELERATOR")
        return
    if not device.exists():
        yield warning("kvm", f"this host has no {device}", f"{_how_to_get_kvm(proc)} {EMULATION}")
        return
    if not os.access(device, os.R_OK | os.W_OK):
        yield warning(
            "kvm", f"{device} may not be opened by this user",
            f"`{as_root('usermod -aG kvm $USER')}`, then log in again. {EMULATION}",
        )  # fmt: skip
        return
    try:
        yield _tried(device, images(), prove, run, progress)
    except LabError as error:
        yield skipped("kvm", f"not tried: {sentence(error.what)}")


def _tried(
    device: Path, images: Sequence[store.Image], prove: Prover, run: Runner, progress: Progress
) -> Finding:
    if images:
        proof = prove(images[0].kernel, images[0].initrd, progress)
        if proof.accelerator == "kvm":
            return ok("kvm", "KVM runs the lab's kernel (proved, and remembered until this host restarts)")
        again = f" `rm {shlex.quote(str(paths.state() / 'acceleration.json'))}` lets it be tried again."
        return _does_not_run(sentence(proof.reason), again)
    tried = run("kvm")
    if not tried.ran:
        return _does_not_run(f"{device} opens, but no guest runs: {sentence(tried.said)}")
    return ok(
        "kvm",
        f"a tiny guest ran under KVM in {tried.seconds:.1f} s; `lab image build` will prove it with a whole kernel",
    )


def _does_not_run(reason: str, again: str = "") -> Finding:
    return warning(
        "kvm",
        reason,
        f"{EMULATION} For KVM, mend it on this host; if it is a VM, it needs nested virtualization.{again}",
    )


def _how_to_get_kvm(proc: Path) -> str:
    flags = (proc / "cpuinfo").read_text("utf-8", "replace")
    for flag, module in (("vmx", "kvm_intel"), ("svm", "kvm_amd")):
        if re.search(rf"^flags\s*:.*\b{flag}\b", flags, re.MULTILINE):
            return f"The processor can: `{as_root(f'modprobe {module}')}`."
    return "Switch on virtualization (VT-x, AMD-V) in the firmware's setup, or nested virtualization if this is a VM."
