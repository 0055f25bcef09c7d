"""Judges the rest of a machine from what the probe saw: Alpine, workloads, engine, clock, room, processes."""

from __future__ import annotations

from collections.abc import Sequence

from lab.doctor.finding import Finding, failed, ok, skipped, warning
from lab.doctor.guest_kernel import DEPLOY, Facts, fresh

CLOCK_SECONDS = 5.0
"""How far the guest's clock may be off; log times and `since` are read in seconds."""

LEAST_FREE_KIB = 200 * 1024
WANTED_FREE_KIB = 500 * 1024
"""Room for logs of 200 MB, which the benchmarks write."""

LEAST_INODES = 5000
LEAST_MEMORY_KIB = 200 * 1024


def rootfs(facts: Facts, alpine_version: str) -> Finding:
    """Alpine is complete, and its busybox runs in it."""
    name = "rootfs"
    fix = f"Provision it anew, or: {fresh(facts)}"
    missing = facts.get("rootfs-missing", "").split()
    if "etc/" in missing and "bin/busybox" in missing:
        return failed(name, "there is no Alpine in /srv/boxwright/rootfs-base", fix)
    if missing:
        return failed(name, f"incomplete: it lacks {', '.join(missing)}", fix)
    if not facts.get("rootfs-mark"):
        return failed(name, "it was not unpacked to the end (no mark beside it)", fix)
    if facts.get("rootfs-runs") != "yes":
        return failed(name, f"its busybox does not run: {facts.get('rootfs-runs') or 'no answer'}", fix)
    version = facts.get("rootfs-release", "")
    if version != alpine_version:
        return warning(
            name, f"complete, but Alpine {version or 'of no known version'} instead of {alpine_version}",
            "Its tarball could not be reached when the image was built; `lab doctor` shows the sources.",
        )  # fmt: skip
    return ok(name, f"Alpine {version}, complete; its busybox runs")


def workloads(facts: Facts, names: Sequence[str]) -> Finding:
    """Each is there, static, and says something of its own when it runs."""
    bad = []
    for name in names:
        said = facts.get(f"workload-{name}", "")
        if said == "missing":
            bad.append(f"/{name} is not there")
        elif not said.startswith(f"{name}:"):
            bad.append(f"/{name} does not run: {said or 'it says nothing'}")
    if bad:
        return failed("workloads", "; ".join(bad), f"Provision it anew, or: {fresh(facts)}")
    return ok("workloads", f"{', '.join(names)} are static and run")


def clock(facts: Facts) -> Finding:
    """The same time as on the host, as far as the time of asking tells."""
    try:
        guest = float(facts["time"])
    except (KeyError, ValueError):
        return failed("clock", "`date` gives no time", "Look at the machine: `lab ssh`.")
    early = float(facts["asked-after"]) - guest
    late = guest - float(facts["asked-before"])
    off = max(early, late)
    if off > CLOCK_SECONDS:
        way = "behind" if early > late else "ahead of"
        return warning(
            "clock", f"{off:.0f} s {way} the host's",
            f"lab ssh -m {facts.get('machine', '')} -- date -s @$(date +%s)",
        )  # fmt: skip
    return ok("clock", "agrees with the host's")


def kernel_log(facts: Facts) -> Finding:
    """Can be read; also by those who are not root."""
    if not facts.get("dmesg", "0").strip().isdecimal() or int(facts.get("dmesg", "0")) == 0:
        return failed("kernel-log", "`dmesg` shows nothing", "Look at the machine: `lab ssh`.")
    if facts.get("dmesg-restrict") not in ("0", None, ""):
        return warning(
            "kernel-log", "only root may read it", "In the machine: `sysctl -w kernel.dmesg_restrict=0`."
        )
    return ok("kernel-log", f"{int(facts['dmesg'])} lines, readable by everybody")


def disk(facts: Facts) -> Finding:
    """Room for logs and for the containers' file systems."""
    free = _number(facts, "disk-free-kib")
    inodes = _number(facts, "disk-free-inodes")
    found = f"{free // 1024} MiB and {inodes} inodes free"
    fix = f"Remove what is not needed, or: {fresh(facts)}"
    if free < LEAST_FREE_KIB or inodes < LEAST_INODES:
        return failed("disk", found, fix)
    if free < WANTED_FREE_KIB:
        return warning("disk", found, fix)
    return ok("disk", found)


def memory(facts: Facts) -> Finding:
    """Room for containers up to their hard limits."""
    free = _number(facts, "memory-available-kib")
    if free < LEAST_MEMORY_KIB:
        return warning(
            "memory", f"{free // 1024} MiB free", "End programs in it, or: `lab up NAME --memory 1024`."
        )
    return ok("memory", f"{free // 1024} MiB free")


def swap(facts: Facts) -> Finding:
    """None: memory that goes to a disk is not resident, and no limit on resident memory sees it."""
    if facts.get("swap"):
        devices = " and ".join(facts["swap"].split())
        return warning(
            "swap", f"on ({devices}): memory limits are not exact", "In the machine: `swapoff --all`."
        )
    return ok("swap", "off")


def zombies(facts: Facts) -> Finding:
    """No process that ended and was not waited for, seen at both looks."""
    first = set(facts.get("zombies-first", "").splitlines())
    both = [line.split() for line in facts.get("zombies-last", "").splitlines() if line in first]
    if both:
        shown = ", ".join(
            f"{line[0]} (pid {line[1]}, child of {line[2]})" for line in both[:3] if len(line) > 2
        )
        return warning(
            "zombies", f"{len(both)}: {shown}", "Their parent does not wait for them: mend it, or end it."
        )
    return ok("zombies", "none")


def engine(facts: Facts) -> Finding:
    """Deployed, and without a command it says how it is used, with a status other than 0."""
    said = facts.get("engine", "")
    if not said:
        return skipped("engine", f"not deployed. {DEPLOY}")
    first, _, words = said.partition("\n")
    status = first.removeprefix("status ")
    if "usage" in words.lower() and status not in ("0", "124"):
        return ok("engine", f"deployed; answers with its usage (status {status})")
    shown = " ".join(words.split())[:120] or "nothing"
    return failed(
        "engine", f"without a command it says {shown!r} (status {status}) instead of its usage", DEPLOY
    )


def _number(facts: Facts, name: str) -> int:
    text = facts.get(name, "")
    return int(text) if text.isdecimal() else 0
