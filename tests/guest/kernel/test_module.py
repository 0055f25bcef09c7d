"""The module as such: it builds without a word, loads, is found, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from lab.deploy import MONITOR_MODULE, MONITOR_SOURCE
from lab.machine.protocol import CommandResult, Machine

DEVICE = "/dev/container_monitor"
LOADED = f"Module loaded. Device: {DEVICE}"
UNLOADED = "Module unloaded."
Probe = Callable[..., CommandResult]


FAULTY = """\
#include <linux/module.h>
int *nobody_knows;
int unused(int x) { return x; }
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("What the checkers must notice");
"""


def test_builds_without_a_warning(machine: Machine) -> None:
    """With the kernel's extra warnings, and with sparse. A faulty file beside it shows that they look."""
    folder = "/tmp/monitor-build"
    machine.run(
        f"rm -rf {folder}; mkdir {folder}; cd {MONITOR_SOURCE}; cp monitor*.[ch] Kbuild Makefile {folder}"
    )
    machine.write(f"{folder}/faulty.c", FAULTY.encode())
    machine.run(f"echo 'obj-m += faulty.o' >>{folder}/Kbuild")
    built = machine.run(f"make -j2 -C {folder} W=1 C=2 2>&1", timeout=60, check=False)
    assert built.ok, built.text
    lines = built.text.lower().splitlines()
    warnings = [line for line in lines if "warning" in line]
    assert [line for line in warnings if "faulty.c" not in line] == []
    assert any("no previous prototype" in line for line in warnings)
    assert any("was not declared" in line for line in warnings), "sparse did not run"
    assert any("check" in line and "monitor.c" in line for line in lines)
    machine.run(f"make -C {folder} clean && test ! -e {folder}/monitor.ko && test -e {folder}/monitor.c")


def test_headers_have_kernel_doc(machine: Machine) -> None:
    scripts = "/lib/modules/$(uname -r)/build/scripts/kernel-doc"
    if not machine.run(f"test -x {scripts} && perl -e 1", check=False).ok:
        pytest.skip("the guest has no kernel-doc script, or no perl to run it")
    said = machine.run(f"cd {MONITOR_SOURCE} && {scripts} -none monitor.c monitor_*.h 2>&1", check=False).text
    assert said == ""


def test_load_and_unload(machine: Machine, log: Any) -> None:
    machine.run(f"test ! -e {DEVICE}")
    machine.run(f"insmod {MONITOR_MODULE}")
    assert log.monitor() == [LOADED]
    machine.run("rmmod monitor")
    assert log.monitor() == [LOADED, UNLOADED]
    left = f"ls -d {DEVICE} /sys/module/monitor /sys/class/misc/container_monitor 2>/dev/null"
    assert machine.run(left, check=False).text == ""
    assert "container_monitor" not in machine.run("cat /proc/misc").text
    # The queue's reserve thread; a common worker may go on bearing the name of what it did last.
    assert machine.run("ps -eo comm | grep -E '^(kworker/R-)?conta'", check=False).text == ""


@pytest.mark.usefixtures("monitor")
def test_the_device_is_roots_alone(host: Any) -> None:
    device = host.file(DEVICE)
    assert device.mode == 0o600
    assert (device.user, device.group) == ("root", "root")
    assert host.file(DEVICE).exists
    assert host.check_output(f"stat -c %F {DEVICE}") == "character special file"


@pytest.mark.usefixtures("monitor")
def test_an_open_device_holds_the_module(machine: Machine, log: Any) -> None:
    refused = machine.run(f"exec 9<>{DEVICE}; rmmod monitor", check=False)
    assert not refused.ok
    assert "in use" in refused.error_text
    assert log.monitor() == [LOADED]
    machine.run("rmmod monitor")
    assert log.monitor() == [LOADED, UNLOADED]


def test_the_scan_interval_has_bounds(machine: Machine) -> None:
    parameter = "/sys/module/monitor/parameters/scan_interval_ms"
    assert not machine.run(f"insmod {MONITOR_MODULE} scan_interval_ms=0", check=False).ok
    machine.run(f"insmod {MONITOR_MODULE} scan_interval_ms=50")
    assert machine.run(f"cat {parameter}").text == "50"
    machine.run(f"echo 200 >{parameter}")
    for wrong in ("9", "60001", "-1", "soon"):
        assert not machine.run(f"echo {wrong} >{parameter}", check=False).ok
    assert machine.run(f"cat {parameter}").text == "200"
    machine.run("rmmod monitor")
