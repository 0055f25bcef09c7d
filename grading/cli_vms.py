"""The command `grade vms`: the same checks on machines that run already."""

from __future__ import annotations

import dataclasses
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from grading.cli_gradebook import results_folder
from grading.cli_run import (
    EngineOption,
    FromOption,
    LevelOption,
    MonitorOption,
    OnlyOption,
    OutputOption,
    carry_out,
    conclude,
    settings,
)
from lab import console
from lab.cli_options import JsonOption
from lab.errors import LabError

EPILOG = """[bold]inventory.toml[/bold]

\\[defaults]                                for every machine that does not say it itself

user = "root"                             or one who may use sudo without a password

key = "~/.ssh/id_ed25519"

folder = "/home/student/project"          where the work lies on the machine

\\[\\[machine]]

host = "10.0.0.11"                        and port = 2222; or machine = "NAME" of one that `lab add` took

student = "ann"

host_key = "ssh-ed25519 AAAA…"            or a file; what ~/.ssh/known_hosts says is known by itself

source = "handed-in/ann"                  instead of folder: the work lies here, and is brought there

[bold]An Ansible inventory[/bold] (INI or YAML) says the same with ansible_host, ansible_port, ansible_user and
ansible_ssh_private_key_file, and with boxwright_student, boxwright_folder, boxwright_source, boxwright_host_key.
"""


def vms(
    inventory: Annotated[
        Path | None,
        typer.Argument(metavar="INVENTORY", help="Which machines: TOML of ours, or an Ansible inventory."),
    ] = None,
    vagrant: Annotated[
        bool, typer.Option("--vagrant", help="The machine of the Vagrantfile; see `lab --help`.")
    ] = False,
    folder: Annotated[
        str | None, typer.Option(metavar="PATH", help="With --vagrant: where the work lies on it.")
    ] = None,
    accept_host_keys: Annotated[
        bool,
        typer.Option(
            "--accept-host-keys", help="Trust the keys that machines show, where nothing says which."
        ),
    ] = False,
    level: LevelOption = None,
    engine: EngineOption = None,
    monitor: MonitorOption = None,
    only: OnlyOption = None,
    from_: FromOption = None,
    again: Annotated[bool, typer.Option("--again", help="Grade also what is done already.")] = False,
    json_: JsonOption = False,
    output: OutputOption = None,
) -> None:
    """Grade the work on running VMs over SSH, side by side. One that does not answer costs only itself.

    They are lab VMs, or what `lab add` or the playbook made of a host. Afterwards they are as before: what was
    started is ended, the module unloaded, what was laid there removed. Their owners are root on them and could
    forge what they tell, so marks that must hold come from `grade run`.
    """
    from grading.guest.tools import tools
    from grading.run.inventory import Listed, read
    from grading.run.pool import local
    from grading.run.preparation import LIMIT_SECONDS, without_machine
    from grading.run.vms import AT_ONCE, reached
    from lab.machine.record import VAGRANT_NAME

    if (inventory is None) == (not vagrant):
        raise LabError("It is not said which machines are meant", "Name an inventory, or give --vagrant.")
    if vagrant:
        if folder is None:
            raise LabError("It is not said where the work lies on the VM", "Give --folder PATH.")
        listed = [Listed(student=VAGRANT_NAME, machine=VAGRANT_NAME, folder=folder)]
    else:
        assert inventory is not None
        listed = read(inventory)
    ground = without_machine()
    wanted = settings(ground.checks, level or 0, engine, monitor, only, from_, again=again)
    results = results_folder(output)
    with tempfile.TemporaryDirectory(prefix="boxwright-vms-") as work, ExitStack() as stack:
        with console.progress() as progress:
            tools(progress)
            found = stack.enter_context(
                reached(listed, Path(work), progress, accept_host_keys=accept_host_keys)
            )
        ground = dataclasses.replace(ground, limit=LIMIT_SECONDS * found.slowness)
        wanted = dataclasses.replace(wanted, hosts=found.hosts or {"": ""})
        many = local(ground, min(AT_ONCE, len(listed)))
        graded = carry_out(found.folder, wanted, ground, many, results, missing=found.missing)
    conclude(graded, results, json_=json_)
