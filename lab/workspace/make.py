"""Makes a workspace: the starter, an answer sheet, a README and the first commit. The solution never comes near it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from lab.course.course import Course
from lab.errors import LabError
from lab.exercises import answers, catalogue, starter
from lab.exercises.catalogue import Exercise, Question, Region
from lab.exercises.own import posed
from lab.exercises.tables import written
from lab.files import check_empty, drafted, move_draft, write_whole
from lab.workspace import history
from lab.workspace.state import FILE, PRIVATE, Workspace, top_of

if TYPE_CHECKING:
    import jinja2

DEFAULT = "container-lab"
"""The folder that is made where none is named."""

LONGEST_ID = 64


@dataclass(frozen=True)
class Made:
    """A workspace that was made."""

    workspace: Workspace
    regions: int
    """How many are the student's to write."""
    committed: bool
    """Whether git has it; not where there is no git."""


def make(
    wanted: Workspace,
    upto: str | None = None,
    *,
    course: Course | None = None,
    more: Mapping[str, bytes] | None = None,
) -> Made:
    """Make a workspace.

    Args:
        wanted: where, of which track, and whose.
        upto: the number of an exercise; those before it come solved.
        course: of which it is; the exercises that it does without come solved.
        more: further files, by their path in the workspace.

    Raises:
        LabError: the folder is not empty, or in another workspace; there is no such exercise;
            or the exercises of this kit are not in order.
        OSError: this host cannot write there.
    """
    number = catalogue.number_of(upto) if upto is not None else ""
    _check(wanted)
    _check_place(wanted.folder)

    def is_solved(region: Region) -> bool:
        return region.exercise < number or (course is not None and course.chosen(region.exercise) is None)

    exercises = _exercises(course)
    files = starter.starter(wanted.track, is_solved)
    open_regions = [
        region
        for exercise in exercises
        for region in exercise.regions
        if wanted.track in region.files and not is_solved(region)
    ]
    files |= {
        name: _rendered(name, wanted, exercises, number, course=course).encode()
        for name in (FILE, "README.md", answers.NAME, ".gitignore")
    }
    files |= more or {}
    # Beside its place, so that nothing half-made is ever there; the first commit is made before it moves.
    with drafted(wanted.folder.resolve().parent, ".lab-init-") as draft:
        for name, content in files.items():
            _write(draft / name, content)
        committed = history.begin(draft, "The starter", wanted.student)
        move_draft(draft, wanted.folder, last=FILE)
    return Made(wanted, len(open_regions), committed)


def rewrite(before: Workspace, workspace: Workspace, course: Course) -> None:
    """Write again what follows from whose a workspace is: its file, and the answer sheet with its answers kept.

    An answer that is a letter was given to the choices in the order in which they stood; it becomes the letter
    that the same choice has now.

    Args:
        before: as it is there, with whose letters the answers were given.
        workspace: as it shall be.
        course: of which it is.

    Raises:
        LabError: the id is none, or the answer sheet cannot be read as it is.
        OSError: this host cannot write there.
    """
    _check(workspace)
    sheet = answers.read(workspace.folder / answers.NAME)
    if sheet.problem and (workspace.folder / answers.NAME).exists():
        raise LabError(sheet.problem, "Put it right first, so that no answer is lost.")
    for (exercise, question), why in sheet.unclear.items():
        raise LabError(f"{answers.NAME}, {exercise}.{question}: {why}", "Then nothing of it is lost.")
    exercises = _exercises(course)

    def given(exercise: Exercise, question: Question) -> object:
        value = sheet.answers.get((exercise.number, question.id), "")
        return answers.carried_over(question, value, before.own(exercise), workspace.own(exercise))

    for name in (answers.NAME, FILE):
        write_whole(
            workspace.folder / name, _rendered(name, workspace, exercises, "", given, course).encode()
        )


def _exercises(course: Course | None) -> tuple[Exercise, ...]:
    if course is None:
        return catalogue.exercises()
    return tuple(each.exercise for each in course.exercises)


def _check(wanted: Workspace) -> None:
    _check_id(wanted.student)
    check_visible("course's seed", wanted.course_seed)


def _check_id(student: str) -> None:
    """Make sure that an id is none that a class's folder would hide, or that leads out of one; it may be empty.

    One with a slash inside is taken: some universities have such, and a roster says by which mail or
    folder the submission is known.
    """
    check_visible("student's id", student)
    if any(part.startswith(".") for part in student.strip().split("/")):
        raise LabError(
            f"The student's id {student!r} is none",
            "A folder of that name would be hidden, or lie elsewhere: give one without a dot at its beginning.",
        )


def check_visible(what: str, text: str, longest: int = LONGEST_ID) -> None:
    """Make sure that a text can be written into a file, and be seen there.

    Args:
        what: it is, as `student's id`.
        text: as it came from a command line, where anything may stand.
        longest: how many characters it may have.

    Raises:
        LabError: it is longer, or has a character that cannot be seen or is none.
    """
    if len(text) > longest or not text.isprintable():
        raise LabError(
            f"The {what} {text[:longest]!r} is none", f"It has at most {longest} visible characters."
        )


def _check_place(folder: Path) -> None:
    outer = top_of(folder)
    if outer == folder.resolve():
        raise LabError(f"{folder} is a workspace already", "Take another folder, or go on in it.")
    if outer is not None:
        raise LabError(f"{folder} is inside of the workspace {outer}", "Take a folder outside of it.")
    if folder.exists() and not folder.is_dir():
        raise LabError(f"{folder} is there already, and is no folder", "Take another name.")
    if folder.is_dir():
        check_empty(folder)


def _rendered(
    name: str,
    wanted: Workspace,
    exercises: tuple[Exercise, ...],
    upto: str,
    given: Callable[[Exercise, Question], object] = lambda exercise, question: "",
    course: Course | None = None,
) -> str:
    """A file of the workspace that is made from a template beside this one.

    Args:
        name: of the file.
        wanted: what it is made for.
        exercises: those that are asked for.
        upto: those before it come solved.
        given: the answer to a question that stands there already; empty where there is none.
        course: of which it is.
    """
    return _template(name).render(
        workspace=wanted, exercises=exercises, upto=upto, private=PRIVATE, course=course,
        given=given,
        question=lambda exercise, question: posed(exercise, question, wanted.own(exercise)).whole,
    )  # fmt: skip


@cache
def _template(name: str) -> jinja2.Template:
    """That of a file of the workspace; a course makes many workspaces."""
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["toml"] = written
    environment.filters["comment"] = lambda text: "\n".join(
        f"# {line}".rstrip() for line in text.splitlines()
    )
    place = resources.files("lab.workspace").joinpath("templates", f"{name.lstrip('.')}.j2")
    return environment.from_string(place.read_text(encoding="utf-8"))


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if content.startswith(b"#!"):
        path.chmod(0o755)
