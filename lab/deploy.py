"""Bring this checkout's runtime and kernel module into a machine."""

from __future__ import annotations

from lab import paths
from lab.console import Progress
from lab.machine.protocol import Machine

RUNTIME = "/usr/local/lib/boxwright/runtime"
ENGINE = "/usr/local/bin/engine"
MONITOR_SOURCE = "/usr/local/src/boxwright-monitor"
MONITOR_MODULE = f"{MONITOR_SOURCE}/monitor.ko"
ROOTFS_BASE = "/srv/boxwright/rootfs-base"


def deploy(machine: Machine, progress: Progress) -> None:
    """Copy the runtime and the module's sources, and build the init and, against the guest's headers, the module.

    Raises:
        CommandFailed: one does not build; with the compiler's words.
    """
    progress.step("Deploying the runtime")
    machine.run(f"rm -rf {RUNTIME}")
    machine.put(paths.CHECKOUT / "runtime", RUNTIME)
    machine.run(
        f"chmod 755 {RUNTIME}/engine && ln -sfn {RUNTIME}/engine {ENGINE} && make -s -C {RUNTIME}/init",
        timeout=60,
    )
    progress.step("Deploying and building the kernel module")
    machine.put(paths.CHECKOUT / "kernel", MONITOR_SOURCE)
    machine.run(
        f'said=$(make -C {MONITOR_SOURCE} 2>&1) || {{ echo "$said" >&2; exit 1; }}',
        timeout=120,
    )
