"""The eight demonstrations end to end: on a good guest, on guests made to fail, and as a command."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lab.demo import memory, page
from lab.demo.model import Evidence
from lab.demo.run import Interrupted, run_demo
from lab.demo.terminal import Silence

if TYPE_CHECKING:
    from lab.machine.qemu import QemuMachine

pytestmark = [pytest.mark.vm, pytest.mark.slow]

COMMAND_SECONDS = 900
"""For a whole command, the making of a missing image included."""


def test_all_eight_hold_and_leave_the_guest_as_it_was(machine: QemuMachine, tmp_path: Path) -> None:
    report = run_demo(machine, Silence(), clear=True)
    assert [each.why for each in report.demonstrations if not each.holds] == []
    assert [each.number for each in report.demonstrations] == list(range(1, 9))
    assert all(each.evidence for each in report.demonstrations)
    assert [figure.name for each in report.demonstrations for figure in each.figures] == ["memory", "cpu"]
    page.write(report, tmp_path / "demo")
    assert json.loads((tmp_path / "demo/demo.json").read_text())["holds"] is True
    left = machine.run(
        "ls -d /srv/boxwright/demo /run/boxwright-demo; lsmod | grep -w monitor", check=False
    ).text
    assert left == ""


def test_some_can_be_shown_alone_and_again(machine: QemuMachine) -> None:
    report = run_demo(machine, Silence(), only=[4, 6], clear=True)
    assert [(each.number, each.why) for each in report.demonstrations if not each.holds] == []
    assert [each.number for each in report.demonstrations] == [4, 6]


def test_a_monitor_that_looks_away_is_seen(machine: QemuMachine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "RUN_SECONDS", 12)  # it is waited for to the end

    class Blinds(Silence):
        """Slows the monitor down as soon as it is loaded."""

        def preparing(self, what: str) -> None:
            if what == "Starting the supervisor":
                machine.run("echo 60000 > /sys/module/monitor/parameters/scan_interval_ms")

    report = run_demo(machine, Blinds(), only=[6], clear=True)
    assert [each.holds for each in report.demonstrations] == [False]


def test_a_wrong_nice_value_is_seen(machine: QemuMachine) -> None:
    class Renices(Silence):
        """Takes beta's disadvantage away, in both places that the scheduler looks at."""

        def saw(self, evidence: Evidence) -> None:
            if evidence.command.startswith("engine start beta"):
                machine.run("for f in /sys/fs/cgroup/boxwright/beta-*/cpu.weight.nice; do echo 0 > $f; done")
                machine.run("renice -n 0 -p $(engine ps | awk '$1 == \"beta\" {print $2}')")

    (shares,) = run_demo(machine, Renices(), only=[7], clear=True).demonstrations
    assert not shares.holds
    assert "nice steps" in shares.why


def test_what_stays_behind_is_seen(machine: QemuMachine) -> None:
    class Litters(Silence):
        """Leaves a zombie and a mount, as a careless engine would."""

        def saw(self, evidence: Evidence) -> None:
            if evidence.command == "engine stop alpha":
                machine.run("mount -t tmpfs none /mnt")
                parent = "import os, time; os.fork() and time.sleep(60)"  # its child is never waited for
                machine.run(f"setsid --fork python3 -c '{parent}' </dev/null >/dev/null 2>&1")

    (teardown,) = run_demo(machine, Litters(), only=[8], clear=True).demonstrations
    failed = [each.text for each in teardown.verdict.conditions if not each.holds]
    machine.run("umount /mnt")
    assert len(failed) == 2 and "zombie" in failed[0] and "/mnt" in failed[1], failed


def test_a_panic_in_the_middle_is_one_sentence_with_its_log(machine: QemuMachine) -> None:
    class Panics(Silence):
        """Crashes the guest in demonstration 4."""

        def saw(self, evidence: Evidence) -> None:
            if evidence.command.startswith("engine start delta"):
                machine.run("echo c > /proc/sysrq-trigger", check=False)

    with pytest.raises(Interrupted, match=r"Demonstration 4 .* broke off: .*panicked") as caught:
        run_demo(machine, Panics(), only=[4], clear=True)
    assert len(re.findall(r"^\[ *\d+\.\d+\]", caught.value.detail, re.MULTILINE)) > 5, caught.value.detail


# --- the command ---


def lab(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(Path(sys.executable).parent / "lab"), *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def machines_of(pid: int) -> list[Any]:
    listed = subprocess.run(
        [str(Path(sys.executable).parent / "lab"), "status", "--json"],
        check=True,
        capture_output=True,
        text=True,
    )
    return [each for each in json.loads(listed.stdout) if each["name"] == f"demo-{pid}"]


def test_the_command_prints_json_and_leaves_a_page_and_no_machine(tmp_path: Path) -> None:
    process = lab("demo", "--only", "2,5", "--json", "--output", "shown", cwd=tmp_path)
    stdout, stderr = process.communicate(timeout=COMMAND_SECONDS)
    assert process.returncode == 0, stderr
    told = json.loads(stdout)
    assert [(each["number"], each["holds"]) for each in told["demonstrations"]] == [(2, True), (5, True)]
    assert told == json.loads((tmp_path / "shown/demo.json").read_text())
    assert (
        "<title>Boxwright: 2 of 2 demonstrations hold</title>" in (tmp_path / "shown/index.html").read_text()
    )
    assert machines_of(process.pid) == []


def test_ctrl_c_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    process = lab("demo", "--output", "shown", cwd=tmp_path)
    assert process.stdout is not None
    end = time.monotonic() + COMMAND_SECONDS
    for line in process.stdout:
        assert time.monotonic() < end
        if "engine start alpha" in line:
            break
    assert machines_of(process.pid) != []
    os.kill(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert machines_of(process.pid) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "words"), [(("--only", "9"), "1 to 8"), (("--output", "/dev/null"), "not a folder")]
)
def test_bad_arguments_are_refused_before_anything_is_done(
    tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    process = lab("demo", *arguments, cwd=tmp_path)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 1
    assert words in stderr and len(stderr.splitlines()) <= 2
