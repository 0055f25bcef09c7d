"""All figures in one table: `./bootstrap.sh python tests/benchmarks`."""

from __future__ import annotations

import os
import platform
import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.markdown import Markdown

sys.path.append(str(Path(__file__).resolve().parents[1] / "vagrant"))  # its private libvirtd serves here, too

import containers
import grading_class
import machines
import table
from stage import Stage, stage

from lab import console, program
from lab.errors import LabError

GROUPS = (
    "images",
    "starts",
    "vagrant",
    "runtimes",
    "logs",
    "control",
    "scans",
    "overshoot",
    "soak",
    "grading",
)


def main(
    only: Annotated[
        str | None, typer.Option(metavar="LIST", help=f"Only these groups: {', '.join(GROUPS)}.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Measurements behind each median.")] = 30,
    course: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="A course's run_all.sh, test.sh and submissions/, for `grading`."
        ),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where figures.md and figures.json go.")
    ] = Path("figures"),
) -> None:
    """Measure everything beside its peers and write one table; ends with 1 where something asked for is missed.

    An hour and more under emulation. Whatever else the machine does is in the figures.
    """
    wanted = only.split(",") if only else [each for each in GROUPS if each != "grading" or course]
    if unknown := set(wanted) - set(GROUPS):
        raise LabError(f"There is no group {sorted(unknown)[0]!r}", f"Choose among {', '.join(GROUPS)}.")
    if "grading" in wanted and course is None:
        raise LabError(
            "`grading` needs a course's own script to compare with", "Name its folder with --course."
        )
    rows: list[table.Row] = []
    surroundings = _surroundings()
    some, few = max(1, rounds // 3), max(1, rounds // 6)  # of what takes half a minute, or minutes
    with console.progress() as progress:

        def take(more: list[table.Row]) -> None:
            rows.extend(more)
            table.write(output, surroundings, rows)  # what was measured survives what goes wrong later

        if "images" in wanted:
            take(machines.images(progress))
        if "starts" in wanted:
            take(machines.starts(some, progress))
        if "vagrant" in wanted:
            take(machines.vagrants(few, progress))
        if "grading" in wanted and course is not None:
            take(grading_class.grading(course.resolve(), f"bench-{os.getpid()}", progress))
        measures = {
            "runtimes": lambda on: containers.runtimes(on, rounds),
            "logs": lambda on: containers.logs(on, rounds),
            "control": lambda on: containers.control(on, rounds),
            "scans": lambda on: containers.scans(on, rounds),
            "overshoot": lambda on: containers.overshoot(on, rounds),
            "soak": lambda on: containers.soak(on, 1000 if rounds >= 30 else 10 * rounds),
        }
        if set(wanted) & set(measures):
            with stage(f"bench-{os.getpid()}", progress) as found:
                surroundings |= _guest(found)
                for name, measure in measures.items():
                    if name in wanted:
                        take(measure(found))
    console.out.print(Markdown(table.markdown(surroundings, rows)))
    if any(row.holds is False for row in rows):
        sys.exit(1)


def _surroundings() -> dict[str, str]:
    return {
        "when": f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        "host": f"{platform.freedesktop_os_release().get('PRETTY_NAME')}, {os.cpu_count()} processors, "
        f"load {os.getloadavg()[0]:.1f} at the beginning",
    }


def _guest(found: Stage) -> dict[str, str]:
    record = found.machine.record
    told = found.machine.run(
        "uname -r; crun --version | head -1; runc --version | head -1; conmon --version | head -1"
    )
    return {"guest": f"{record.suite}, {record.accelerator}, " + ", ".join(told.text.splitlines())}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, program.interrupt)
    try:
        typer.run(main)
    except LabError as error:
        console.report(error)
        sys.exit(error.exit_status)
