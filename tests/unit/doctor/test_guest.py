"""What the probe may answer, and what is made of it; the probe itself is tried in tests/machine/test_doctor.py."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from lab.doctor import guest
from lab.doctor.finding import Finding
from lab.errors import LabError
from lab.machine.protocol import CommandResult

WANTED = guest.Expected("3.20.3", ("cpu_hog", "memory_hog", "io_pulse"))
RELEASE = "6.12.117+deb13-cloud-amd64"

GOOD = {
    "time": "1700000001.500000000",
    "asked-after": "1700000001.000",
    "asked-before": "1700000004.000",
    "machine": "web",
    "release": RELEASE,
    "user": "0",
    "headers": "Makefile\nModule.symvers\ninclude/generated/utsrelease.h\nmodpost",
    "headers-for": RELEASE,
    "gcc": "gcc (Debian 14.2.0-19) 14.2.0",
    "make": "GNU Make 4.4.1",
    "python": "3.13.5",
    "proc-modules": "yes",
    "modules-disabled": "0",
    "lockdown": "[none] integrity confidentiality",
    "sig-enforce": "N",
    "efi": "",
    "secure-boot": "",
    "module-load": "loaded ts_fsm",
    "monitor-loaded": "monitor 16384 0 - Live 0x0000000000000000 (OE)",
    "monitor-device": "600",
    "monitor-source": "yes",
    "monitor-vermagic": f"{RELEASE} SMP preempt mod_unload modversions",
    "cgroup-type": "cgroup2fs",
    "cgroup-controllers": "cpuset cpu io memory hugetlb pids rdma misc",
    "rootfs-mark": "d4e6",
    "rootfs-release": "3.20.3",
    "rootfs-missing": "",
    "rootfs-runs": "yes",
    "workload-cpu_hog": "cpu_hog: 1 s, iterations 900000",
    "workload-memory_hog": "memory_hog: 1 MiB",
    "workload-io_pulse": "io_pulse: 1 of 1",
    "dmesg": "476",
    "dmesg-restrict": "0",
    "disk-free-kib": "2238324",
    "disk-free-inodes": "168896",
    "memory-available-kib": "599404",
    "swap": "",
    "zombies-first": "",
    "zombies-last": "",
    "engine": "status 1\nusage: engine supervisor BASE",
}


def judged(changes: Mapping[str, str]) -> dict[str, Finding]:
    """The findings for a good machine with these answers changed."""
    assert changes.keys() <= GOOD.keys()
    facts = {**GOOD, **changes}
    found = {finding.name: finding for finding in guest.judge(facts, WANTED)}
    others = {name for name, finding in found.items() if finding.status not in ("ok", "skipped")}
    assert all(found[name].fix for name in others), "what is wrong has no fix"
    return found


def test_a_good_machine_has_nothing_to_complain_about() -> None:
    assert {finding.status for finding in judged({}).values()} == {"ok"}


CASES: list[tuple[str, str, str, dict[str, Any]]] = [
    ("kernel", "failed", "5.15 is the least", {"release": "5.10.0-28-amd64"}),
    ("kernel", "failed", "5.15 is the least", {"release": "4.19.0"}),
    ("kernel", "failed", "as root", {"user": "1000"}),
    ("headers", "failed", "leads nowhere", {"headers": ""}),
    ("headers", "failed", "lack Module.symvers", {"headers": "Makefile\ninclude/generated/utsrelease.h\nmodpost"}),
    ("headers", "failed", "they are for 6.1.0", {"headers-for": "6.1.0"}),
    ("compiler", "failed", "not there: make", {"make": ""}),
    ("compiler", "failed", "not there: gcc", {"gcc": ""}),
    ("python", "failed", "not there", {"python": ""}),
    ("python", "failed", "3.11 is the least", {"python": "3.9.2"}),
    ("module-loading", "failed", "CONFIG_MODULES", {"proc-modules": ""}),
    ("module-loading", "failed", "modules_disabled", {"modules-disabled": "1"}),
    ("module-loading", "failed", "locked down (integrity)", {"lockdown": "none [integrity] confidentiality"}),
    ("module-loading", "failed", "sig_enforce", {"sig-enforce": "Y"}),
    ("module-loading", "failed", "not permitted", {"module-load": "refused modprobe: not permitted"}),
    ("module-loading", "ok", "unsigned ones are allowed", {}),
    ("module-loading", "ok", "no module to try", {"module-load": "none to try"}),
    ("secure-boot", "failed", "on:", {"efi": "yes", "secure-boot": "1"}),
    ("secure-boot", "ok", "off", {"efi": "yes", "secure-boot": "0"}),
    ("secure-boot", "warning", "does not tell", {"efi": "yes"}),
    ("cgroup", "failed", "tmpfs", {"cgroup-type": "tmpfs"}),
    ("cgroup", "failed", "not mounted", {"cgroup-type": ""}),
    ("cgroup", "failed", "memory, cpuset", {"cgroup-controllers": "cpu io pids"}),
    ("monitor", "failed", "/dev/container_monitor is not there", {"monitor-device": ""}),
    ("monitor", "failed", "mode 666", {"monitor-device": "666"}),
    ("monitor", "failed", "built for 6.1.0", {"monitor-loaded": "", "monitor-vermagic": "6.1.0 SMP"}),
    ("monitor", "ok", "not loaded", {"monitor-loaded": ""}),
    ("monitor", "warning", "not built", {"monitor-loaded": "", "monitor-vermagic": ""}),
    (
        "monitor", "skipped", "not deployed",
        {"monitor-loaded": "", "monitor-vermagic": "", "monitor-source": ""},
    ),
    ("rootfs", "failed", "no Alpine", {"rootfs-missing": "bin/\netc/\nbin/busybox"}),
    ("rootfs", "failed", "lacks bin/busybox", {"rootfs-missing": "bin/busybox"}),
    ("rootfs", "failed", "lacks usr/", {"rootfs-missing": "usr/"}),
    ("rootfs", "failed", "not unpacked to the end", {"rootfs-mark": ""}),
    ("rootfs", "failed", "Exec format error", {"rootfs-runs": "chroot: Exec format error"}),
    ("rootfs", "warning", "Alpine 3.23.0 instead of 3.20.3", {"rootfs-release": "3.23.0"}),
    ("workloads", "failed", "/io_pulse is not there", {"workload-io_pulse": "missing"}),
    ("workloads", "failed", "/cpu_hog does not run: chroot: No such", {"workload-cpu_hog": "chroot: No such file"}),
    ("workloads", "failed", "says nothing", {"workload-memory_hog": ""}),
    ("engine", "skipped", "not deployed", {"engine": ""}),
    ("engine", "failed", "Traceback", {"engine": "status 1\nTraceback (most recent call last)"}),
    ("engine", "failed", "status 0", {"engine": "status 0\nusage: engine"}),
    ("engine", "failed", "status 124", {"engine": "status 124\nusage: engine"}),
    ("clock", "failed", "no time", {"time": "date: bad"}),
    ("clock", "warning", "27 s behind", {"time": "1699999974.0"}),
    ("clock", "warning", "60 s ahead", {"time": "1700000064.0"}),
    ("clock", "ok", "agrees", {"time": "1700000006.0"}),
    ("kernel-log", "failed", "nothing", {"dmesg": "0"}),
    ("kernel-log", "warning", "only root", {"dmesg-restrict": "1"}),
    ("disk", "failed", "199 MiB", {"disk-free-kib": "204799"}),
    ("disk", "failed", "4999 inodes", {"disk-free-inodes": "4999"}),
    ("disk", "warning", "200 MiB", {"disk-free-kib": "204800"}),
    ("disk", "warning", "499 MiB", {"disk-free-kib": "511999"}),
    ("disk", "ok", "500 MiB", {"disk-free-kib": "512000", "disk-free-inodes": "5000"}),
    ("disk", "failed", "0 MiB", {"disk-free-kib": ""}),
    ("memory", "warning", "199 MiB", {"memory-available-kib": "204799"}),
    ("memory", "ok", "200 MiB", {"memory-available-kib": "204800"}),
    ("swap", "warning", "/dev/vdb and /swapfile", {"swap": "/dev/vdb\n/swapfile"}),
    (
        "zombies", "warning", "1: sh (pid 12, child of 7)",
        {"zombies-first": "sh 12 7\nls 13 7", "zombies-last": "sh 12 7\ncat 14 7"},
    ),
    ("zombies", "ok", "none", {"zombies-first": "sh 12 7", "zombies-last": "cat 14 7"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "words", "changes"), CASES)
def test_each_broken_thing_is_found_and_nothing_else(
    name: str, status: str, words: str, changes: dict[str, str]
) -> None:
    found = judged(changes)
    assert (found[name].status, words in found[name].found) == (status, True), found[name]
    unrelated = {each for each in found if each != name} - {
        "headers",
        "monitor",
    }  # these depend on the release
    assert {found[each].status for each in unrelated} == {"ok"}


def test_the_fixes_name_the_machine() -> None:
    assert "lab reset web" in judged({"rootfs-mark": ""})["rootfs"].fix
    assert judged({"time": "0"})["clock"].fix == "lab ssh -m web -- date -s @$(date +%s)"


def test_answers_are_read_line_by_line() -> None:
    text = "noise\n@@ one\n1\n2\n@@ empty\n@@ end\n"
    assert guest.read_answers(text) == {"one": "1\n2", "empty": "", "end": ""}


@pytest.mark.parametrize("text", ["", "sh: not found", "@@ one\n1\n"])
def test_a_probe_that_was_cut_off_is_not_judged(text: str) -> None:
    with pytest.raises(LabError, match="ended early"):
        guest.read_answers(text)


def test_the_list_in_vagrant_says_what_is_expected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert guest.expected().workloads == WANTED.workloads
    monkeypatch.setattr("lab.image.contents.vars_file", lambda: tmp_path / "gone.yml")
    with pytest.raises(LabError, match=r"gone\.yml"):
        guest.expected()


class Machine:
    """Answers the probe as a good machine does."""

    name = "web"

    def __init__(self) -> None:
        self.commands: list[str] = []

    def run(
        self, command: str, *, timeout: float = 60, check: bool = True, stdin: bytes = b""
    ) -> CommandResult:
        self.commands.append(command)
        assert stdin == guest.PROBE.read_bytes()
        text = "".join(f"@@ {name}\n{value}\n" for name, value in GOOD.items())
        return CommandResult(command, 0, f"{text}@@ end\n".encode(), b"", 1.0)


def test_a_machine_is_asked_once_and_its_clock_compared_with_this_one() -> None:
    machine = Machine()
    found = {finding.name: finding for finding in guest.examine_guest(machine)}  # type: ignore[arg-type]
    (command,) = machine.commands
    assert command.endswith("cpu_hog memory_hog io_pulse")
    assert {name for name, finding in found.items() if finding.status != "ok"} == {"clock"}
    assert "behind the host" in found["clock"].found
