"""The command `lab logs`: what the last `lab check` left to be read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import console
from lab.cli_options import JsonOption

SHOWN = 20
"""Lines of each part in the overview."""


def logs(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[WHAT]",
            help="kernel, supervisor, calls, or a container's id or how it begins; an overview if none is named.",
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Show what kernel, engine and containers said during the last `lab check` in this workspace.

    `calls` has every command that the checks gave your engine, with its answer: what you would type to see
    the same in `lab shell`.
    """
    from lab.workspace import logs as kept
    from lab.workspace import state

    workspace = state.find(Path.cwd())
    if what is not None:
        text = kept.read(workspace, what)
        if json_:
            console.print_json({"name": what, "text": text})
        else:
            console.out.print(text, markup=False, end="")
        return
    parts = {name: kept.read(workspace, name) for name in kept.PARTS}
    ids = kept.containers(workspace)
    if json_:
        console.print_json({**parts, "containers": ids})
        return
    for name, meaning in kept.PARTS.items():
        lines = parts[name].splitlines()
        console.out.print(f"[bold]{name}[/bold]  [dim]{meaning}[/dim]")
        for line in lines[-SHOWN:]:
            console.out.print(f"  {line}", markup=False)
        if not lines:
            console.out.print("  [dim]nothing[/dim]")
        elif len(lines) > SHOWN:
            console.out.print(f"  [dim]… the last {SHOWN} of {len(lines)} lines; lab logs {name}[/dim]")
    there = escape(", ".join(ids)) or "no container's log was found"
    console.out.print(f"[bold]containers[/bold]  [dim]lab logs ID shows one's log[/dim]\n  {there}")
