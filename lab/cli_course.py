"""The commands `lab course …`: a course made and kept by an instructor, joined by a student."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Column, Table

from lab import console
from lab.cli_options import JsonOption
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.course.course import Course

app = typer.Typer(
    no_args_is_help=True,
    help="A course: exercises, points, deadlines and seed; the folder that students clone, with its checks on a push.",
)

FolderArgument = Annotated[
    Path, typer.Argument(metavar="FOLDER", help="The course's, in which course.toml lies.", file_okay=False)
]


@app.command()
def new(
    folder: Annotated[Path, typer.Argument(help="Where; empty, or not there yet.", file_okay=False)] = Path(
        "course"
    ),
    name: Annotated[str, typer.Option(metavar="TEXT", help="The course's name.")] = "Operating systems",
    track: Annotated[
        list[str] | None, typer.Option(help="python or c; may be repeated for both.", show_default="python")
    ] = None,
    exercises: Annotated[
        str, typer.Option(metavar="LIST", help="Those that are asked for: 01-07, or 01,03,05.")
    ] = "all",
    level: Annotated[
        int, typer.Option(min=1, max=2, help="1: what a course in C usually asks. 2: the whole contract.")
    ] = 2,
    seed: Annotated[
        str | None,
        typer.Option(metavar="WORD", help="Of the students' own numbers.", show_default="a new word"),
    ] = None,
    kit: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Where a push finds the kit; `git clone` must take it.",
            show_default="git's origin of this one",
        ),
    ] = None,
    kit_version: Annotated[str, typer.Option(metavar="TAG", help="A tag or branch of it.")] = "",
) -> None:
    """Make a course: course.toml, in which points, deadlines and the rest are set, and what students clone.

    The folder for students is a git repository with one commit: the starter of the exercises that the course
    asks for, everything else in it solved; COURSE.md; and the checks on a push for GitHub and GitLab.
    """
    import secrets

    from lab.course import make
    from lab.course.course import Chosen, Course, numbers_of
    from lab.exercises import catalogue
    from lab.exercises.catalogue import TRACKS

    for each in track or ():
        if each not in TRACKS:
            raise LabError(f"There is no track {each!r}", f"There is {' and '.join(TRACKS)}.")
    numbers = numbers_of(exercises)
    made = make.new(
        folder,
        Course(
            path=folder,
            name=name,
            seed=seed if seed is not None else secrets.token_hex(4),
            tracks=tuple(each for each in TRACKS if each in (track or ["python"])),
            exercises=tuple(Chosen(each) for each in catalogue.exercises() if each.number in numbers),
            level=level,
            kit=make.kit_address() if kit is None else kit,
            kit_version=kit_version,
        ),
    )
    console.out.print(
        f"[green]{escape(str(made.file))}[/green] is the course; set points and deadlines there, then "
        f"[dim]{escape(shlex.join(['lab', 'course', 'update', str(folder)]))}[/dim]",
    )
    for place in made.students:
        console.out.print(f"[green]{escape(str(place))}[/green] is for students to clone.")
    if not any((place / make.GITHUB).exists() for place in made.students):
        console.err.print(
            "Nothing is checked on a push, since it is not known where the kit is: write `kit` into course.toml.",
        )


@app.command()
def update(folder: FolderArgument = Path()) -> None:
    """Bring course.toml as it is now into what students clone. You look at the change and commit it there."""
    from lab.course import make

    changed = make.update(folder)
    for path in changed:
        console.out.print(escape(str(path)))
    if not changed:
        console.out.print("Nothing was changed: it is there already.")


@app.command()
def show(folder: FolderArgument = Path(), json_: JsonOption = False) -> None:
    """Show what a course asks for: exercises, points, deadlines."""
    from lab.course.course import load

    course = load(folder)
    if json_:
        console.print_json(_document(course))
        return
    table = Table("EXERCISE", Column("POINTS", justify="right"), "UNTIL", box=None)
    for each in course.exercises:
        until = each.deadline.isoformat(" ", "minutes") if each.deadline else ""
        points = f"{course.counts(each):g}"
        table.add_row(escape(f"{each.exercise.number} {each.exercise.title}"), points, until)
    console.out.print(f"[bold]{escape(course.name)}[/bold]: level {course.level}, {', '.join(course.tracks)}")
    console.out.print(table)


@app.command()
def join(
    student: Annotated[str, typer.Argument(metavar="ID", help="By which the course knows you.")],
) -> None:
    """Make a clone of a course's workspace your own: guides, questions and checks get your numbers.

    Answers that stand in answers.toml already are kept. A letter becomes the one that the same choice has now.
    """
    from lab.course import make

    mine = make.join(Path.cwd(), student)
    console.out.print(f"This workspace is [green]{escape(mine.student)}[/green]'s. [dim]lab guide[/dim]")


def _document(course: Course) -> dict[str, Any]:
    return {
        "name": course.name,
        "seed": course.seed,
        "tracks": course.tracks,
        "level": course.level,
        "exercises": [
            {
                "number": each.exercise.number,
                "title": each.exercise.title,
                "points": course.counts(each),
                "deadline": each.deadline.isoformat() if each.deadline else None,
            }
            for each in course.exercises
        ],
    }
