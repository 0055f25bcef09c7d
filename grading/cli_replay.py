"""The command `grade replay`: one failure, once more."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import console
from lab.cli_options import JsonOption
from lab.errors import LabError


def replay(
    bundle: Annotated[
        Path,
        typer.Argument(metavar="BUNDLE", help="results/replay/SUBMISSION/CHECK.zip, as `grade run` left it."),
    ],
    shell: Annotated[
        bool, typer.Option("--shell", help="Leave me in the VM, as root, at the moment of the failure.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Repeat exactly the check that failed, with what it builds on, in a fresh VM.

    The zip also holds what there was to see: failure.txt, transcript.txt, kernel.log and serial.log.
    """
    from grading import replay as replays
    from grading.run import bundles
    from grading.run.preparation import prepare

    found = bundles.read(bundle)
    with console.progress() as progress:
        ground = prepare(progress, found.job.suite or None)
    for sentence in replays.differences(found, ground):
        console.err.print(f"[yellow]note:[/yellow] {escape(sentence)}")
    if shell:
        replays.held(found, ground, _log_in)
        return
    with console.progress() as progress:
        progress.step(f"Repeating {found.check.id} for {found.job.submission}")
        now = replays.again(found, ground)
    if json_:
        console.print_json({"recorded": found.check.__dict__, "now": now.__dict__})
        return
    same = "as before" if now.verdict == found.check.verdict else f"and was {found.check.verdict}"
    console.out.print(f"[bold]{escape(now.id)}[/bold]: {now.verdict}, {same}.")
    for name in ("expected", "actual", "rationale", "hint"):
        if text := getattr(now, name):
            console.out.print(f"[dim]{name}[/dim] {escape(text)}")
    for line in now.kernel:
        console.out.print(f"[dim]kernel[/dim] {escape(line)}")


def _log_in(machine: str) -> None:
    """A root shell in the VM that is held; it goes when the shell ends."""
    from lab.machine.qemu import QemuMachine

    console.err.print(
        f"The check has just failed; this is its VM, {machine}, and it goes when you leave. The submission is in "
        "/submission, our tools in /run/boxwright-tools.",
    )
    address = QemuMachine.find(machine).address
    try:
        subprocess.run(["ssh", *address.openssh_options(), f"{address.user}@{address.host}"], check=False)
    except FileNotFoundError:
        raise LabError("ssh is not installed", "Run ./bootstrap.sh, which installs it.") from None
