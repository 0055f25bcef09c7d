"""`lab doctor` on this host, and `lab doctor --guest` in a real VM: sound, then broken in every way that it knows."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab import deploy
from lab.doctor.finding import Finding
from lab.doctor.guest import examine_guest
from lab.image import contents
from lab.machine.qemu import QemuMachine

pytestmark = pytest.mark.vm


def lab(*arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """The command as a person runs it."""
    command = [str(Path(sys.executable).with_name("lab")), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=timeout)


def by_name(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_this_host_is_looked_at_in_seconds_and_the_status_says_the_result() -> None:
    lab("doctor")  # what has to be proved is proved now
    began = time.monotonic()
    done = lab("doctor", "--json")
    assert time.monotonic() - began < 10, "3 s on an idle host"
    shown = json.loads(done.stdout)
    # Tests ran up to here on a machine that was built here: nothing that matters can be missing.
    assert [check for check in shown["checks"] if check["status"] == "failed"] == []
    assert (done.returncode, shown["result"], shown["subject"]) == (0, "ok", "host")


def test_a_failure_gives_status_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # where there is no QEMU
    done = lab("doctor")
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "qemu-system" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_machine_needs_guest_and_must_exist() -> None:
    for arguments, words in (
        (("doctor", "web"), "lab doctor --guest web"),
        (("doctor", "--guest", "nobody"), "There is no machine 'nobody'"),
        (("doctor", "--guest", "--suite", "trixie"), "Name one"),
    ):
        failed = lab(*arguments)
        assert (failed.returncode, words in failed.stderr) == (1, True), failed.stderr
        assert "Traceback" not in failed.stderr


def has_alpines_own(machine: QemuMachine) -> bool:
    """Was the base root file system made from Alpine's own tarball, or from the stand-in for it?"""
    listed = contents.read()
    mark = machine.run(f"cat {deploy.ROOTFS_BASE}.sha256").text
    return mark == listed.alpine_sha256s[platform.machine()]


WATCHED = "cut -d' ' -f1 /proc/modules | sort; cat /proc/mounts; ls -A /run /tmp /var/tmp; dmesg --notime"


def test_a_sound_machine_has_nothing_to_complain_about_and_is_left_as_it_was(machine: QemuMachine) -> None:
    before = machine.run(WATCHED).text
    found = examine_guest(machine)
    assert machine.run(WATCHED).text == before
    complaints = {each.name: each.found for each in found if each.status != "ok"}
    if not has_alpines_own(machine):
        assert "instead of" in complaints.pop("rootfs")
    assert complaints == {}


def test_the_command_shows_the_same(machine: QemuMachine) -> None:
    machine.close()
    done = lab("doctor", "--guest", machine.name, "--json")
    shown = json.loads(done.stdout)
    assert (done.returncode, shown["machine"], shown["result"]) == (0, machine.name, "ok")
    done = lab("doctor", "--guest", machine.name)
    assert f"The machine {machine.name} is ready" in done.stdout
    # What there is to do is not broken into lines, so that it can be copied.
    assert [line for line in done.stdout.splitlines() if len(line) > 80 and not line.startswith("  ")] == []


BREAK = rf"""
set -e
mv /lib/modules/$(uname -r)/build /lib/modules/$(uname -r)/build.away
sed -i "s/vermagic=$(uname -r)/vermagic=$(uname -r | tr 0-9 7)/" {deploy.MONITOR_MODULE}
rm {deploy.ROOTFS_BASE}.sha256
cp /usr/bin/true {deploy.ROOTFS_BASE}/cpu_hog
rm {deploy.ENGINE}
printf '#!/bin/sh\necho usage\n' > {deploy.ENGINE}
chmod 755 {deploy.ENGINE}
sysctl -q -w kernel.dmesg_restrict=1 kernel.modules_disabled=1
dd if=/dev/zero of=/root/swap bs=1M count=16 status=none
chmod 600 /root/swap
mkswap -q /root/swap
swapon /root/swap
fallocate -l $(($(df -kP / | awk 'NR == 2 {{ print $4 }}') - 100 * 1024))KiB /root/full
mount -t tmpfs tmpfs /sys/fs/cgroup
python3 -c 'import os, time; os.fork() or os._exit(0); time.sleep(600)' > /dev/null 2>&1 &
timeout 60 sh -c 'until grep -qs "^State:.Z" /proc/[0-9]*/status; do sleep 0.1; done'
date -s '-1 hour' > /dev/null
"""

EXPECTED = {
    "kernel": ("ok", "Linux"),
    "headers": ("failed", "leads nowhere"),
    "module-loading": ("failed", "modules_disabled"),
    "secure-boot": ("ok", ""),
    "cgroup": ("failed", "tmpfs"),
    "monitor": ("failed", "built for 7"),
    "rootfs": ("failed", "not unpacked to the end"),
    "workloads": ("failed", "/cpu_hog does not run"),
    "engine": ("failed", "status 0"),
    "python": ("ok", "Python 3"),
    "clock": ("warning", "behind"),
    "kernel-log": ("warning", "only root"),
    "disk": ("failed", "MiB"),
    "memory": ("ok", "MiB"),
    "swap": ("warning", "/root/swap"),
    "zombies": ("warning", "python3"),
}


@pytest.fixture(scope="module")
def broken(machine: QemuMachine) -> dict[str, Finding]:
    """What is found in the machine when all of this is broken at once."""
    machine.run(BREAK)
    return by_name(examine_guest(machine))  # the next module restores the machine


@pytest.mark.parametrize("name", EXPECTED)
def test_what_is_broken_in_a_real_machine_is_found(broken: dict[str, Finding], name: str) -> None:
    status, words = EXPECTED[name]
    assert (broken[name].status, words in broken[name].found) == (status, True), broken[name]
