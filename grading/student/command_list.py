"""The command `lab list`: the exercises, and where the student stands in each."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich.markup import escape
from rich.table import Column, Table

from lab import console
from lab.cli_options import JsonOption


def list_(json_: JsonOption = False) -> None:
    """List the exercises: points by the last checks, what is written, hints taken, and what is next."""
    from grading.student import work
    from grading.student.standing import standings
    from lab.errors import LabError
    from lab.workspace import asked, state

    workspace = state.find(Path.cwd())
    asked.tell_nobodys(workspace)
    try:
        current = frozenset(work.read(workspace).digests.values())
    except LabError:
        current = frozenset()  # what cannot be taken is told by `lab check` and `lab submit`
    found = standings(workspace, asked.exercises(workspace), current)
    if json_:
        console.print_json([asdict(each) for each in found])
        return
    numbers = [Column(name, justify="right") for name in ("POINTS", "WRITTEN", "ANSWERS", "HINTS")]
    table = Table("", "EXERCISE", *numbers, box=None, pad_edge=False)
    for each in found:
        points = f"{each.points:g}/{each.max_points:g}"
        done = each.checked and each.points >= each.max_points > 0
        colour = "green" if done else "bold" if each.next else "default"
        table.add_row(
            f"[{colour}]{each.number}[/]",
            f"[{colour}]{escape(each.title)}[/]" + ("  [cyan]← next[/cyan]" if each.next else ""),
            ("" if not each.max_points else points) + ("[yellow]~[/yellow]" if each.stale else " "),
            f"{each.written}/{each.regions}" if each.regions else "",
            f"{each.answered}/{each.questions}" if each.questions else "",
            str(each.hints or ""),
        )
    console.out.print(table)
    earned, most = (sum(getattr(each, name) for each in found) for name in ("points", "max_points"))
    stale = "  [yellow]~[/yellow] the sources have changed since" * any(each.stale for each in found)
    console.out.print(f"\n{earned:g} of {most:g} points by the checks.{stale}")
    upcoming = next((each.number for each in found if each.next), None)
    if upcoming is not None:
        console.out.print(
            f"[dim]next: lab guide {upcoming} · lab check {upcoming} · lab hint {upcoming}[/dim]"
        )
