"""The command `lab demo`: a fresh machine, the eight demonstrations in it, and the folder they leave."""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab import console
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.demo.model import Report


def demo(
    only: Annotated[
        str | None, typer.Option("--only", metavar="LIST", help="Show only these, such as 5,6 or 1-3.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FOLDER", help="Where to write the page; demo-DATE if none is named."
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave the machine as it is at the end, for a look inside.")
    ] = False,
    suite: Annotated[str | None, typer.Option(help="The guest's release: trixie, bookworm, …")] = None,
    json_: Annotated[
        bool, typer.Option("--json", help="For programs: print JSON instead of the story.")
    ] = False,
) -> None:
    """Show the eight demonstrations in a fresh VM; ends with 0 only if all of them hold."""
    from lab import lifecycle
    from lab.demo import page
    from lab.demo.run import run_demo, select
    from lab.demo.terminal import Silence, Terminal
    from lab.deploy import deploy

    wanted = select(only)
    folder = output or Path(f"demo-{datetime.now():%Y-%m-%d-%H%M%S}")
    page.check_folder(folder)
    name = f"demo-kept-{os.getpid()}" if keep else f"demo-{os.getpid()}"
    _sweep()
    try:
        with console.progress() as progress:
            machine = lifecycle.up(name, progress, suite=suite)
            deploy(machine, progress)
        if json_ or not console.err.is_terminal:
            report = run_demo(machine, Silence() if json_ else Terminal(console.out, None), only=wanted)
        else:
            with console.err.status("") as status:
                report = run_demo(machine, Terminal(console.out, status), only=wanted)
        machine.close()
        page.write(report, folder)
    finally:
        if not keep:
            _destroy(name)
    _conclude(report, folder, json_=json_)
    if keep:
        console.err.print(f"The machine goes on: lab ssh -m {name}; lab destroy {name} ends it.")
    if not report.holds:
        sys.exit(1)


def _sweep() -> None:
    """End the machines of demos that were killed before they could do it themselves."""
    from lab.machine.record import machine_names

    for name in machine_names():
        owner = re.fullmatch(r"demo-(\d+)", name)
        if owner and not Path(f"/proc/{owner[1]}").exists():
            _destroy(name)


def _destroy(name: str) -> None:
    from lab import lifecycle
    from lab.machine.record import machine_names

    if name in machine_names():
        try:
            lifecycle.destroy(name)
        except LabError as error:
            console.report(error)


def _conclude(report: Report, folder: Path, *, json_: bool) -> None:
    from lab.demo import page
    from lab.demo.terminal import summary

    if json_:
        console.print_json(page.as_json(report))
    else:
        summary(console.out, report, str(folder / "index.html"))
