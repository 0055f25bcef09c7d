"""Judges a machine's kernel from what the probe saw: headers, modules, secure boot, the monitor, cgroups."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.doctor.finding import Finding, failed, ok, skipped, warning

Facts = Mapping[str, str]
"""The probe's answers by name, and beside them `machine`, `asked-after` and `asked-before` (host's times)."""

CONTROLLERS = ("memory", "cpu", "pids", "cpuset")
"""Of cgroup v2; what the engine accounts and limits with."""

HEADERS = ("Makefile", "Module.symvers", "include/generated/utsrelease.h", "modpost")
"""Without any one of them no module builds, or it builds and does not load."""

DEPLOY = "`lab demo` deploys it."


def fresh(facts: Facts) -> str:
    """The remedy for a machine that somebody broke."""
    return f"`lab reset {facts.get('machine', '')}` gives a fresh machine."


def kernel(facts: Facts) -> Finding:
    """Which one runs; older than 5.15 lacks what runtime and monitor use."""
    release = facts.get("release", "")
    match = re.match(r"(\d+)\.(\d+)", release)
    if match is None or (int(match[1]), int(match[2])) < (5, 15):
        return failed(
            "kernel", f"Linux {release or 'of unknown release'}; 5.15 is the least",
            "Use a newer release: `lab up NAME --suite trixie`.",
        )  # fmt: skip
    if facts.get("user") != "0":
        return failed("kernel", f"Linux {release}, but commands do not run as root", "Log in as root.")
    return ok("kernel", f"Linux {release}")


def headers(facts: Facts) -> Finding:
    """Of exactly this kernel, with all that a module build reads."""
    release = facts.get("release", "")
    there = facts.get("headers", "").split()
    missing = [name for name in HEADERS if name not in there]
    fix = f"In the machine: `apt-get install linux-headers-{release}`."
    if not there:
        return failed("headers", f"none for {release}: /lib/modules/{release}/build leads nowhere", fix)
    if missing:
        return failed("headers", f"those for {release} lack {', '.join(missing)}", fix)
    if facts.get("headers-for") != release:
        return failed("headers", f"they are for {facts.get('headers-for')}, and {release} runs", fix)
    return ok("headers", f"for exactly {release}, with Module.symvers")


def compiler(facts: Facts) -> Finding:
    """gcc and make, which build modules and workloads."""
    missing = [name for name in ("gcc", "make") if not facts.get(name)]
    if missing:
        return failed("compiler", f"not there: {', '.join(missing)}",
                      f"In the machine: `apt-get install {' '.join(missing)}`.")  # fmt: skip
    return ok("compiler", f"{facts['gcc']}, {facts['make']}")


def python(facts: Facts) -> Finding:
    """3.11 or newer, for the engine."""
    version = facts.get("python", "")
    match = re.match(r"(\d+)\.(\d+)", version)
    if match is None:
        return failed(
            "python", "python3 is not there, or does not run", "In the machine: `apt-get install python3`."
        )
    if (int(match[1]), int(match[2])) < (3, 11):
        return failed(
            "python",
            f"Python {version}; 3.11 is the least",
            "Use a newer release: `lab up NAME --suite trixie`.",
        )
    return ok("python", f"Python {version}")


def module_loading(facts: Facts) -> Finding:
    """A module can be loaded: tried with one of the kernel's own, and nothing forbids unsigned ones."""
    name = "module-loading"
    lockdown = re.search(r"\[(\w+)\]", facts.get("lockdown", ""))
    if facts.get("proc-modules") != "yes":
        return failed(
            name, "this kernel has no modules (CONFIG_MODULES)", "Boot a kernel of the distribution."
        )
    if facts.get("modules-disabled") == "1":
        return failed(
            name, "kernel.modules_disabled is 1, which lasts until the next boot",
            f"Restart the machine, or: {fresh(facts)}",
        )  # fmt: skip
    if lockdown and lockdown[1] != "none":
        return failed(
            name, f"the kernel is locked down ({lockdown[1]}): it loads signed modules only",
            "Switch secure boot off in the machine's firmware, and lockdown= on its kernel's command line.",
        )  # fmt: skip
    if facts.get("sig-enforce") == "Y":
        return failed(
            name, "module.sig_enforce is on: only signed modules load",
            "Take module.sig_enforce off the kernel's command line.",
        )  # fmt: skip
    tried = facts.get("module-load", "")
    if tried.startswith("refused"):
        return failed(
            name, f"a module of the kernel's own does not load: {tried.removeprefix('refused').strip()}",
            fresh(facts),
        )  # fmt: skip
    if tried.startswith("loaded"):
        return ok(name, f"{tried.split()[1]} was loaded and taken out again; unsigned ones are allowed")
    return ok(name, "nothing forbids it (there was no module to try it with)")


def secure_boot(facts: Facts) -> Finding:
    """Off, or not there: with it the kernel loads signed modules only."""
    name = "secure-boot"
    if facts.get("efi") != "yes":
        return ok(name, "none: the machine did not boot by UEFI")
    if facts.get("secure-boot") == "1":
        return failed(
            name, "on: the kernel loads signed modules only",
            "Switch it off in the machine's firmware (its maker calls it Secure Boot).",
        )  # fmt: skip
    if facts.get("secure-boot") == "0":
        return ok(name, "off")
    return warning(
        name, "the machine booted by UEFI and does not tell", "In the machine: `mokutil --sb-state`."
    )


def monitor(facts: Facts) -> Finding:
    """Whether the kernel module is there, fits the kernel, and is loaded."""
    vermagic = facts.get("monitor-vermagic", "")
    release = facts.get("release", "")
    build = "In the machine: `make -C /usr/local/src/boxwright-monitor`."
    if facts.get("monitor-loaded"):
        mode = facts.get("monitor-device")
        if not mode:
            return failed("monitor", "loaded, but /dev/container_monitor is not there", "Look into `dmesg`.")
        if mode != "600":
            return failed("monitor", f"loaded; its device has mode {mode}, not 600", "Look for a udev rule.")
        return ok("monitor", "loaded; /dev/container_monitor is there")
    if vermagic and vermagic.split()[0] != release:
        return failed("monitor", f"built for {vermagic.split()[0]}, and {release} runs", build)
    if vermagic:
        return ok(
            "monitor",
            "built for this kernel, not loaded: `insmod /usr/local/src/boxwright-monitor/monitor.ko`",
        )
    if facts.get("monitor-source") == "yes":
        return warning("monitor", "its sources are there, but it is not built", build)
    return skipped("monitor", f"not deployed. {DEPLOY}")


def cgroup(facts: Facts) -> Finding:
    """Version 2 is mounted, with the controllers that the engine uses."""
    if facts.get("cgroup-type") != "cgroup2fs":
        return failed(
            "cgroup", f"/sys/fs/cgroup is {facts.get('cgroup-type') or 'not mounted'}, not cgroup v2",
            "Boot with systemd.unified_cgroup_hierarchy=1.",
        )  # fmt: skip
    there = facts.get("cgroup-controllers", "").split()
    missing = [name for name in CONTROLLERS if name not in there]
    if missing:
        return failed(
            "cgroup", f"v2, without the controllers {', '.join(missing)}",
            f"Boot with {' '.join(f'cgroup_enable={name}' for name in missing)}, and without cgroup_no_v1.",
        )  # fmt: skip
    return ok("cgroup", f"v2, with {', '.join(CONTROLLERS)}")
