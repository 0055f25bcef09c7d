"""`course.toml`: what is read of it, and every way in which it can be wrong."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from lab.course.course import Chosen, Late, load, numbers_of, of_workspace
from lab.errors import LabError

WHOLE = """
name = "Operating systems"
seed = "autumn"
tracks = ["c", "python"]
level = 1
hidden = ["logs", "answers.08.half"]
rubric = false
answers_shown = ["choice"]
kit = "https://git.example.org/lab/kit.git"
kit_version = "v1.2"

[late]
per_day = "10%"
cap = 50

[[exercises]]
number = "05"
points = 12.5
deadline = 2026-11-02T23:59:00+01:00

[[exercises]]
number = "01"
"""

SMALL = 'name = "OS"\nseed = "x"\n[[exercises]]\nnumber = "01"\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "course.toml"
    path.write_text(text)
    return path


def test_everything_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, WHOLE)
    course = load(path)
    assert course == load(tmp_path)
    assert (course.path, course.name, course.seed, course.level) == (path, "Operating systems", "autumn", 1)
    assert course.tracks == ("python", "c") and course.numbers == ("01", "05")
    assert course.late == Late("10%", "50") and course.hidden == ("logs", "answers.08.half")
    assert not course.rubric and course.answers_shown == ("choice",)
    assert (course.kit, course.kit_version) == ("https://git.example.org/lab/kit.git", "v1.2")
    chosen = course.chosen("05")
    assert isinstance(chosen, Chosen) and chosen.points == 12.5
    assert chosen.deadline == datetime(2026, 11, 2, 23, 59, tzinfo=timezone(timedelta(hours=1)))
    assert chosen.deadline.astimezone(UTC).hour == 22
    assert course.chosen("02") is None


def test_a_byte_order_mark_is_none_of_the_text(tmp_path: Path) -> None:
    assert load(written(tmp_path, f"\ufeff{SMALL}")).name == "OS"


def test_what_may_be_missing(tmp_path: Path) -> None:
    course = load(written(tmp_path, SMALL))
    assert (course.tracks, course.level, course.late, course.hidden) == (("python",), 2, None, ())
    assert course.rubric and course.answers_shown == ("number", "word") and course.kit == ""
    assert course.exercises[0].points is None and course.exercises[0].deadline is None


def test_a_workspace_may_have_one(tmp_path: Path) -> None:
    assert of_workspace(tmp_path) is None
    written(tmp_path, SMALL)
    found = of_workspace(tmp_path)
    assert found is not None and found.numbers == ("01",)


@pytest.mark.parametrize(
    "make",
    [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path), lambda path: path.symlink_to("gone")],
    ids=["folder", "fifo", "loop", "dangling"],
)
def test_what_has_its_name_and_is_no_file_is_told(make: Callable[[Path], None], tmp_path: Path) -> None:
    make(tmp_path / "course.toml")
    with pytest.raises(LabError, match=r"course\.toml is no file that can be read"):
        of_workspace(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('name = "Operating systems"', "", "name: it is missing"),
        ('seed = "autumn"', "seed = 7", "seed: it must be a text"),
        ('seed = "autumn"', f'seed = "{"x" * 65}"', "seed: it has at most 64"),
        ('tracks = ["c", "python"]', 'tracks = ["rust"]', "tracks: it lists one or several of python, c"),
        ('tracks = ["c", "python"]', "tracks = []", "tracks: it lists"),
        ("level = 1", "level = 3", "level: there is 1 and 2"),
        ("level = 1", "secret = 1", "secret: this key is not known here"),
        ("rubric = false", 'rubric = "no"', "rubric: it must be true or false"),
        ('answers_shown = ["choice"]', 'answers_shown = ["essay"]', "answers_shown: 'essay' is no kind"),
        ('per_day = "10%"', 'per_day = "a tenth"', "[late]: per_day: 'a tenth' is no amount"),
        ('per_day = "10%"', 'per_day = "110%"', "per_day: '110%' is no amount"),
        ('per_day = "10%"', "", "per_day: '' is no amount"),
        ("cap = 50", "cap = -1", "cap: '-1' is no amount"),
        ("cap = 50", "most = 50", "[late]: most: this key is not known here"),
        ('number = "05"', 'number = "44"', "[[exercises]] number 1: number: there is no exercise '44'"),
        ('number = "05"', 'number = "01"', "number 2: number: 01 stands there twice"),
        ("points = 12.5", "points = -1", "points: -1 is not from 0 upwards"),
        ("points = 12.5", "weight = 1", "number 1: weight: this key is not known here"),
        ("23:59:00+01:00", "23:59:00", "deadline: 2026-11-02T23:59:00 has no time zone"),
        ("2026-11-02T23:59:00+01:00", '"soon"', "deadline: it must be a moment"),
        ('kit = "https', 'kit = "$(reboot) https', "kit: '$(reboot) https"),
        ('kit_version = "v1.2"', 'kit_version = "--upload-pack=x"', "kit_version: '--upload-pack=x'"),
        ("level = 1", "level = ", "is not valid TOML"),
        ("level = 1", f"level = {'9' * 5000}", "is not valid TOML"),
        ("level = 1", f"level = {'[' * 3000}", "is not valid TOML"),
    ],
)
def test_each_error_names_file_and_key(old: str, new: str, says: str, tmp_path: Path) -> None:
    assert old in WHOLE
    path = written(tmp_path, WHOLE.replace(old, new, 1))
    with pytest.raises(LabError) as caught:
        load(path)
    assert says in str(caught.value) and str(path) in str(caught.value)


def test_a_course_has_exercises(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="exercises: it is missing"):
        load(written(tmp_path, 'name = "OS"\nseed = "x"\n'))
    with pytest.raises(LabError, match="at least one exercise"):
        load(written(tmp_path, 'name = "OS"\nseed = "x"\nexercises = []\n'))
    with pytest.raises(LabError, match="cannot be read"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("01-03", "01 02 03"), ("5, 01", "01 05"), ("01_namespaces,9-10", "01 09 10"), ("2-3,03", "02 03")],
)
def test_exercises_on_a_command_line(text: str, numbers: str) -> None:
    assert numbers_of(text) == tuple(numbers.split())
    assert len(numbers_of("all")) >= 11


@pytest.mark.parametrize("text", ["03-01", "44", "", "01-", "01;02"])
def test_exercises_that_are_none(text: str) -> None:
    with pytest.raises(LabError):
        numbers_of(text)
