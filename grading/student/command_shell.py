"""The command `lab shell`: into a machine that has the student's engine, module and root file systems."""

from __future__ import annotations

import sys
from pathlib import Path

import typer
from rich.markup import escape

from lab import console


def shell(context: typer.Context) -> None:
    """Open a shell in a fresh VM with your engine built and in PATH, your module loaded, and two rootfs.

    A second `lab shell` joins the first: a supervisor in one, clients in the other. The VM goes away with the
    last shell, and whatever you broke in it; `lab check` has another one and is not disturbed. A command can
    be given, too: `lab shell -- engine ps`.
    """
    from grading.student import trying
    from lab.workspace import state

    workspace = state.find(Path.cwd())
    with trying.held(workspace, context.obj) as lock:
        with console.progress() as progress:
            place = trying.open_place(workspace, lock, context.obj, progress)
        try:
            for note in place.notes:
                console.err.print(escape(note))
            if not context.args:
                console.err.print(f"[dim]{escape(trying.GREETING)}[/dim]")
            status = trying.attach(place, context.args)
        finally:
            trying.leave(place, lock)
    sys.exit(status)
