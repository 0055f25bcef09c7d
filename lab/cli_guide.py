"""The command `lab guide`: an exercise's guide in the terminal or as a page, with the student's own numbers."""

from __future__ import annotations

import os
import re
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lab import console, paths
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.exercises.catalogue import Exercise
    from lab.workspace.state import Workspace

WIDEST = 100
"""Columns of text that are still easy to read."""


def guide(
    exercise: Annotated[
        str | None,
        typer.Argument(metavar="[EXERCISE]", help="Its number; the one that is next if none is named."),
    ] = None,
    web: Annotated[
        bool, typer.Option("--web", help="As a page, opened in a browser where there is a display.")
    ] = False,
) -> None:
    """Show an exercise's guide, in your workspace with your own numbers and names."""
    from lab.exercises import catalogue, parameters
    from lab.workspace import asked

    workspace = _workspace()
    if exercise is not None:
        shown: Exercise | None = catalogue.exercise(exercise)
    else:
        shown = _next(workspace)
    if shown is None:
        _list(catalogue.exercises())
        return
    if workspace:
        asked.tell_nobodys(workspace)
    values = workspace.values(shown) if workspace else parameters.values(shown.parameters, "", "")
    if web:
        _page(shown, values, workspace.student if workspace else "")
    else:
        _terminal(shown, values)


def _workspace() -> Workspace | None:
    """That which we are in; outside of one a guide has nobody's numbers."""
    from lab.workspace import state

    top = state.top_of(Path.cwd())
    return state.read(top) if top is not None else None


def _next(workspace: Workspace | None) -> Exercise | None:
    from lab.workspace import asked
    from lab.workspace.next import next_exercise

    return next_exercise(workspace, asked.exercises(workspace)) if workspace else None


def _list(exercises: tuple[Exercise, ...]) -> None:
    for each in exercises:
        console.out.print(f"[bold]{each.number}[/bold]  {escape(each.title)}")
    console.out.print("\n[dim]lab guide 00 shows the first one's guide; lab init makes a workspace.[/dim]")


def _terminal(exercise: Exercise, values: dict[str, str | int]) -> None:
    """Through a pager where somebody sits at a terminal; as plain text elsewhere."""
    from lab.exercises import guides
    from lab.site.terminal import show

    guides.read(exercise.folder, values)  # says what is wrong with a guide of somebody's own
    text = guides.render((exercise.folder / guides.NAME).read_text(encoding="utf-8"), values)
    pictures = rf"> **Picture.** \1 (`lab guide {exercise.number} --web` shows it.)"
    text = re.sub(r"^!\[(.*?)\]\(.+?\)$", pictures, text, flags=re.MULTILINE)
    width = min(console.out.width, WIDEST)
    if not console.out.is_terminal:
        show(console.out, text, width)
        return
    # As git does it: colours pass, short texts do not stop, the text stays when the pager ends.
    os.environ.setdefault("LESS", "FRX")
    with console.out.pager(styles=not console.out.no_color):
        show(console.out, text, width)


def _page(exercise: Exercise, values: dict[str, str | int], whose: str) -> None:
    from lab.site import single

    path = single.write(paths.cache() / "guides", exercise, values, whose)
    console.out.print(escape(str(path)))
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        try:
            webbrowser.open(path.as_uri())
        except webbrowser.Error as error:
            raise LabError(f"No browser could be opened: {error}", f"Open {path} in one.") from error
