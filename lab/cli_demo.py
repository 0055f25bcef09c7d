"""The command `lab demo`: the eight demonstrations in a machine, and the folder they leave.

Without a machine named it is a fresh one, which is destroyed at the end. One that is named
goes on living: nothing is left in it but the deployed runtime and module.
"""

from __future__ import annotations

import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab import console
from lab.cli_options import chosen, complete
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.demo.model import Report
    from lab.machine.protocol import Machine


def demo(
    machine: Annotated[
        str | None,
        typer.Option(
            "--machine", "-m", help="In which machine; a fresh one if none is named.", autocompletion=complete
        ),
    ] = None,
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
    """Show the eight demonstrations; ends with 0 only if all of them hold.

    In a fresh VM, which is destroyed at the end; or in the machine that is named here or by
    BOXWRIGHT_MACHINE, which goes on and keeps nothing of it but the deployed runtime and module.
    """
    from lab.demo import page
    from lab.demo.run import select
    from lab.demo.terminal import summary

    wanted = select(only)
    folder = output or Path(f"demo-{datetime.now():%Y-%m-%d-%H%M%S}")
    page.check_folder(folder)
    name = machine or os.environ.get("BOXWRIGHT_MACHINE")
    if name:
        if keep or suite:
            raise LabError(
                f"{'--keep' if keep else '--suite'} is about a fresh machine, and {name!r} is named",
                "Leave one of them out.",
            )
        report = _in_machine(chosen(name), wanted, quiet=json_)
    else:
        report = _in_fresh_machine(suite, wanted, keep=keep, quiet=json_)
    page.write(report, folder)
    if json_:
        console.print_json(page.as_json(report))
    else:
        summary(console.out, report, str(folder / "index.html"))
    if not report.holds:
        sys.exit(1)


def _in_machine(name: str, only: list[int], *, quiet: bool) -> Report:
    """Show it in a machine that runs already, and leave nothing behind."""
    from lab.deploy import deploy
    from lab.machine import kinds
    from lab.machine.record import locked

    with locked(name):
        with console.progress() as progress:
            machine = kinds.find(name, progress)
            deploy(machine, progress)
        try:
            return _show(machine, only, quiet=quiet, clear=True)
        finally:
            machine.close()


def _in_fresh_machine(suite: str | None, only: list[int], *, keep: bool, quiet: bool) -> Report:
    """Show it in a machine of its own."""
    from lab import lifecycle
    from lab.deploy import deploy
    from lab.machine.record import machine_names

    name = f"demo-kept-{os.getpid()}" if keep else f"demo-{os.getpid()}"
    _sweep()
    try:
        with console.progress() as progress:
            machine = lifecycle.up(name, progress, suite=suite)
            deploy(machine, progress, fresh=True)
        report = _show(machine, only, quiet=quiet, clear=False)
        machine.close()
    finally:
        if not keep:
            _destroy(name)
        elif name in machine_names():  # also where Ctrl-C or a failure came before the end
            console.err.print(f"The machine goes on: lab ssh -m {name}; lab destroy {name} ends it.")
    return report


def _show(machine: Machine, only: list[int], *, quiet: bool, clear: bool) -> Report:
    from lab.demo.run import run_demo
    from lab.demo.terminal import Silence, Terminal

    if quiet or not console.err.is_terminal:
        return run_demo(machine, Silence() if quiet else Terminal(console.out, None), only=only, clear=clear)
    with console.err.status("") as status:
        return run_demo(machine, Terminal(console.out, status), only=only, clear=clear)


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
