"""What is in a machine that was made from the image, and that the playbook finds nothing to do in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lab.console import NoProgress
from lab.image import alpine, contents
from lab.provision import LOG, Outcome, provision_machine

if TYPE_CHECKING:
    from testinfra.host import Host

    from lab.machine.qemu import QemuMachine

pytestmark = pytest.mark.vm

ROOTFS = "/srv/boxwright/rootfs-base"


@pytest.mark.parametrize("package", contents.read().packages)
def test_every_package_of_the_list_is_installed(host: Host, package: str) -> None:
    assert host.package(package).is_installed


def test_a_module_can_be_built_for_the_running_kernel(machine: QemuMachine) -> None:
    machine.run("test -e /lib/modules/$(uname -r)/build/Makefile && gcc --version && make --version")


def test_the_kernel_log_is_for_everybody_and_on_the_console(host: Host) -> None:
    assert host.sysctl("kernel.dmesg_restrict") == 0
    assert host.file("/proc/sys/kernel/printk").content_string.split()[0] == "7"


def test_there_is_no_swap_and_cgroup_v2(machine: QemuMachine) -> None:
    assert machine.run("swapon --show --noheadings").text == ""
    assert machine.run("stat -f -c %T /sys/fs/cgroup").text == "cgroup2fs"


def test_the_monitor_is_loaded_by_hand_only(machine: QemuMachine) -> None:
    assert "blacklist monitor" in machine.run("modprobe --showconfig").text


def test_the_base_rootfs_is_alpine_with_the_workloads(machine: QemuMachine, host: Host) -> None:
    expected = alpine.known_digests(contents.read())
    assert host.file(f"{ROOTFS}.sha256").content_string.strip() in expected
    assert machine.run(f"chroot {ROOTFS} /bin/sh -c 'cat /etc/alpine-release'").text.startswith("3.")
    for program in ("cpu_hog", "memory_hog", "io_pulse"):
        assert host.file(f"{ROOTFS}/{program}").mode == 0o755
    assert machine.run(f"chroot {ROOTFS} /io_pulse 1 1").ok


def test_nothing_failed_at_boot(machine: QemuMachine) -> None:
    assert machine.run("systemctl is-system-running --wait", check=False).text == "running"
    assert machine.run("systemctl --failed --no-legend").text == ""


def test_the_machine_has_an_identity_of_its_own(host: Host) -> None:
    assert len(host.file("/etc/machine-id").content_string.strip()) == 32


def run_playbook(machine: QemuMachine) -> tuple[Outcome, str]:
    """What it did, and its log."""
    outcome = provision_machine(machine, NoProgress())
    return outcome, (machine.folder / LOG).read_text()


def test_a_second_run_of_the_playbook_changes_nothing(machine: QemuMachine) -> None:
    outcome, log = run_playbook(machine)
    assert outcome.changed == 0, log
    assert outcome.ok >= 4


def test_the_playbook_mends_what_was_changed_and_only_that(machine: QemuMachine) -> None:
    machine.run(
        f"rm {ROOTFS}/cpu_hog; echo x > /etc/sysctl.d/60-boxwright.conf; sysctl -q kernel.dmesg_restrict=1"
    )
    outcome, log = run_playbook(machine)
    # The settings, their handler, and the workload.
    assert outcome.changed == 3, log
    assert machine.run("sysctl -n kernel.dmesg_restrict").text == "0"
    assert machine.run(f"test -x {ROOTFS}/cpu_hog").ok
    assert run_playbook(machine)[0].changed == 0
