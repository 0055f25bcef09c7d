"""From an empty engine to a container runtime: exercise after exercise is solved, checked, handed in and graded.

The solutions are those of the reference, put in one exercise at a time, as `lab reset` puts stubs in. Two
more workspaces are only half done: what they earn is what the walk earned without what they lack.
What each `lab check` took is told as it goes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent))

from desk import Student

from grading.student import client
from lab.exercises import catalogue
from lab.exercises.catalogue import TRACKS
from lab.machine.record import machine_names
from lab.workspace import make, state
from lab.workspace.state import Workspace

pytestmark = [pytest.mark.vm, pytest.mark.slow]

NUMBERS = sorted(catalogue.folders())
UPTO = "04"
"""The exercise at which one of the half-done workspaces stands: what is before it is done, and no more."""
MISSING = "05"
"""The only exercise that the other one lacks."""
GRADING_SECONDS = 3600


@dataclass
class Walk:
    """One student's way through the exercises of a track."""

    student: Student
    class_: Path
    """The folder in which all hand in."""
    points: dict[str, float] = field(default_factory=dict)
    """Of each exercise's checks, when it was solved."""
    exercise_of: dict[str, str] = field(default_factory=dict)
    """The number of the exercise that a check is of, by the check's id."""

    def hand_in(self, name: str, *, upto: str | None = None, missing: str | None = None) -> None:
        """The workspace of somebody who has done all before one exercise, or all but one."""
        made = make.make(
            Workspace(self.class_.parent / name, self.student.workspace.track, name, "seed"), upto
        )
        other = Student(made.workspace, self.student.machine)
        if missing is not None:
            other.solve(*(number for number in NUMBERS if number != missing))
        other.lab("submit", "-o", str(self.class_ / f"{name}.tar.gz"))


@pytest.fixture(scope="module", params=TRACKS)
def walk(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    """Begins with what `lab init` gives."""
    top = tmp_path_factory.mktemp("walk")
    (top / "class").mkdir()
    machine = f"walk-{os.getpid()}"
    subprocess.run(
        [Path(sys.executable).parent / "lab", "init", "whole", "--track", request.param,
         "--student", "whole", "--course-seed", "seed"],
        cwd=top, check=True, capture_output=True,
    )  # fmt: skip
    found = Walk(Student(state.find(top / "whole"), machine), top / "class")
    try:
        yield found
    finally:
        client.end(found.student.workspace)
        assert not [each for each in machine_names() if each.startswith(machine)]


@pytest.mark.parametrize("number", NUMBERS)
def test_its_solution_takes_it_from_nothing_to_all_of_its_points(
    walk: Walk, number: str, pytestconfig: pytest.Config
) -> None:
    seconds = []
    if catalogue.exercise(number).regions:  # in 00 nothing is written
        began = time.monotonic()
        before = walk.student.check(number, status=1)
        seconds.append(time.monotonic() - began)
        assert before["points"] == 0, earned(before)
    walk.student.solve(number)
    began = time.monotonic()
    found = walk.student.check(number)
    seconds.append(time.monotonic() - began)
    told = ", then ".join(f"{each:.1f} s" for each in seconds)
    pytestconfig.get_terminal_writer().line(f" {walk.student.workspace.track} {number}: {told}")
    assert found["passed"] and found["points"] == found["max_points"], earned(found)
    assert not found["warnings"] and not found["machine_replaced"]
    walk.points[number] = found["points"]
    walk.exercise_of |= {check["id"]: number for check in found["checks"]}


def test_the_list_has_them_all(walk: Walk) -> None:
    listed = {each["number"]: each for each in json.loads(walk.student.lab("list", "--json"))}
    assert {number: each["points"] for number, each in listed.items()} == walk.points


@pytest.fixture(scope="module")
def graded(walk: Walk, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What `grade run` says of the whole and the half-done workspaces, by their students' names."""
    walk.student.lab("submit", "-o", str(walk.class_ / "whole.tar.gz"))
    client.end(walk.student.workspace)  # one machine is enough for a small host
    walk.hand_in("upto", upto=UPTO)
    walk.hand_in("without", missing=MISSING)
    done = subprocess.run(
        [Path(sys.executable).parent / "grade", "run", walk.class_, "--level", "2", "--jobs", "1", "--json",
         "-o", tmp_path_factory.mktemp("results")],
        check=False, capture_output=True, text=True, timeout=GRADING_SECONDS,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {result["submission"]: result for result in json.loads(done.stdout)}


def test_the_whole_is_graded_with_all_points(walk: Walk, graded: dict[str, dict[str, Any]]) -> None:
    result = graded["whole"]
    assert result["score"] == result["max_score"] == sum(walk.points.values()), earned(result)


def test_who_stands_in_the_middle_has_what_comes_before(
    walk: Walk, graded: dict[str, dict[str, Any]]
) -> None:
    assert by_exercise(walk, graded["upto"]) == {
        number: points if number < UPTO else 0 for number, points in walk.points.items()
    }, earned(graded["upto"])


def test_who_lacks_one_exercise_has_all_that_does_not_build_on_it(
    walk: Walk, graded: dict[str, dict[str, Any]]
) -> None:
    found = by_exercise(walk, graded["without"])
    assert found[MISSING] == 0, earned(graded["without"])
    on_it = {number for number in NUMBERS if MISSING in needs(number)}
    assert on_it, "nothing would be seen of what builds on it"
    for number, points in found.items():
        if number not in on_it | {MISSING}:
            assert points == walk.points[number], earned(graded["without"])
    for check in graded["without"]["checks"]:
        if check["verdict"] == "passed":
            assert check["points"] == check["max_points"]
        else:
            assert walk.exercise_of[check["id"]] in on_it | {MISSING}, check
            assert check["verdict"] in ("failed", "skipped") and check["points"] == 0


def needs(number: str) -> set[str]:
    """The exercises on which one builds, and those on which these build."""
    direct = catalogue.exercise(number).needs
    return set(direct).union(*map(needs, direct))


def by_exercise(walk: Walk, result: dict[str, Any]) -> dict[str, float]:
    """The points of a graded submission in each exercise."""
    found = dict.fromkeys(walk.points, 0.0)
    for check in result["checks"]:
        found[walk.exercise_of[check["id"]]] += check["points"]
    return found


def earned(result: dict[str, Any]) -> str:
    """What there is to say where points are other than they should be."""
    return "\n".join(
        f"{check['id']}: {check['verdict']}, {check['points']:g} of {check['max_points']:g} {check['actual'][:300]}"
        for check in result["checks"]
    )
