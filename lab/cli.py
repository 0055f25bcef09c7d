"""The command `lab`: what a student types. Everything it does is in the modules it calls."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib.metadata import entry_points
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from lab import console
from lab.cli_box import box
from lab.cli_course import app as course_app
from lab.cli_demo import demo
from lab.cli_doctor import doctor
from lab.cli_exercise import app as exercise_app
from lab.cli_experiment import app as experiment_app
from lab.cli_guide import guide
from lab.cli_hint import hint
from lab.cli_hosts import add, provision
from lab.cli_image import app as image_app
from lab.cli_logs import logs
from lab.cli_options import JsonOption, MachineArgument, MachineOption, chosen, complete
from lab.cli_panels import arrange
from lab.cli_site import app as site_app
from lab.cli_workspace import init, is_exercise, reset_regions
from lab.errors import LabError

COMMANDS = "boxwright.lab_commands"
"""The group of entry points whose functions are given the app, and add commands to it: those that run checks
know the grader, of which this package knows nothing."""

MOST_MEMORY = 1 << 20
"""MiB that a machine may be asked to have; more than any host has to spare."""

app = typer.Typer(
    name="lab",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
app.add_typer(image_app, name="image")
app.add_typer(course_app, name="course")
app.add_typer(experiment_app, name="experiment")
app.add_typer(exercise_app, name="exercise")
app.add_typer(site_app, name="site")
app.command()(box)
app.command()(demo)
app.command()(doctor)
app.command()(add)
app.command()(provision)
app.command()(init)
app.command()(guide)
app.command()(hint)
app.command()(logs)


@app.callback()
def lab(
    context: typer.Context,
    machine: Annotated[
        str | None,
        typer.Option(
            "--machine",
            "-m",
            metavar="NAME",
            help="The machine that the command means; also BOXWRIGHT_MACHINE. `vagrant` is the VM of the "
            "Vagrantfile in vagrant/, or in the folder that BOXWRIGHT_VAGRANT names.",
            autocompletion=complete,
        ),
    ] = None,
) -> None:
    """A lab of Linux VMs in which containers are built, watched and broken.

    Begin with [bold]lab demo[/bold], which builds the VM and shows all there is,
    or with [bold]lab up[/bold] and [bold]lab ssh[/bold].
    """
    if machine is not None:
        from lab.machine.record import check_name

        # All that looks up which machine is meant finds it there, in whatever module.
        os.environ["BOXWRIGHT_MACHINE"] = check_name(machine)
    context.obj = machine


@app.command()
def up(
    machine: MachineArgument = None,
    suite: Annotated[
        str | None, typer.Option(help="The guest's release, for a new machine: trixie, …")
    ] = None,
    memory: Annotated[
        int | None,
        typer.Option(min=256, max=MOST_MEMORY, help="MiB of memory, for a new machine; 1024 if not given."),
    ] = None,
    cpus: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processors, for a new machine; 2 if not given.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port on 127.0.0.1 for SSH.")] = None,
    cold: Annotated[
        bool, typer.Option("--cold", help="Boot a new machine; do not resume the warm state.")
    ] = False,
) -> None:
    """Start a machine; the first time its image is built (a few minutes).

    For the machine `vagrant` it is `vagrant up`.
    """
    from lab import lifecycle

    name = chosen(machine)
    wish = lifecycle.Wish(suite, memory, cpus, port, cold)
    with console.progress() as progress:
        lifecycle.start(name, progress, wish)
    [now] = lifecycle.statuses([name])
    about = ", ".join(filter(None, (now.suite, now.accelerator, now.address)))
    console.out.print(f"[green]{now.name}[/green] is up: {about}. [dim]lab ssh -m {now.name}[/dim]")


@app.command()
def down(
    machine: MachineArgument = None,
    force: Annotated[bool, typer.Option("--force", help="At once, as a power cut.")] = False,
) -> None:
    """Stop a machine; its disk stays, and `lab up` boots it again."""
    from lab import lifecycle

    name = chosen(machine)
    with console.progress() as progress:
        progress.step(f"Stopping {name}")
        lifecycle.down(name, progress, force=force)


@app.command()
def status(context: typer.Context, machine: MachineArgument = None, json_: JsonOption = False) -> None:
    """Show all machines, or one."""
    from lab import lifecycle
    from lab.machine.record import check_name, machine_names

    named = context.obj if machine is None else machine
    names = machine_names() if named is None else [check_name(named)]
    found = lifecycle.statuses(names, thorough=named is not None)
    if json_:
        console.print_json([asdict(each) for each in found])
        return
    if not found:
        console.out.print("There is no machine yet. [dim]lab up[/dim] makes one.")
        return
    address = Column("ADDRESS", overflow="fold")
    table = Table("MACHINE", "KIND", "STATE", "SUITE", address, "MEMORY", "CPUS", "SNAPSHOTS", box=None)
    for each in found:
        colour = {"running": "green", "stopped": "dim"}.get(each.state, "red")
        kind = f"{each.kind} {each.accelerator}".rstrip()
        memory = f"{each.memory_mib} MiB" if each.memory_mib else ""
        table.add_row(
            each.name, kind, f"[{colour}]{each.state}[/]", each.suite, escape(each.address), memory,
            str(each.cpus or ""), escape(", ".join(each.snapshots)),
        )  # fmt: skip
    console.out.print(table)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def ssh(
    context: typer.Context,
    machine: MachineOption = None,
) -> None:
    """Log in, or run a command: `lab ssh -- uname -a`.

    As root in the lab's own VMs, elsewhere as the user whom the machine was given.
    """
    from lab.machine import kinds

    with console.progress() as progress:
        address = kinds.find(chosen(machine), progress).address
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

    attach(QemuMachine.find(chosen(machine)).folder)


@app.command()
def reset(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[EXERCISE|MACHINE]", help="An exercise's number, or a machine.", autocompletion=complete
        ),
    ] = None,
    region: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this region of the exercise.")
    ] = None,
) -> None:
    """Put an exercise's regions back to what they were, in the workspace you are in; or a machine.

    What you had written is kept, and it is said where. Of a machine all changes are thrown away,
    snapshots too; the machine `vagrant` is destroyed and made anew.
    """
    if region is not None or (what is not None and is_exercise(what)):
        reset_regions(what, region)
        return
    from lab.machine import kinds
    from lab.machine.record import locked

    name = chosen(what)
    with locked(name), console.progress() as progress:
        progress.step(f"Resetting {name}")
        kinds.machine(name, progress).reset()


@app.command()
def snapshot(
    name: Annotated[str, typer.Argument(help="A name for the present state.")], machine: MachineOption = None
) -> None:
    """Keep the present state, memory and disk, under a name."""
    from lab.machine import kinds
    from lab.machine.record import check_name, locked

    with locked(chosen(machine)), console.progress() as progress:
        progress.step(f"Taking snapshot {name}")
        kinds.find(chosen(machine), progress).snapshot(check_name(name))


@app.command()
def restore(
    name: Annotated[str, typer.Argument(help="A snapshot's name; see `lab status MACHINE`.")],
    machine: MachineOption = None,
) -> None:
    """Go back to a snapshot."""
    from lab.machine import kinds
    from lab.machine.record import check_name, locked

    with locked(chosen(machine)), console.progress() as progress:
        progress.step(f"Restoring snapshot {name}")
        kinds.find(chosen(machine), progress).restore(check_name(name))


@app.command()
def destroy(
    context: typer.Context,
    machine: MachineArgument = None,
    all_: Annotated[bool, typer.Option("--all", help="Every machine of this lab.")] = False,
) -> None:
    """End a machine and remove all that is kept of it; images stay.

    A host that was added is forgotten; the host itself is untouched.
    """
    from lab import lifecycle
    from lab.machine.record import machine_names

    if all_ and (machine is not None or context.obj is not None):
        raise LabError("Both --all and a machine are named", "Name one of them.")
    for name in machine_names() if all_ else [chosen(machine)]:
        with console.progress() as progress:
            kind = lifecycle.destroy(name, progress)
        gone = "is forgotten; the host itself is untouched" if kind == "ssh" else "is gone"
        console.out.print(f"{name} {gone}.")


for each in entry_points(group=COMMANDS):
    each.load()(app)
arrange(app)
