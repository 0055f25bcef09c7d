"""The commands `lab add` and `lab provision`: hosts that are there already become machines of the lab."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab import console
from lab.cli_options import MachineArgument, chosen
from lab.errors import LabError

if TYPE_CHECKING:
    from lab.machine.address import Destination


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="By which the machine is known from then on.")],
    host: Annotated[
        str,
        typer.Argument(
            metavar="[USER@]HOST[:PORT]",
            help="As whom to log in: root, or a user who may use sudo without a password. "
            "An IPv6 address stands in brackets where a port follows.",
        ),
    ],
    key: Annotated[
        Path | None,
        typer.Option(
            "--key", "-i", metavar="FILE", help="Private key to log in with; yours in ~/.ssh if none."
        ),
    ] = None,
    host_key: Annotated[
        str | None,
        typer.Option(
            "--host-key",
            metavar="FILE|LINE",
            help="The host's own public key, or a known_hosts file in which it is.",
        ),
    ] = None,
    accept_host_key: Annotated[
        bool, typer.Option("--accept-host-key", help="Trust the key that the host shows now.")
    ] = False,
) -> None:
    """Make a host that is there already a machine of the lab: Debian or Ubuntu, reached by SSH.

    The host's key is pinned now, and no other is accepted later. The playbook is run on the host:
    it installs packages, and lays files below /srv/boxwright and /usr/local. Again, it changes nothing.
    """
    from lab import hosts
    from lab.machine.address import destination
    from lab.machine.host_key import given

    if host_key and accept_host_key:
        raise LabError("Both --host-key and --accept-host-key are given", "Give one of them.")
    where = destination(host)
    if host_key:
        host_keys = given(host_key, where.host, where.port)
    else:
        host_keys = hosts.pinned(name, where) or (_trusted(where, accept=accept_host_key),)
    with console.progress() as progress:
        machine, outcome = hosts.add(name, where, progress, key=key, host_keys=host_keys)
    console.out.print(
        f"[green]{machine.name}[/green] is a machine of the lab: {where}, {machine.record.suite}; "
        f"the playbook: {outcome.ok} ok, {outcome.changed} changed. [dim]lab demo -m {machine.name}[/dim]",
    )


def _trusted(where: Destination, *, accept: bool) -> str:
    """The key that the host shows, where somebody takes it to be the right one.

    Raises:
        LabError: nobody did.
    """
    from lab.machine.host_key import fingerprint, scan

    shown = scan(where.host, where.port)
    console.err.print(f"The host key of {where} is {fingerprint(shown)}.", markup=False)
    if accept:
        return shown
    if not _somebody_listens():
        raise LabError(
            f"Nobody says that this is the right host key for {where}",
            "Compare it with `ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub` on the host and give "
            "--accept-host-key, or give the key itself with --host-key.",
        )
    console.err.print(
        "On the host, `ssh-keygen -l -f /etc/ssh/ssh_host_ed25519_key.pub` shows it.", markup=False
    )
    if not typer.confirm("Is it the right one?", err=True):
        raise LabError("The host key was not accepted, and nothing was kept")
    return shown


def _somebody_listens() -> bool:
    return sys.stdin.isatty() and console.err.is_terminal


def provision(machine: MachineArgument = None) -> None:
    """Run the playbook on a machine again; what is as it should be is left alone."""
    from lab.machine import kinds
    from lab.machine.record import locked
    from lab.provision import provision_machine

    name = chosen(machine)
    with locked(name), console.progress() as progress:
        found = kinds.find(name, progress)
        try:
            outcome = provision_machine(found, progress)
        finally:
            found.close()
    console.out.print(f"{name}: {outcome.ok} ok, {outcome.changed} changed, {outcome.seconds:.0f} s.")
