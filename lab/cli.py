"""The command `lab`: what a student types. Everything it does is in the modules it calls."""

from __future__ import annotations

import errno
import os
import signal
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from lab import console
from lab.cli_demo import demo
from lab.cli_doctor import doctor
from lab.cli_image import app as image_app
from lab.errors import LabError

app = typer.Typer(
    name="lab",
    help="A lab of Linux VMs in which containers are built, watched and broken.\n\n"
    "Begin with [bold]lab demo[/bold], which builds the VM and shows all there is, "
    "or with [bold]lab up[/bold] and [bold]lab ssh[/bold].",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(image_app, name="image")
app.command()(demo)
app.command()(doctor)


def _name(value: str | None) -> str:
    from lab.machine.record import chosen_name

    return chosen_name(value)


def _complete(incomplete: str) -> list[str]:
    from lab.machine.record import machine_names

    return [name for name in machine_names() if name.startswith(incomplete)]


MachineArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="MACHINE", help="Which machine; `default` if none is named.", autocompletion=_complete
    ),
]
MachineOption = Annotated[
    str | None,
    typer.Option(
        "--machine", "-m", help="Which machine; `default` if none is named.", autocompletion=_complete
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="For programs: print JSON.")]


@app.command()
def up(
    machine: MachineArgument = None,
    suite: Annotated[
        str | None, typer.Option(help="The guest's release, for a new machine: trixie, …")
    ] = None,
    memory: Annotated[int, typer.Option(min=256, help="MiB of memory, for a new machine.")] = 1024,
    cpus: Annotated[int, typer.Option(min=1, max=64, help="Processors, for a new machine.")] = 2,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1 for SSH.")] = None,
    cold: Annotated[
        bool, typer.Option("--cold", help="Boot a new machine; do not resume the warm state.")
    ] = False,
) -> None:
    """Start a machine; the first time its image is built (a few minutes)."""
    from lab import lifecycle
    from lab.machine.qemu_command import Hardware

    name = _name(machine)
    with console.progress() as progress:
        started = lifecycle.up(
            name, progress, suite=suite, hardware=Hardware(memory, cpus), port=port, cold=cold
        )
    record = started.record
    console.out.print(
        f"[green]{record.name}[/green] is up: {record.suite}, {record.accelerator}, port {record.port}. "
        f"[dim]lab ssh {record.name}[/dim]"
    )


@app.command()
def down(
    machine: MachineArgument = None,
    force: Annotated[bool, typer.Option("--force", help="At once, as a power cut.")] = False,
) -> None:
    """Stop a machine; its disk stays, and `lab up` boots it again."""
    from lab import lifecycle

    name = _name(machine)
    with console.progress() as progress:
        progress.step(f"Stopping {name}")
        lifecycle.down(name, force=force)


@app.command()
def status(machine: MachineArgument = None, json_: JsonOption = False) -> None:
    """Show all machines, or one."""
    from lab import lifecycle
    from lab.machine.record import read_record

    found = lifecycle.statuses()
    if machine:
        found = [each for each in found if each.name == _name(machine)]
        if not found:
            read_record(_name(machine))
    if json_:
        console.print_json([asdict(each) for each in found])
        return
    if not found:
        console.out.print("There is no machine yet. [dim]lab up[/dim] makes one.")
        return
    table = Table("MACHINE", "STATE", "SUITE", "ACCEL", "PORT", "MEMORY", "CPUS", "SNAPSHOTS", box=None)
    for each in found:
        colour = {"running": "green", "stopped": "dim"}.get(each.state, "red")
        table.add_row(
            each.name, f"[{colour}]{each.state}[/]", each.suite, each.accelerator, str(each.port or ""),
            f"{each.memory_mib} MiB", str(each.cpus), escape(", ".join(each.snapshots)),
        )  # fmt: skip
    console.out.print(table)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def ssh(
    context: typer.Context,
    machine: MachineOption = None,
) -> None:
    """Log in, or run a command: `lab ssh -- uname -a`."""
    from lab.machine.qemu import QemuMachine

    address = QemuMachine.find(_name(machine)).address
    arguments = ["ssh", *address.openssh_options(), f"{address.user}@{address.host}", *context.args]
    try:
        os.execvp("ssh", arguments)
    except FileNotFoundError:
        raise LabError("ssh is not installed", "Run ./bootstrap.sh, which installs it.") from None


@app.command(name="console")
def console_(machine: MachineArgument = None) -> None:
    """Attach to the serial console: what the kernel says, and a login where SSH no longer answers."""
    from lab.machine.qemu import QemuMachine
    from lab.machine.terminal import attach

    found = QemuMachine.find(_name(machine))
    attach(found.folder)


@app.command()
def reset(machine: MachineArgument = None) -> None:
    """Throw away all changes, snapshots too, and start fresh."""
    from lab.machine.qemu import QemuMachine
    from lab.machine.record import locked, read_qemu_record

    name = _name(machine)
    with locked(name), console.progress() as progress:
        progress.step(f"Resetting {name}")
        QemuMachine(read_qemu_record(name)).reset()


@app.command()
def snapshot(
    name: Annotated[str, typer.Argument(help="A name for the present state.")], machine: MachineOption = None
) -> None:
    """Keep the present state, memory and disk, under a name."""
    from lab.machine.qemu import QemuMachine
    from lab.machine.record import check_name, locked

    with locked(_name(machine)), console.progress() as progress:
        progress.step(f"Taking snapshot {name}")
        QemuMachine.find(_name(machine)).snapshot(check_name(name))


@app.command()
def restore(
    name: Annotated[str, typer.Argument(help="A snapshot's name; see `lab status`.")],
    machine: MachineOption = None,
) -> None:
    """Go back to a snapshot."""
    from lab.machine.qemu import QemuMachine
    from lab.machine.record import check_name, locked

    with locked(_name(machine)), console.progress() as progress:
        progress.step(f"Restoring snapshot {name}")
        QemuMachine.find(_name(machine)).restore(check_name(name))


@app.command()
def destroy(
    machine: MachineArgument = None,
    all_: Annotated[bool, typer.Option("--all", help="Every machine of this lab.")] = False,
) -> None:
    """End a machine and remove all that is kept of it; images stay."""
    from lab import lifecycle
    from lab.machine.record import machine_names

    if all_ and machine:
        raise LabError("Both --all and a machine are named", "Name one of them.")
    for name in machine_names() if all_ else [_name(machine)]:
        lifecycle.destroy(name)
        console.out.print(f"{name} is gone.")


def main() -> None:
    """Run `lab`; whatever goes wrong ends in one sentence and a non-zero status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        app()
    except LabError as error:
        console.report(error)
        sys.exit(error.exit_status)
    except OSError as error:
        console.report(LabError(*_explain(error)))
        sys.exit(1)


def _interrupt(signal_number: int, frame: object) -> None:
    """Let SIGTERM clean up as Ctrl-C does."""
    raise KeyboardInterrupt


def _explain(error: OSError) -> tuple[str, str]:
    where = f" at {error.filename}" if error.filename else ""
    what = f"{error.strerror or error}{where}"
    if error.errno == errno.ENOSPC:
        return what, "Make room; `lab image ls` shows what the images take."
    return what, ""
