"""Bring this checkout's runtime and kernel module into a machine."""

from __future__ import annotations

from pathlib import Path

from lab import paths, products
from lab.console import Progress
from lab.machine.protocol import Machine

RUNTIME = "/usr/local/lib/boxwright/runtime"
ENGINE = "/usr/local/bin/engine"
MONITOR_SOURCE = "/usr/local/src/boxwright-monitor"
MONITOR_MODULE = f"{MONITOR_SOURCE}/monitor.ko"
MANUAL = "/usr/share/man/man8/engine.8"
COMPLETION = "/usr/share/bash-completion/completions/engine"
ROOTFS_BASE = "/srv/boxwright/rootfs-base"


def deploy(machine: Machine, progress: Progress, *, fresh: bool = False) -> None:
    """Copy the runtime and the module's sources, and build the init and, against the guest's headers, the module.

    Args:
        machine: where to.
        progress: told what is under way.
        fresh: nothing but ours has run in it, so what is built there may be kept for others of the same kernel.

    Raises:
        CommandFailed: one does not build; with the compiler's words.
    """
    progress.step("Deploying the runtime")
    machine.run(f"rm -rf {RUNTIME}")
    machine.put(paths.CHECKOUT / "runtime", RUNTIME)
    machine.run(
        f"chmod 755 {RUNTIME}/engine && ln -sfn {RUNTIME}/engine {ENGINE} && make -s -C {RUNTIME}/init && "
        f"mkdir -p {Path(MANUAL).parent} {Path(COMPLETION).parent} && ln -sfn {RUNTIME}/engine.8 {MANUAL} && "
        f"engine completion bash > {COMPLETION}",
        timeout=60,
    )
    progress.step("Deploying and building the kernel module")
    deploy_monitor(machine, fresh=fresh)


def deploy_monitor(machine: Machine, *, fresh: bool = False) -> None:
    """Copy the module's sources to `MONITOR_SOURCE` and build `MONITOR_MODULE`, or take it as it was built before.

    Args:
        machine: where to.
        fresh: nothing but ours has run in it, so what is built there may be kept for others of the same kernel.

    Raises:
        CommandFailed: it does not build; with the compiler's words.
    """
    sources = paths.CHECKOUT / "kernel"
    machine.put(sources, MONITOR_SOURCE)
    name = products.key(machine, sources)
    if module := products.find(name):
        machine.write(MONITOR_MODULE, module)
        return
    machine.run(
        f'said=$(make -C {MONITOR_SOURCE} 2>&1) || {{ echo "$said" >&2; exit 1; }}',
        timeout=120,
    )
    if fresh:
        products.keep(name, machine.read(MONITOR_MODULE))
