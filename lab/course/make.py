"""Makes a course: `course.toml` for the instructor, and for each track the folder that students clone.

    COURSE/
        course.toml
        students/              a workspace: the starter and its first commit, with, beside it,
            COURSE.md          what is asked for, and until when
            course.toml        a copy
            .github/workflows/check.yml, .gitlab-ci.yml     the checks on a push

With two tracks there are `students-python/` and `students-c/`. The workspaces are nobody's: each student
makes a clone their own with `lab course join`. The seed stands in them, because a student needs it to see
the numbers that the grader will use; it is no secret, and without the id it says nothing.
"""

from __future__ import annotations

import dataclasses
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import jinja2

from lab import paths
from lab.course.course import FILE, Course, load
from lab.errors import LabError
from lab.exercises.catalogue import Track
from lab.exercises.tables import written
from lab.files import drafted, move_draft
from lab.workspace import make as workspaces
from lab.workspace import state
from lab.workspace.state import Workspace

GITHUB = ".github/workflows/check.yml"
GITLAB = ".gitlab-ci.yml"
TEMPLATES = {"COURSE.md": "COURSE.md.j2", GITHUB: "check.yml.j2", GITLAB: "gitlab-ci.yml.j2"}
"""What students get of a course beside the workspace, and of which template it is made."""

LONGEST = 500
"""Characters of a course's name, or of the address of its kit."""


@dataclass(frozen=True)
class Made:
    """A course that was made."""

    file: Path
    """The instructor's `course.toml`."""
    students: tuple[Path, ...]
    """The folders that students clone, one for each track."""


def new(folder: Path, course: Course) -> Made:
    """Make a course's folder.

    Args:
        folder: empty, or not there yet.
        course: the choices; its `path` does not matter.

    Raises:
        LabError: the folder is not empty or lies in a workspace; or a choice cannot be written down.
        OSError: this host cannot write there.
    """
    workspaces.check_visible("course's seed", course.seed)
    for what, text in (("name", course.name), ("kit", course.kit), ("kit's version", course.kit_version)):
        workspaces.check_visible(f"course's {what}", text, LONGEST)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise LabError(f"{folder} is there already", "Take an empty folder, or one that is not there yet.")
    with drafted(folder.resolve().parent, ".lab-course-") as draft:
        (draft / FILE).write_text(rendered("course.toml.j2", course), encoding="utf-8")
        read = load(draft / FILE)  # what was written is what is read from now on
        for track in read.tracks:
            workspaces.make(
                Workspace(draft / _name(read, track), track, course_seed=read.seed),
                course=read,
                more=for_students(read),
            )
        move_draft(draft, folder, last=FILE)
    return Made(folder / FILE, tuple(folder / _name(course, track) for track in course.tracks))


def update(folder: Path) -> tuple[Path, ...]:
    """Bring `course.toml` as it is now into the folders that students clone; the files that changed.

    The starter in them stays: which parts are solved in it follows from the choice of exercises.

    Raises:
        LabError: the course makes no sense; or its tracks, its seed or its exercises are others than
            when the folders were made.
        OSError: this host cannot write there.
    """
    course = load(folder / FILE)
    changed: list[Path] = []
    places = [folder / _name(course, track) for track in course.tracks]
    for place in places:
        remedy = "Make a new folder with `lab course new`, or take the change back."
        if not (place / FILE).is_file():
            raise LabError(f"There is no {place} of this course", remedy)
        before = load(place / FILE)
        for what in ("numbers", "seed", "tracks"):
            if getattr(before, what) != getattr(course, what):
                name = "exercises" if what == "numbers" else what
                raise LabError(f"{course.path}: {name} are others than those of {place}", remedy)
    for place in places:
        files = for_students(course)
        for name in (*TEMPLATES, FILE):
            path = place / name
            there = path.read_bytes() if path.is_file() else None
            if there == files.get(name):
                continue
            changed.append(path)
            if name not in files:
                path.unlink()
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(files[name])
    return tuple(changed)


def for_students(course: Course) -> dict[str, bytes]:
    """What students get of a course beside the workspace, by its path in the folder.

    Raises:
        OSError: `course.toml` cannot be read.
    """
    files = {FILE: course.path.read_bytes()}
    for name, template in TEMPLATES.items():
        if course.kit or name not in (GITHUB, GITLAB):
            files[name] = rendered(template, course).encode()
    return files


def rendered(template: str, course: Course) -> str:
    """A file that is made from a template beside this module."""
    version = ("--branch", course.kit_version) if course.kit_version else ()
    clone = shlex.join(("git", "clone", "--quiet", "--depth", "1", *version, course.kit))
    return _template(template).render(course=course, clone=clone)


@cache
def _template(name: str) -> jinja2.Template:
    """A template beside this module, compiled once for all courses and tracks."""
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["toml"] = written
    environment.filters["plural"] = lambda kind: f"{kind}s"
    text = resources.files("lab.course").joinpath("templates", name).read_text(encoding="utf-8")
    return environment.from_string(text)


def join(folder: Path, student: str) -> Workspace:
    """Make a clone of a course's workspace a student's own: the id, and the questions with their numbers.

    Answers that stand there already are kept; letters become those that the same choices have now.

    Raises:
        LabError: it is no workspace, or none of a course; the id is none; or the answers cannot be read.
        OSError: this host cannot write there.
    """
    found = state.find(folder)
    if not (found.folder / FILE).is_file():
        raise LabError(
            f"{found.folder} is no workspace of a course: there is no {FILE} in it",
            "`lab init --student ID` makes one of your own.",
        )
    course = load(found.folder / FILE)
    if not student.strip():
        raise LabError("The id is empty", "Give the one by which the course knows you.")
    mine = dataclasses.replace(found, student=student.strip(), course_seed=course.seed)
    workspaces.rewrite(found, mine, course)
    return mine


def kit_address() -> str:
    """Where this kit comes from, as far as others can reach it too: the address of git's `origin`; or empty."""
    if shutil.which("git") is None:
        return ""
    done = subprocess.run(
        ["git", "remote", "get-url", "origin"],
        cwd=paths.CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    address = done.stdout.strip()
    return address if done.returncode == 0 and address.startswith(("https://", "ssh://", "git@")) else ""


def _name(course: Course, track: Track) -> str:
    return "students" if len(course.tracks) == 1 else f"students-{track}"
