"""The command `lab hint`: a nudge, a pointer, nearly the line; each is remembered."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import console
from lab.cli_options import JsonOption

CALLED = {"nudge": "A nudge", "pointer": "A pointer", "nearly": "Nearly the line"}


def hint(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXERCISE|CHECK|REGION]",
            help="As 05, containers.starts or 05.buffer; the first check that failed if none is named.",
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Give the next hint: first a nudge, then a pointer, then nearly the line.

    Without an argument for the first check that failed in the last `lab check`. Hints that you take are
    remembered, and `lab submit` tells them.
    """
    from lab.exercises import catalogue
    from lab.workspace import hints, progress, state

    workspace = state.find(Path.cwd())
    shown = hints.choose(workspace, catalogue.exercises(), progress.load(workspace), what)
    progress.update(
        workspace, lambda known: progress.with_hint(known, shown.exercise, shown.target, shown.stage)
    )
    if json_:
        console.print_json(asdict(shown))
        return
    about = f"  [dim]{escape(shown.title)}[/dim]" if shown.title else ""
    console.out.print(f"[bold]{escape(shown.target)}[/bold]{about}")
    console.out.print(f"[cyan]{CALLED[shown.stage]}:[/cyan] {escape(shown.text)}")
    console.out.print(f"[dim]{_what_is_left(shown.exercise, shown.left, shown.again)}[/dim]")


def _what_is_left(exercise: str, left: int, again: bool) -> str:
    if again:
        return f"That is all there is, once more; lab guide {exercise} explains it from the beginning."
    if not left:
        return f"There is no further hint; lab guide {exercise} explains it from the beginning."
    return f"The same command says more ({left} left)."
