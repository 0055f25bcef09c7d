"""The command `lab doctor`: what this host, or a machine, lacks, and how to get it."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab import console
from lab.cli_options import chosen, complete
from lab.errors import LabError


def doctor(
    context: typer.Context,
    machine: Annotated[
        str | None,
        typer.Argument(
            metavar="MACHINE",
            help="With --guest: which machine; `default` if none is named.",
            autocompletion=complete,
        ),
    ] = None,
    guest: Annotated[
        bool, typer.Option("--guest", "-g", help="Look into a running machine instead of at this host.")
    ] = False,
    suite: Annotated[
        str | None, typer.Option(help="The guest's release that is to be built: trixie, bookworm, …")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="For programs: print JSON.")] = False,
) -> None:
    """Look at all that the lab needs, and say how to get what is missing.

    Every precondition is tried, not assumed: a tiny guest is run in QEMU, apt
    reaches the mirror, namespaces are made. Whether KVM runs the lab's kernel
    is proved once and remembered.

    [bold]ok[/bold]: as it should be. [bold]warning[/bold]: the lab works, but slower or without an
    extra. [bold]FAILED[/bold]: it will not work; the fix is below the table.
    [bold]skipped[/bold]: does not matter here. Ends with 0 if nothing failed, else with 1.

    [dim]lab doctor[/dim] before the first build. [dim]lab doctor --guest[/dim] when something
    in the VM is odd. [dim]lab doctor --json[/dim] in a script; its keys are in
    lab/doctor/README.md.
    """  # fmt: skip
    from lab.doctor import report

    named = machine or context.obj
    if named and not guest:
        raise LabError("A machine is named, but not --guest", f"Type: lab doctor --guest {named}")
    if guest and suite:
        raise LabError(
            "--suite is about the image that is to be built, and --guest about a machine", "Name one."
        )
    with console.progress() as progress:
        if guest:
            from lab.doctor.guest import examine_guest
            from lab.machine import kinds

            name = chosen(machine)
            found = kinds.find(name, progress)
            progress.step(f"Looking into {name}")
            try:
                findings = examine_guest(found)
            finally:
                found.close()
        else:
            from lab.doctor.finding import examine
            from lab.doctor.host import checks

            name = None
            progress.step("Looking at this host")
            findings = examine(checks(progress, suite), progress)
    if json_:
        console.print_json(report.document(findings, name))
    else:
        report.show(findings, console.out, f"The machine {name}" if name else "This host")
    sys.exit(report.exit_status(findings))
