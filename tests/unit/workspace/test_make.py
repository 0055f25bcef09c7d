"""`lab init`: what is in a workspace, what is not, and where none is made."""

from __future__ import annotations

import os
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from grading.submissions.found import Submission
from grading.submissions.taking import take
from grading.submissions.tree import opened
from lab.errors import LabError
from lab.exercises import catalogue, regions, starter
from lab.exercises.own import posed
from lab.workspace import history, make, state
from lab.workspace.state import Workspace


def workspace(folder: Path, student: str = "s1234567", seed: str = "autumn") -> Workspace:
    return Workspace(folder, "python", student, seed)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "work"
    make.make(workspace(folder))
    return folder


@pytest.fixture(scope="module")
def half_way(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("half") / "work"
    make.make(workspace(folder), "05")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


def files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and ".git" not in path.relative_to(folder).parts:
            yield path


def secret_lines(number: str) -> dict[str, str]:
    """Lines that only the solution of exercises from this one on has, and the region of each."""
    solution = starter.solution("python")
    given = "".join(region.stub("python") for region in catalogue.all_regions())
    for path, content in solution.items():
        lines = content.decode().splitlines()
        for marked in reversed(regions.find(content.decode(), path).values()):
            if marked.name[:2] >= number:
                del lines[marked.begin : marked.end]
        given += "\n".join(lines)
    found: dict[str, str] = {}
    for region in catalogue.all_regions():
        if region.exercise >= number:
            path = region.files["python"]
            for line in regions.find(solution[path].decode(), path)[region.name].body.splitlines():
                if len(line.strip()) >= 30 and line.strip() not in given:
                    found[line.strip()] = region.name
    return found


def test_there_are_lines_to_look_for() -> None:
    assert len(secret_lines("00")) > 150
    assert len(set(secret_lines("00").values())) > 40


@pytest.mark.parametrize("number", ["00", "05"])
def test_nothing_of_the_solution_is_in_folder_or_history(number: str, made: Path, half_way: Path) -> None:
    folder = made if number == "00" else half_way
    texts = {str(path): path.read_text() for path in files(folder)}
    texts["the history"] = git(folder, "log", "-p", "--all")
    objects = git(folder, "cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)")
    for name, kind in map(str.split, objects.splitlines()):
        if kind == "blob":
            texts[f"object {name}"] = git(folder, "cat-file", "blob", name)
    for line, region in secret_lines(number).items():
        for where, text in texts.items():
            assert line not in text, f"a line of {region} is in {where}: {line}"


def test_history_is_one_commit_of_ours_and_the_tree_is_clean(made: Path) -> None:
    assert git(made, "log", "--format=%an <%ae> %s").splitlines() == [
        "Boxwright <boxwright@localhost> The starter"
    ]
    assert git(made, "status", "--porcelain") == ""
    assert git(made, "branch", "--show-current").strip() == "main"


def test_it_does_without_the_users_configuration_and_around_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.delenv("EMAIL", raising=False)
    make.make(workspace(tmp_path / "bare"))
    (tmp_path / "bare" / "mine.txt").write_text("mine\n")
    git(tmp_path / "bare", "add", "mine.txt")
    git(tmp_path / "bare", "commit", "-qm", "mine")
    assert git(tmp_path / "bare", "log", "-1", "--format=%an").strip() == "s1234567"

    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "pre-commit").chmod(0o755)
    config = tmp_path / "config"
    config.write_text(
        f"[user]\nname = Ada\nemail = ada@example.org\n[commit]\ngpgSign = true\n[core]\nhooksPath = {hooks}\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    make.make(workspace(tmp_path / "around"))
    monkeypatch.delenv("GIT_DIR")
    assert git(tmp_path / "around", "log", "--format=%an").strip() == "Boxwright"
    assert git(tmp_path / "around", "config", "user.name").strip() == "Ada"


def test_without_git_it_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history.shutil, "which", lambda name: None)  # type: ignore[attr-defined]
    assert not make.make(workspace(tmp_path / "work")).committed
    assert (tmp_path / "work" / "runtime" / "engine").exists()
    assert not (tmp_path / "work" / ".git").exists()


def test_the_grader_takes_it_for_engine_and_monitor(made: Path, tmp_path: Path) -> None:
    with opened(Submission("work", made), tmp_path) as tree:
        selection = take(tree)
    assert selection.engine is not None and selection.monitor is not None
    assert (selection.engine.entry, selection.engine.language) == ("runtime/engine", "python")
    assert (selection.monitor.entry, selection.monitor.folder) == ("kernel/monitor.c", "kernel")


def test_solved_regions_are_as_in_the_reference(half_way: Path) -> None:
    solution = starter.solution("python")
    for region in catalogue.all_regions():
        path = region.files["python"]
        here = regions.find((half_way / path).read_text(), path)[region.name].body
        there = regions.find(solution[path].decode(), path)[region.name].body
        assert (here == there) == (region.exercise < "05"), region.name


def test_in_c_the_grader_takes_it_too(tmp_path: Path) -> None:
    make.make(Workspace(tmp_path / "work", "c", "s1234567", "autumn"), "05")
    with opened(Submission("work", tmp_path / "work"), tmp_path / "opened") as tree:
        selection = take(tree)
    engine, monitor = selection.engine, selection.monitor
    assert engine is not None and monitor is not None
    assert (engine.entry, engine.language, engine.folder) == ("engine/engine.c", "c", ".")
    assert engine.attempts[0].argv == ("make", "engine") and "engine/engine" in engine.products
    assert (monitor.entry, monitor.folder) == ("kernel/monitor.c", "kernel")
    text = (tmp_path / "work" / "README.md").read_text()
    assert "`/* region 05.buffer */`" in text and "runtime/" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    there = [each for each in catalogue.all_regions() if "c" in each.files]
    for region, row in zip(there, rows, strict=True):
        assert f"| {region.summary_in('c')}" in row and region.files["c"] in row
    assert "session its share" in text and "cgroup its share" not in text
    assert git(tmp_path / "work", "status", "--porcelain") == ""


def test_what_must_be_executable_is(made: Path) -> None:
    assert os.access(made / "runtime" / "engine", os.X_OK)
    assert not os.access(made / "kernel" / "monitor.c", os.X_OK)
    assert stat.S_IMODE(made.stat().st_mode) == 0o755


def test_it_says_whose_it_is(tmp_path: Path) -> None:
    wanted = workspace(tmp_path / "work", 'O"Brien\\', "herbst 25 ü")
    make.make(wanted)
    found = state.find(tmp_path / "work" / "runtime" / "supervisor")
    assert found == Workspace((tmp_path / "work").resolve(), "python", 'O"Brien\\', "herbst 25 ü")


def test_the_answer_sheet_has_every_question_with_the_students_own_numbers(
    made: Path, tmp_path: Path
) -> None:
    text = (made / "answers.toml").read_text()
    sheet = tomllib.loads(text)
    for exercise in catalogue.exercises():
        assert list(sheet.get(exercise.number, {})) == [each.id for each in exercise.questions]
    assert all(value == "" for table in sheet.values() for value in table.values())
    assert "{{" not in text
    for exercise in catalogue.exercises():
        mine = workspace(made).own(exercise)
        for question in exercise.questions:
            said = [f"# {line}" for line in posed(exercise, question, mine).whole.splitlines()]
            assert "\n".join(said) in text
            assert [line[2:5] for line in said[1:]] == [f"{letter}: " for letter in "abcd"][: len(said) - 1]
    make.make(workspace(tmp_path / "other", "somebody else"))
    assert (tmp_path / "other" / "answers.toml").read_text() != text
    make.make(workspace(tmp_path / "same"))
    assert (tmp_path / "same" / "answers.toml").read_text() == text


def test_the_readme_names_every_region_and_its_file(half_way: Path) -> None:
    text = (half_way / "README.md").read_text()
    rows = [line for line in text.splitlines() if line.startswith("| ") and "`" in line]
    assert len(rows) == len(catalogue.all_regions())
    for region, row in zip(catalogue.all_regions(), rows, strict=True):
        assert f"`{region.name[3:]}`" in row and region.files["python"] in row
        assert ("*(solved)*" in row) == (region.exercise < "05")


def test_an_empty_folder_is_filled_and_stays_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "empty").mkdir()
    inode = (tmp_path / "empty").stat().st_ino
    monkeypatch.chdir(tmp_path / "empty")
    make.make(workspace(Path()))
    assert (tmp_path / "empty").stat().st_ino == inode
    assert Path("runtime/engine").exists() and git(Path.cwd(), "status", "--porcelain") == ""
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_where_none_can_be_nothing_is_made(tmp_path: Path, made: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine\n")
    (tmp_path / "file").write_text("mine\n")
    for folder, says in (
        (tmp_path / "full", "full is not empty"),
        (tmp_path / "file", "is there already, and is no folder"),
        (made, "is a workspace already"),
        (made / "kernel" / "new", f"is inside of the workspace {made.resolve()}"),
    ):
        before = sorted(files(folder.parent))
        with pytest.raises(LabError) as caught:
            make.make(workspace(folder))
        assert says in str(caught.value)
        assert sorted(files(folder.parent)) == before if folder.parent.exists() else not folder.exists()


@pytest.mark.parametrize(
    ("wanted", "upto", "says"),
    [
        (Workspace(Path("w"), "python"), "77", "There is no exercise '77'"),
        (Workspace(Path("w"), "python", "x" * 65), None, "student's id"),
        (Workspace(Path("w"), "python", "a\nb"), None, "student's id"),
        (Workspace(Path("w"), "python", "a/../b"), None, "'a/../b' is none. A folder of that name"),
        (Workspace(Path("w"), "python", ".a"), None, "'.a' is none"),
        (Workspace(Path("w"), "python", "", "a\x1b[31m"), None, "course's seed"),
    ],
)
def test_what_makes_no_sense_is_refused(
    wanted: Workspace, upto: str | None, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError) as caught:
        make.make(wanted, upto)
    assert says in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_of_two_at_once_the_second_is_told_and_takes_nothing_away(
    there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "work"
    if there:
        place.mkdir()

    def meanwhile(folder: Path, message: str, student: str) -> bool:
        monkeypatch.undo()
        make.make(workspace(place, "first"))
        return history.begin(folder, message, student)

    monkeypatch.setattr(history, "begin", meanwhile)
    with pytest.raises(LabError, match="work is not empty"):
        make.make(workspace(place, "second"))
    assert state.read(place).student == "first" and git(place, "status", "--porcelain") == ""
    assert list(tmp_path.iterdir()) == [place]


def test_a_move_that_is_interrupted_leaves_the_folder_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    rename = os.rename

    def interrupted(old: Path, new: Path) -> None:
        if old.name == state.FILE:
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make.make(workspace(tmp_path / "work"))
    monkeypatch.undo()
    assert list((tmp_path / "work").iterdir()) == [] and list(tmp_path.iterdir()) == [tmp_path / "work"]


def test_where_no_folder_can_be_made_is_said() -> None:
    with pytest.raises(LabError, match=r"No folder can be made in /proc: .*Take another place"):
        make.make(workspace(Path("/proc/x")))


def test_a_failure_in_the_middle_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path, message: str, student: str) -> bool:
        raise LabError("git could not keep it")

    monkeypatch.setattr(history, "begin", fail)
    with pytest.raises(LabError, match="git could not keep it"):
        make.make(workspace(tmp_path / "work"))
    assert list(tmp_path.iterdir()) == []


def test_a_git_that_does_not_end_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git waits for is a mock: a program of that name which sleeps."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").write_text("#!/bin/sh\nexec sleep 600\n")
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setattr(history, "SECONDS", 0.5)
    with pytest.raises(LabError, match=r"`git init -q --template= -b main` did not end within 0.5 s"):
        make.make(workspace(tmp_path / "work"))
    assert list(tmp_path.iterdir()) == [programs]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("track = ", "is not valid TOML"),
        (f"track = {'9' * 5000}", "is not valid TOML"),
        (f"track = {'[' * 3000}", "is not valid TOML"),
        ('track = "java"\n', "track is none of python, c"),
        ('track = "python"\nstudent = 5\n', "student must be a text"),
    ],
)
def test_a_damaged_file_is_an_error_that_names_it(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / state.FILE).write_text(text)
    with pytest.raises(LabError) as caught:
        state.find(tmp_path)
    assert says in str(caught.value) and state.FILE in str(caught.value)


def test_a_byte_order_mark_is_none_of_the_text(tmp_path: Path) -> None:
    (tmp_path / state.FILE).write_text('\ufefftrack = "c"\n')
    assert state.find(tmp_path).track == "c"


def test_outside_of_a_workspace_there_is_none(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"is in no workspace.*`lab init`"):
        state.find(tmp_path)
