"""The commands `lab init` and, for exercises, `lab reset`: a student's workspace made, and put back."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import console
from lab.errors import LabError


def init(
    folder: Annotated[Path, typer.Argument(help="Where; empty, or not there yet.", file_okay=False)] = Path(
        "container-lab"
    ),
    track: Annotated[
        str, typer.Option(help="python: engine in Python, module in C; c: both in C.")
    ] = "python",
    upto: Annotated[
        str | None, typer.Option(metavar="NN", help="Begin with this exercise; those before it come solved.")
    ] = None,
    student: Annotated[
        str, typer.Option(metavar="ID", help="Your id in the course, on which your own numbers depend.")
    ] = "",
    course_seed: Annotated[
        str, typer.Option(metavar="WORD", help="The course's word, which your instructor gives you.")
    ] = "",
) -> None:
    """Make a workspace for the exercises: the starter, a README, an answer sheet, and a first commit."""
    from lab.exercises.catalogue import TRACKS
    from lab.workspace import make
    from lab.workspace.state import Workspace

    named = next((each for each in TRACKS if each == track), None)
    if named is None:
        raise LabError(f"There is no track {track!r}", f"There is {' and '.join(TRACKS)}.")
    made = make.make(Workspace(folder, named, student, course_seed), upto)
    console.out.print(
        f"[green]{escape(str(folder))}[/green] is made: {made.regions} regions are yours to write. "
        f"[dim]{escape(shlex.join(['cd', str(folder)]))} && lab guide 00[/dim]",
    )
    if not made.committed:
        console.err.print("git is not installed, so there is no history; everything else works without it.")


def reset_regions(exercise: str | None, region: str | None) -> None:
    """`lab reset` of an exercise: put stubs back into the workspace that we are in."""
    from lab.workspace import reset, state

    workspace = state.find(Path.cwd())
    done = reset.reset(workspace, reset.chosen(workspace, exercise, region))
    if done.backup is None:
        console.out.print("Nothing was changed: the stubs are there as they were.")
        return
    console.out.print(
        f"The stub is back: {', '.join(done.regions)}. What you had lies in "
        f"{escape(str(done.backup.relative_to(workspace.folder)))}.",
    )


def is_exercise(text: str) -> bool:
    """Whether a word of a command line names an exercise, by its number, rather than a machine."""
    return text.isascii() and text[:2].isdigit() and (len(text) <= 2 or text[2] == "_")
