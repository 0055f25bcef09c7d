"""The commands `lab exercise …`: for those who write exercises. `check` comes from the grader, which knows checks."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import console
from lab.errors import LabError

app = typer.Typer(
    no_args_is_help=True, help="Write exercises of your own: a draft, its regions, and what a test says."
)


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NN_NAME", help="Its number and its name, as 11_freezer.")],
    title: Annotated[str, typer.Option(help="As students read it; made of the name if none is given.")] = "",
    place: Annotated[
        Path | None,
        typer.Option(
            "--in",
            metavar="FOLDER",
            help="A folder of a course's own exercises, beside the kit's.",
            file_okay=False,
        ),
    ] = None,
) -> None:
    """Make the folder of a new exercise: guide, picture, hints, questions, and a check that works."""
    from lab import paths
    from lab.exercises import drafts

    where = place or paths.EXERCISES
    folder = drafts.create(name, title, where)
    console.out.print(f"[green]{escape(str(folder))}[/green] is made, and can be graded as it is.")
    number = folder.name[:2]
    steps = [
        f"lab exercise region {number}.WORD FILE:FIRST-LAST --summary '…'   makes lines of the reference a region",
        f"lab exercise check {number}   says what is wrong and what is still to be written",
        f"lab guide {number}   shows the guide",
    ]
    if not drafts.is_kits(where):
        steps.insert(
            0, f"export BOXWRIGHT_EXERCISES={shlex.quote(str(where.absolute()))}   lets all commands find it"
        )
    for step in steps:
        console.out.print(f"[dim]{escape(step)}[/dim]")


@app.command()
def region(
    name: Annotated[str, typer.Argument(metavar="NN.WORD", help="The exercise's number, and a word for it.")],
    lines: Annotated[
        str, typer.Argument(metavar="FILE:FIRST-LAST", help="Lines of the reference, in a file from its top.")
    ],
    summary: Annotated[str, typer.Option(help="What these lines do: 'holds all processes of a container'.")],
    track: Annotated[str, typer.Option(help="Whose sources: python or c.")] = "python",
) -> None:
    """Make lines of the reference a region, which students write: markers, a stub, a hint, a line in the guide."""
    from lab.exercises import drafts
    from lab.exercises.catalogue import TRACKS

    named = next((each for each in TRACKS if each == track), None)
    if named is None:
        raise LabError(f"There is no track {track!r}", f"There is {' and '.join(TRACKS)}.")
    made = drafts.mark(name, lines, summary, named)
    console.out.print(
        f"[green]{made.name}[/green] is marked in {escape(str(made.source))}. What students find there at first is "
        f"{escape(str(made.stub))}: say in it what comes in and what must go out.",
    )
