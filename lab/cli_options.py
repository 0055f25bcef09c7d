"""Options that several commands have, and which machine they mean."""

from __future__ import annotations

from typing import Annotated

import typer


def chosen(machine: str | None) -> str:
    """The machine that a command means; `lab --machine` and `BOXWRIGHT_MACHINE` say it where the command does not."""
    from lab.machine.record import chosen_name

    return chosen_name(machine)


def complete(incomplete: str) -> list[str]:
    """Names of machines, for the shell."""
    from lab.machine.record import VAGRANT_NAME, machine_names

    return sorted(name for name in {*machine_names(), VAGRANT_NAME} if name.startswith(incomplete))


MachineArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="MACHINE", help="Which machine; `default` if none is named.", autocompletion=complete
    ),
]
MachineOption = Annotated[
    str | None,
    typer.Option(
        "--machine", "-m", help="Which machine; `default` if none is named.", autocompletion=complete
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: print JSON.")]
