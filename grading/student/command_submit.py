"""The command `lab submit`: one archive to be handed in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import console
from lab.cli_options import JsonOption


def submit(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            dir_okay=False,
            help="The archive, a .tar.gz; beside the workspace if none is named.",
        ),
    ] = None,
    json_: JsonOption = False,
) -> None:
    """Make the archive that you hand in: your work, a manifest with hashes, and the hints that you took.

    What the grader would refuse is refused here, and it is said why. Equal work gives equal bytes.
    """
    from grading.student import submission
    from lab.workspace import asked, state

    workspace = state.find(Path.cwd())
    asked.tell_nobodys(workspace)
    made = submission.make(workspace, output or submission.default_place(workspace))
    if json_:
        console.print_json({"file": str(made.file), **made.manifest})
        return
    for note in made.notes:
        console.out.print(f"[yellow]{escape(note)}[/yellow]")
    files, hints = len(made.manifest["files"]), len(made.manifest["hints"])
    console.out.print(
        f"[green]{escape(str(made.file))}[/green]: {files} files, {made.file.stat().st_size / 1024:.0f} KiB, "
        f"SHA-256 {made.digest[:16]}…; {hints} hints taken.",
    )
