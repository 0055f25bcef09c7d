"""`grade` beside a course's own script: the same submissions, the same image, in one run.

The course's folder is not ours to ship, so its path is given: it holds `run_all.sh`, `test.sh` and
`submissions/`, a folder for each (`--course FOLDER`). Its script runs as its authors run it: as root, in
series, in one guest, on a copy.
"""

from __future__ import annotations

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from table import Row, at_most, ratio_at_most

from grading.guest.tools import tools
from grading.guest.vm import fresh_guest, remove_guest
from lab import lifecycle
from lab.console import Progress
from lab.deploy import ROOTFS_BASE
from lab.errors import LabError
from lab.machine.qemu import QemuMachine

GRADE = Path(sys.executable).with_name("grade")
PLACE = "/root/course"
SCRIPTS = ("run_all.sh", "test.sh")
SECONDS_EACH = 300.0
"""More than the course's script allows a submission itself."""


@dataclass(frozen=True)
class Theirs:
    """What the course's script took and said."""

    seconds: float
    """For the class."""
    each: dict[str, float]
    """For each submission: from the end of the one before to its own."""
    checks: int
    """The most that any submission was asked."""


def grading(course: Path, name: str, progress: Progress) -> list[Row]:
    """The class once by the course's script, once by `grade --jobs 2 --level 1`; and how soon a guest is fresh.

    Args:
        course: the folder of the course.
        name: begins the machines' names.
        progress: told what is under way.

    Raises:
        LabError: the folder is not what it must be, or one of the two did not run to its end.
    """
    submissions = sorted(each.name for each in _folder(course).iterdir() if each.is_dir())
    progress.step("Making fresh guests")
    fresh = _fresh(name, progress)
    progress.step(f"The course's script grades {len(submissions)}")
    theirs = _by_the_script(course, name, submissions, progress)
    progress.step(f"`grade` grades {len(submissions)}")
    ours, results = _by_grade(course)
    checks = max(len(result["checks"]) for result in results)
    count = len(submissions)
    note = f"{checks} checks beside {theirs.checks}"
    return [
        Row("a fresh guest with its observer", fresh, "s", rounds=5, **at_most(fresh, 2, "s")),
        Row(
            "a submission, the class's time by their number", ours / count, "s", "test.sh", theirs.seconds / count,
            rounds=count, note=note, **ratio_at_most(ours, theirs.seconds, 1 / 2),
        ),
        Row(
            "a submission, from taking it to its verdict", statistics.median(each["seconds"] for each in results), "s",
            "test.sh", statistics.median(theirs.each.values()), rounds=count,
        ),
        Row(
            f"a class of {count}, two at once", ours, "s", "run_all.sh", theirs.seconds,
            note=note, **ratio_at_most(ours, theirs.seconds, 1 / 3),
        ),
    ]  # fmt: skip


def _folder(course: Path) -> Path:
    for each in SCRIPTS:
        if not (course / each).is_file():
            raise LabError(
                f"There is no {each} in {course}", "`--course` names the folder of the course's script."
            )
    submissions = course / "submissions"
    if not submissions.is_dir() or not any(each.is_dir() for each in submissions.iterdir()):
        raise LabError(f"There are no submissions in {submissions}", "Put a folder for each there.")
    return submissions


def _fresh(name: str, progress: Progress) -> float:
    kit = tools(progress)
    taken = []
    for _ in range(6):
        began = time.perf_counter()
        fresh_guest(f"{name}-fresh", kit, progress).close()
        taken.append(time.perf_counter() - began)
        remove_guest(f"{name}-fresh")
    return statistics.median(taken[1:])  # the first may have to make the warm state


def _by_the_script(course: Path, name: str, submissions: list[str], progress: Progress) -> Theirs:
    machine = lifecycle.up(f"{name}-course", progress)
    try:
        return _run_script(machine, course, submissions)
    finally:
        machine.close()
        lifecycle.destroy(f"{name}-course")


def _run_script(machine: QemuMachine, course: Path, submissions: list[str]) -> Theirs:
    with tempfile.TemporaryDirectory(prefix="boxwright-bench-") as folder:
        copy = Path(folder) / "course"
        copy.mkdir()
        for each in SCRIPTS:
            shutil.copy(course / each, copy)
        links = course / "links.txt"
        (copy / "links.txt").write_text(links.read_text() if links.is_file() else "")
        shutil.copytree(
            course / "submissions", copy / "submissions", symlinks=True, ignore=shutil.ignore_patterns(".git")
        )
        machine.put(copy, PLACE)
    machine.run(f"cp -a {ROOTFS_BASE} {PLACE}/.rootfs-base", timeout=60)
    began = time.perf_counter()
    # Away from the session: its end kills whatever it finds by the name of engines and supervisors.
    # Its status says nothing of whether it came to its end; the logs that it leaves do, below.
    machine.run(f"cd {PLACE} && touch began && setsid bash run_all.sh > said 2>&1 < /dev/null",
                timeout=SECONDS_EACH * len(submissions), check=False)  # fmt: skip
    seconds = time.perf_counter() - began
    told = machine.run(
        f"cd {PLACE} && stat -c '%Y began' began && stat -c '%Y %n' test_logs/*.log && "
        'for log in test_logs/*.log; do echo "checks $(grep -cE \'✓ PASS|✗ FAIL|○ SKIP\' "$log")"; done'
    ).text.splitlines()
    ends = sorted((int(line.split()[0]), line.split(maxsplit=1)[1]) for line in told if line[0].isdigit())
    if len(ends) != len(submissions) + 1:
        raise LabError(f"The course's script left {len(ends) - 1} logs for {len(submissions)} submissions")
    each = {after[1]: float(after[0] - before[0]) for before, after in itertools.pairwise(ends)}
    return Theirs(seconds, each, max(int(line.split()[1]) for line in told if line.startswith("checks")))


def _by_grade(course: Path) -> tuple[float, list[dict[str, Any]]]:
    """Seconds for the class, and the results of its submissions."""
    with tempfile.TemporaryDirectory(prefix="boxwright-bench-") as folder:
        command = [
            GRADE,
            "run",
            course / "submissions",
            "--jobs",
            "2",
            "--level",
            "1",
            "--json",
            "--output",
            folder,
        ]
        began = time.perf_counter()
        done = subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL, text=True)
        seconds = time.perf_counter() - began
    try:
        return seconds, json.loads(done.stdout)
    except ValueError:
        raise LabError("`grade run` gave no JSON", detail=done.stderr[-2000:]) from None
