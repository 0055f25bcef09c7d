"""`lab course new`, `update` and `join`: what the instructor gets, what students clone, and what a push runs."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

from grading.cli import app as grade
from grading.submissions.found import find
from grading.submissions.survey import survey
from grading.submissions.taking import take
from grading.submissions.tree import opened
from lab import console, paths
from lab.cli import app as lab
from lab.course import make
from lab.course.course import FILE, Chosen, Course, Late, load
from lab.errors import LabError
from lab.exercises import catalogue, regions, starter
from lab.exercises.tables import written
from lab.workspace import state
from lab.workspace.reset import put

KIT = "https://git.example.org/lab/kit.git"
APPS = {"grade": grade, "lab": lab}


def choices(**other: Any) -> Course:
    given: dict[str, Any] = {
        "path": Path(), "name": "Operating systems", "seed": "autumn", "tracks": ("python",), "kit": KIT,
        "kit_version": "v1",
        "exercises": tuple(Chosen(each) for each in catalogue.exercises() if each.number in ("01", "05", "08")),
    }  # fmt: skip
    return Course(**{**given, **other})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "os"
    make.new(folder, choices())
    return folder


@pytest.fixture
def course(tmp_path: Path) -> Path:
    make.new(tmp_path / "os", choices())
    return tmp_path / "os"


@pytest.fixture
def clone(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    git(tmp_path, "clone", "-q", str(course / "students"), "mine")
    monkeypatch.chdir(tmp_path / "mine")
    return tmp_path / "mine"


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def run(*arguments: str) -> str:
    result = CliRunner().invoke(lab, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_what_is_written_is_what_was_chosen(made: Path) -> None:
    course = load(made)
    assert (course.name, course.seed, course.tracks, course.level) == (
        "Operating systems", "autumn", ("python",), 2,
    )  # fmt: skip
    assert course.numbers == ("01", "05", "08") and (course.kit, course.kit_version) == (KIT, "v1")
    assert course.late == Late("10%", "50%") and course.rubric and course.hidden == ()


def test_all_that_may_be_chosen_is_written(tmp_path: Path) -> None:
    berlin = timezone(timedelta(hours=1))
    chosen = tuple(
        Chosen(each, 12.5, datetime(2026, 11, 2, 23, 59, tzinfo=berlin)) for each in catalogue.exercises()[:2]
    )
    odd = 'A "course" \\ named\x7f {{ oddly }}'
    wanted = choices(exercises=chosen, level=1, name=odd)
    path = tmp_path / FILE
    path.write_text(make.rendered("course.toml.j2", wanted))
    found = load(path)
    assert (found.exercises, found.level, found.name) == (wanted.exercises, 1, odd)


@pytest.mark.parametrize("what", ["name", "kit", "kit_version", "seed"])
def test_what_cannot_be_written_is_refused_before_anything_is_made(what: str, tmp_path: Path) -> None:
    for text in (os.fsdecode(b"x\xff"), "a\nb", "x" * 501):
        with pytest.raises(LabError, match="visible characters"):
            make.new(tmp_path / "os", choices(**{what: text}))
    assert list(tmp_path.iterdir()) == []


def test_students_get_a_workspace_of_nobody_with_one_commit(made: Path) -> None:
    students = made / "students"
    workspace = state.read(students)
    assert (workspace.student, workspace.course_seed) == ("", "autumn")
    assert git(students, "log", "--format=%s").splitlines() == ["The starter"]
    assert git(students, "status", "--porcelain") == ""
    assert (students / FILE).read_bytes() == (made / FILE).read_bytes()
    assert set(tomllib.loads((students / "answers.toml").read_text())) == {"01", "05", "08"}
    assert "COURSE.md" in (students / "README.md").read_text()


def test_an_empty_folder_is_filled_and_stays_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    inode = (tmp_path / "empty").stat().st_ino
    monkeypatch.chdir(tmp_path / "empty")
    run("course", "new", ".", "--exercises", "01", "--kit", KIT)
    assert (tmp_path / "empty").stat().st_ino == inode
    assert sorted(path.name for path in Path.cwd().iterdir()) == [FILE, "students"]
    assert git(Path("students"), "status", "--porcelain") == ""
    assert make.update(Path()) == ()
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_each_track_has_a_folder_of_its_own(tmp_path: Path) -> None:
    done = make.new(tmp_path / "os", choices(tracks=("python", "c")))
    assert [path.name for path in done.students] == ["students-python", "students-c"]
    assert [state.read(path).track for path in done.students] == ["python", "c"]
    assert [(path / "engine/starting.c").exists() for path in done.students] == [False, True]
    assert make.update(tmp_path / "os") == ()


def test_what_the_course_does_without_comes_solved_and_nothing_else(made: Path) -> None:
    solution = starter.solution("python")
    for region in catalogue.all_regions():
        if "python" in region.files:
            path = region.files["python"]
            here = regions.find((made / "students" / path).read_text(), path)[region.name].body
            solved = here == regions.find(solution[path].decode(), path)[region.name].body
            assert solved == (region.exercise not in ("01", "05", "08")), region.name


def test_the_page_of_the_course_tells_what_counts(tmp_path: Path) -> None:
    exercise = catalogue.exercise("05")
    chosen = (
        Chosen(exercise, 40, datetime(2026, 11, 2, 23, 59, tzinfo=UTC)),
        Chosen(catalogue.exercise("08")),
    )
    page = make.rendered("COURSE.md.j2", choices(exercises=chosen, late=Late("2", "10"), answers_shown=()))
    assert f"| 05 {exercise.title} | 40 | 2 November 2026, 23:59 UTC |" in page
    assert "| 08 Shares of a processor | 13 | \N{EN DASH} |" in page
    assert "costs 2 points, all days together at most 10 points." in page
    assert f"git clone --branch v1 {KIT} boxwright" in page
    assert "whether they are right" not in page
    assert "`lab check` always asks for level 2" not in page
    assert "`lab check` always asks for level 2" in make.rendered("COURSE.md.j2", choices(level=1))
    for late in (None, Late("2", "10")):
        for level in (1, 2):
            said = make.rendered("COURSE.md.j2", choices(late=late, level=level))
            assert "\n\n## Each time\n\n" in said and "\n\n\n" not in said
    bare = make.rendered("COURSE.md.j2", choices(kit="", rubric=False))
    assert "git clone" not in bare and "A push" not in bare and "a person marks" not in bare
    assert "of numbers and words whether they are right" in bare


@pytest.mark.parametrize("place", ["a file", "a folder with something", "a workspace"])
def test_where_no_course_is_made(place: str, tmp_path: Path) -> None:
    folder = tmp_path / "os"
    match place:
        case "a file":
            folder.write_text("mine")
        case "a folder with something":
            folder.mkdir()
            (folder / "mine").write_text("mine")
        case "a workspace":
            (tmp_path / state.FILE).write_text('track = "python"\n')
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(LabError):
        make.new(folder, choices())
    assert sorted(tmp_path.rglob("*")) == before


def test_an_empty_folder_will_do_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "os").mkdir()
    with pytest.raises(LabError):
        make.new(tmp_path / "os", choices(seed="x" * 99))
    assert list(tmp_path.iterdir()) == [tmp_path / "os"] and not list((tmp_path / "os").iterdir())
    make.new(tmp_path / "os", choices())
    assert (tmp_path / "os" / "students" / "COURSE.md").is_file()


# What a push runs


def lines(made: Path) -> Iterator[str]:
    """Every line of shell of both systems' files."""
    github = yaml.safe_load((made / "students" / make.GITHUB).read_text())
    for step in github["jobs"]["check"]["steps"]:
        assert ("run" in step) != ("uses" in step)
        yield from step.get("run", "").splitlines()
    gitlab = yaml.safe_load((made / "students" / make.GITLAB).read_text())
    for part in ("before_script", "script", "after_script"):
        yield from gitlab["check"][part]


def commands(made: Path) -> list[list[str]]:
    """The command lines of ours in them: `grade …`."""
    found = []
    for line in lines(made):
        words = shlex.split(line)
        if words and words[0].endswith("bootstrap.sh"):
            found.append(words[1:])
    return found


def parsed(words: list[str]) -> dict[str, Any]:
    """The options of a command line, as its command understands them; what it does not know is an error."""
    command: Any = typer.main.get_command(APPS[words[0]])
    name, rest = words[0], words[1:]
    while hasattr(command, "resolve_command"):
        context = command.make_context(name, rest, resilient_parsing=True)
        name, command, rest = command.resolve_command(context, rest)
    found: dict[str, Any] = command.make_context(name, rest).params
    return found


def test_every_command_of_ours_in_the_files_is_one(made: Path) -> None:
    found = [(words[1], parsed(words)) for words in commands(made)]
    assert [name for name, _ in found] == ["run", "show", "export"] * 2
    for name, options in found:
        if name == "run":
            assert options["as_student"] and options["course"].name == FILE
        if name == "export":
            assert options["format_"] == "junit" and options["output"] == Path("junit.xml")
    with pytest.raises(Exception, match="No such option"):
        parsed(["grade", "run", "work", "--corse", "course.toml"])


def test_every_command_on_the_instructors_page_is_one() -> None:
    text = (paths.CHECKOUT / "docs" / "course.md").read_text()
    blocks = re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    words = [shlex.split(line) for block in blocks for line in block.splitlines()]
    ours = [each for each in words if each[0] in APPS]
    assert len(ours) >= 8 and all(each[0] in (*APPS, "git") for each in words)
    for each in ours:
        parsed(each)


def test_the_shell_in_the_files_is_shell(made: Path) -> None:
    text = yaml.safe_load((made / "students" / make.GITHUB).read_text())
    blocks = [step["run"] for step in text["jobs"]["check"]["steps"] if "run" in step]
    gitlab = yaml.safe_load((made / "students" / make.GITLAB).read_text())["check"]
    blocks += ["\n".join(gitlab[part]) for part in ("before_script", "script", "after_script")]
    for block in blocks:
        subprocess.run(["bash", "-n", "-c", block], check=True)
        subprocess.run(["sh", "-n", "-c", block], check=True)


def test_the_files_say_what_they_must_to_their_systems(made: Path) -> None:
    github = yaml.safe_load((made / "students" / make.GITHUB).read_text())
    assert github[True] == ["push", "workflow_dispatch"]  # YAML 1.1 reads the key `on` so; GitHub does not
    steps = {step["name"]: step for step in github["jobs"]["check"]["steps"]}
    assert steps["The image of before"]["with"]["key"].startswith("boxwright-${{ runner.os }}")
    assert steps["The results as JUnit"]["if"] == "always()"
    assert steps["The work"]["with"]["path"] == "work"
    gitlab = yaml.safe_load((made / "students" / make.GITLAB).read_text())["check"]
    assert gitlab["artifacts"]["reports"]["junit"] == "junit.xml"
    place = gitlab["variables"]["BOXWRIGHT_CACHE"].removeprefix("$CI_PROJECT_DIR/")
    assert gitlab["cache"]["paths"] == [place]


@pytest.fixture
def kit(tmp_path: Path) -> Path:
    """A stand-in for the kit, whose bootstrap.sh says what it is called with."""
    folder = tmp_path / "kit-origin"
    folder.mkdir()
    (folder / "bootstrap.sh").write_text('#!/bin/sh\necho "$@" >>"$SAID"\n')
    (folder / "bootstrap.sh").chmod(0o755)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "-qm", "kit")
    return folder


def test_gitlabs_steps_run(kit: Path, tmp_path: Path) -> None:
    """All of them, in a clone, with a stand-in for the kit."""
    make.new(tmp_path / "os", choices(kit=f"file://{kit}", kit_version=""))
    git(tmp_path, "clone", "-q", str(tmp_path / "os" / "students"), "job")
    job = tmp_path / "job"
    (job / ".cache").mkdir()
    (job / ".cache" / "large").write_text("x")
    check = yaml.safe_load((job / make.GITLAB).read_text())["check"]
    said = tmp_path / "said"
    environment = {**os.environ, "CI_PROJECT_DIR": str(job), "SAID": str(said)}
    for part in ("before_script", "script", "after_script"):
        subprocess.run(["bash", "-euc", "\n".join(check[part])], check=True, cwd=job, env=environment)
    work = tmp_path / "job.work"
    assert said.read_text().splitlines() == [
        f"grade run {work} --course course.toml --as-student --output results",
        "grade show job.work --results results",
        "grade export --format junit --results results --output junit.xml",
    ]
    assert (work / "boxwright.toml").is_file() and not (work / ".cache").exists()


def test_githubs_step_for_the_kit_runs(kit: Path, tmp_path: Path) -> None:
    make.new(tmp_path / "os", choices(kit=f"file://{kit}", kit_version="main"))
    steps = yaml.safe_load((tmp_path / "os" / "students" / make.GITHUB).read_text())["jobs"]["check"]["steps"]
    step = next(step for step in steps if step.get("id") == "kit")
    environment = {**os.environ, "GITHUB_OUTPUT": str(tmp_path / "output")}
    subprocess.run(["bash", "-euc", step["run"]], check=True, cwd=tmp_path, env=environment)
    assert (tmp_path / "output").read_text() == f"commit={git(kit, 'rev-parse', 'HEAD')}"
    assert (tmp_path / "kit" / "bootstrap.sh").is_file()


def test_without_a_kit_nothing_is_checked_on_a_push(tmp_path: Path) -> None:
    make.new(tmp_path / "os", choices(kit="", kit_version=""))
    assert not (tmp_path / "os" / "students" / make.GITHUB).exists()
    assert not (tmp_path / "os" / "students" / make.GITLAB).exists()


# A change, and a student


def test_a_change_reaches_the_students(course: Path) -> None:
    students = course / "students"
    assert make.update(course) == ()
    text = (course / FILE).read_text()
    (course / FILE).write_text(
        text.replace("# deadline = 2030-01-31T23:59:00+01:00", "deadline = 2031-02-03T12:00:00Z", 1)
    )
    assert make.update(course) == (students / "COURSE.md", students / FILE)
    assert "3 February 2031, 12:00 UTC" in (students / "COURSE.md").read_text()
    (course / FILE).write_text(text.replace(f'kit = "{KIT}"', 'kit = ""'))
    assert students / make.GITHUB in make.update(course)
    assert not (students / make.GITHUB).exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('number = "05"', 'number = "06"', "exercises are others"),
        ('seed = "autumn"', 'seed = "spring"', "seed are others"),
        ('tracks = ["python"]', 'tracks = ["c"]', "tracks are others"),
        ("level = 2", "level = 9", "there is 1 and 2"),
    ],
)
def test_a_change_that_the_starter_would_not_fit_is_refused(
    old: str, new: str, says: str, course: Path
) -> None:
    text = (course / FILE).read_text()
    assert old in text
    (course / FILE).write_text(text.replace(old, new))
    with pytest.raises(LabError, match=says):
        make.update(course)
    assert (course / "students" / FILE).read_text() == text


def test_a_student_joins_and_keeps_the_answers(clone: Path) -> None:
    sheet = clone / "answers.toml"
    nobodys = sheet.read_text()
    first, second = catalogue.exercise("01").questions[0], catalogue.exercise("08").questions[0]
    odd = 'a "word" \\ and\x7f\n more'
    text = nobodys.replace(f'{first.id} = ""', f"{first.id} = 4.5")
    answered = text.replace(f'{second.id} = ""', f"{second.id} = {written(odd)}")
    sheet.write_text(answered)
    assert "s1234567" in run("course", "join", " s1234567 ")
    mine = state.read(clone)
    assert (mine.student, mine.course_seed, mine.track) == ("s1234567", "autumn", "python")
    answers = tomllib.loads(sheet.read_text())
    assert answers["01"][first.id] == 4.5 and answers["08"][second.id] == odd
    assert set(answers) == {"01", "05", "08"}
    values = mine.values(catalogue.exercise("08"))
    assert f"nice {values['nice_fast']} beside nice {values['nice_slow']}" in sheet.read_text()
    once = sheet.read_text()
    run("course", "join", "s1234567")
    assert sheet.read_text() == once and not list(clone.glob(".answers*"))


def test_clones_are_taken_by_the_grader_for_what_they_are(course: Path, tmp_path: Path) -> None:
    """The starter is in all of them, and in their history; the work in it is found, and who says to have done it."""
    for name in ("ann", "bob"):
        git(tmp_path, "clone", "-q", str(course / "students"), f"class/{name}")
        make.join(tmp_path / "class" / name, f"id-{name}")
    work = state.read(tmp_path / "class" / "ann")
    put(work, starter.solutions("python", catalogue.exercise("05").regions))
    submissions = find(tmp_path / "class")
    looked = survey(submissions, tmp_path / "work")
    assert {name: said.student for name, said in looked.handed.items()} == {"ann": "id-ann", "bob": "id-bob"}
    with opened(submissions[0], tmp_path / "work") as tree:
        chosen = take(tree, starters=looked.starters("ann"))
    assert chosen.engine is not None and chosen.engine.entry == "runtime/engine"
    assert chosen.monitor is not None and chosen.monitor.entry == "kernel/monitor.c"


def test_answers_that_cannot_be_read_are_not_written_over(clone: Path) -> None:
    sheet = clone / "answers.toml"
    broken = sheet.read_text().replace('no_more_children = ""', "no_more_children = ENOMEM")
    assert "ENOMEM" in broken
    sheet.write_text(broken)
    with pytest.raises(LabError, match=r"answers\.toml, 01\.no_more_children: Line \d+ is no TOML"):
        run("course", "join", "s1")
    assert sheet.read_text() == broken and state.read(clone).student == ""


@pytest.mark.parametrize("student", ["", " ", "x" * 65, "a\nb", "../x", "a/../b", ".", "..", " .x"])
def test_ids_that_are_none(student: str, clone: Path) -> None:
    with pytest.raises(LabError):
        run("course", "join", student)
    assert git(clone, "status", "--porcelain") == ""


def test_joining_where_there_is_no_course(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match="is in no workspace"):
        run("course", "join", "s1")
    (tmp_path / state.FILE).write_text('track = "python"\n')
    with pytest.raises(LabError, match="no workspace of a course"):
        run("course", "join", "s1")


def test_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console.out, "_width", 200)
    said = run("course", "new", "os", "--exercises", "01-03,05", "--name", "OS [b]1[/b]", "--kit", "")
    assert "os/course.toml" in said and "os/students" in said and "write `kit` into" in said
    assert load(tmp_path / "os").numbers == ("01", "02", "03", "05") and len(load(tmp_path / "os").seed) >= 8
    assert "Nothing was changed" in run("course", "update", "os")
    shown = run("course", "show", "os")
    assert "OS [b]1[/b]" in shown and "03 The supervisor" in shown
    assert '"number": "05"' in run("course", "show", "os", "--json")
    for arguments, says in (
        (("--track", "rust"), "There is no track 'rust'"),
        (("--exercises", "77"), "There is no exercise '77'"),
        (("--kit", "a; b"), "no address of a repository"),
    ):
        with pytest.raises(LabError, match=says):
            run("course", "new", "other", *arguments)
    assert [path.name for path in tmp_path.iterdir()] == ["os"]
