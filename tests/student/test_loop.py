"""A student's day: nothing works, something is written, the kernel is broken, all works, and it is handed in.

The commands are run as a student types them, in a workspace of their own; the regions are those of the
reference. The tests of this file follow each other.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from desk import SECONDS, Student

from grading.student import client
from lab.machine.record import machine_names
from lab.workspace import make, state
from lab.workspace.state import Workspace

pytestmark = [pytest.mark.vm, pytest.mark.slow]

MODULE = "kernel/monitor.c"
INIT = "static int __init monitor_init(void)\n{\n"


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Student]:
    folder = tmp_path_factory.mktemp("student") / "work"
    make.make(Workspace(folder, "python", "s1", "seed"))
    found = Student(state.find(folder), f"student-{os.getpid()}")
    try:
        yield found
    finally:
        client.end(found.workspace)
        assert not [each for each in machine_names() if each.startswith(found.machine)]


def test_nothing_works_at_first(student: Student) -> None:
    found = student.check("01", status=1)
    assert found["points"] == 0 and found["max_points"] == 21
    assert {each["verdict"] for each in found["checks"]} == {"failed", "skipped"}
    told = student.lab("check", status=1)
    assert "01 A process in its own world: 0 of 21 points" in told
    assert "expected" in told and "explained lab guide 01" in told
    assert "A nudge" in student.lab("hint")


def test_the_regions_of_the_exercise_earn_its_points(student: Student) -> None:
    student.solve("01")
    found = student.check("01")
    assert found["passed"] and found["points"] == found["max_points"] == 21
    [standing] = [each for each in json.loads(student.lab("list", "--json")) if each["number"] == "01"]
    assert standing["points"] == 21 and not standing["stale"] and standing["hints"] == 1


def test_what_the_checks_did_can_be_read(student: Student) -> None:
    assert "Module loaded" in student.lab("logs", "kernel")
    assert "$ engine start alpha-" in student.lab("logs", "calls")
    deadline = time.monotonic() + 20  # the containers' logs come when the student has the verdicts already
    while not json.loads(student.lab("logs", "--json"))["containers"]:
        assert time.monotonic() < deadline
        time.sleep(0.5)


def test_a_file_that_is_saved_is_checked_at_once(student: Student) -> None:
    path, line = "runtime/supervisor/buffer.py", "from __future__ import annotations\n"
    running = student.begin("watch", "01", "--only", "starts")
    try:
        assert "1 of 1 checks passed" in until_it_waits(running)
        with student.edited(path, line, f"{line}\nboom\n"):
            told = until_it_waits(running)
            assert "0 of 1 checks passed" in told, told
            assert "NameError" in told, told
        assert "1 of 1 checks passed" in until_it_waits(running)
    finally:
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=20)
    assert running.returncode == 130 and "Traceback" not in err


def until_it_waits(watching: subprocess.Popen[str]) -> str:
    """What `lab watch` says until it waits for a file to be saved; ends with it, at the latest after `SECONDS`."""
    assert watching.stdout is not None
    late = threading.Timer(SECONDS, watching.kill)
    late.start()
    said = ""
    try:
        for line in watching.stdout:
            said += line
            if line.startswith("waiting for a file"):
                break
    finally:
        late.cancel()
    return said


def test_an_engine_that_raises_shows_its_own_traceback(student: Student) -> None:
    path, line = "runtime/supervisor/buffer.py", "from __future__ import annotations\n"
    with student.edited(path, line, f"{line}\nboom\n"):
        found = student.check("01", status=1)
    assert found["points"] == 0
    assert "NameError: name 'boom' is not defined" in found["tracebacks"][0]
    assert 'File "runtime/' in found["tracebacks"][0]


def test_a_module_that_does_not_compile_is_told_in_the_compilers_words(student: Student) -> None:
    with student.edited(MODULE, INIT, f"{INIT}\tboom;\n"):
        told = student.lab("check", "00", "--only", "monitor_builds", status=1)
    assert "kernel/monitor.c" in told and "boom" in told


def test_a_module_that_hangs_is_explained_and_the_machine_replaced(student: Student) -> None:
    hanging = f"static int monitor_stop;\n{INIT}\twhile (!READ_ONCE(monitor_stop))\n\t\tcpu_relax();\n"
    with student.edited(MODULE, INIT, hanging):
        found = student.check("00", "--only", "monitor_loads", status=1)
    [broken] = found["checks"]
    assert broken["verdict"] == "failed" and "soft lockup" in " ".join(broken["kernel"])
    assert "processor" in broken["kernel_means"][0]
    assert found["machine_replaced"] >= 1
    assert student.check("01")["passed"]


def test_who_presses_ctrl_c_ends_it_and_goes_on(student: Student) -> None:
    running = student.begin("check", "05")
    time.sleep(2)
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=20)
    assert running.returncode not in (0, 1, None) and "Traceback" not in err
    assert student.check("01", "--only", "starts")["passed"]


def test_a_shell_has_engine_and_rootfs_and_leaves_nothing(student: Student) -> None:
    script = (
        "engine supervisor /srv/boxwright/rootfs-base > /dev/null 2>&1 & "
        "left=600; until engine ps > /dev/null 2>&1 || [ $((left -= 1)) -lt 0 ]; do sleep 0.1; done; "
        "lsmod | grep -c '^monitor '; ls -d /root/rootfs-[ab]/bin"
    )
    assert student.lab("shell", "--", script).split() == ["1", "/root/rootfs-a/bin", "/root/rootfs-b/bin"]
    assert not [each for each in machine_names() if each.startswith(student.machine) and "shell" in each]


def test_it_is_handed_in(student: Student) -> None:
    student.lab("submit")
    with tarfile.open(student.workspace.folder.parent / "s1.tar.gz") as archive:
        names = archive.getnames()
    assert "s1/manifest.json" in names and "s1/runtime/engine" in names
