"""Which page of the site is made of which file, and in whose part it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lab.exercises.catalogue import EXERCISES, Exercise

Voice = Literal["", "For students", "For instructors", "For exercise authors"]
"""Whom a page speaks to; the first page speaks to everybody."""

VOICES: tuple[Voice, ...] = ("For students", "For instructors", "For exercise authors")
"""The parts of the site, in their order."""


@dataclass(frozen=True)
class Page:
    """A page of the site."""

    place: str
    """Where it stands in the site, with the suffix `.md`."""
    title: str
    """In the navigation."""
    source: str
    """A Markdown file, relative to the top of the checkout; absolute where it lies elsewhere."""
    voice: Voice = ""
    only: str = ""
    """A heading of the second level: the page is that section alone, and has `title` for its own."""
    without: tuple[str, ...] = ()
    """Headings of the second level whose sections are left out, because they are pages of their own."""
    exercise: Exercise | None = None
    """Whose guide it is."""


_GRADING = "grading/README.md"
_EXERCISES = "exercises/README.md"
_TAUGHT = "The contract, sentence by sentence"
_AUTHORS = "For authors of checks"
_FILES = "What is where"

_BEFORE_GUIDES = (
    Page("index.md", "Boxwright", "docs/index.md"),
    Page("students/index.md", "Where to begin", "docs/students.md", "For students"),
)

_AFTER_GUIDES = (
    Page("students/contract.md", "The contract", "docs/contract.md", "For students"),
    Page("instructors/index.md", "The kit on one page", "README.md", "For instructors"),
    Page("instructors/architecture.md", "How it is made", "docs/architecture.md", "For instructors"),
    Page("instructors/course.md", "Set up a course", "docs/course.md", "For instructors"),
    Page(
        "instructors/grading.md", "Grading a class", _GRADING, "For instructors", without=(_AUTHORS, _FILES)
    ),
    Page("instructors/experiments.md", "Experiments", "lab/experiments/README.md", "For instructors"),
    Page("instructors/taught.md", "What is taught where", _EXERCISES, "For instructors", only=_TAUGHT),
    # They describe the solution, so `lab init` does not give them to students either.
    Page("instructors/engine.md", "The reference engine", "runtime/README.md", "For instructors"),
    Page("instructors/monitor.md", "The kernel monitor", "kernel/README.md", "For instructors"),
    Page("instructors/vagrant.md", "Vagrant", "vagrant/README.md", "For instructors"),
    Page("instructors/doctor.md", "When something is missing", "lab/doctor/README.md", "For instructors"),
    Page("instructors/image.md", "The VM's image", "lab/image/README.md", "For instructors"),
    Page("authors/index.md", "Write your own exercise", "docs/authors.md", "For exercise authors"),
    Page("authors/folder.md", "An exercise's folder", _EXERCISES, "For exercise authors", without=(_TAUGHT,)),
    Page("authors/checks.md", "Writing checks", _GRADING, "For exercise authors", only=_AUTHORS),
    Page("authors/grader.md", "Inside the grader", _GRADING, "For exercise authors", only=_FILES),
    Page("authors/mutants.md", "Seeded bugs", "tests/mutants/README.md", "For exercise authors"),
    Page("authors/stages.md", "Before and after", "tests/stages/README.md", "For exercise authors"),
    Page(
        "authors/second.md",
        "The second implementation",
        "tests/implementations/c/README.md",
        "For exercise authors",
    ),
    Page("authors/tests.md", "The project's own tests", "tests/README.md", "For exercise authors"),
    Page("authors/contributing.md", "For contributors", "docs/contributing.md", "For exercise authors"),
)


def guide_place(exercise: Exercise) -> str:
    """Where the guide of an exercise stands."""
    return f"students/{exercise.folder.name}.md"


def pages(exercises: tuple[Exercise, ...]) -> tuple[Page, ...]:
    """All pages, in the order of the navigation."""
    guides = tuple(
        Page(
            guide_place(each),
            f"{each.number} · {each.title}",
            f"exercises/{each.folder.name}/guide.md"
            if each.folder.parent == EXERCISES
            else f"{each.folder}/guide.md",
            "For students",
            exercise=each,
        )
        for each in exercises
    )
    return (*_BEFORE_GUIDES, *guides, *_AFTER_GUIDES)
