"""The command `lab exercise check`: what a test would say of an exercise, and its release gate."""

from __future__ import annotations

import shlex
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from lab import console, paths
from lab.cli_exercise import app as exercise_app
from lab.cli_options import JsonOption
from lab.errors import LabError

if TYPE_CHECKING:
    from grading.author.rules import Held
    from grading.author.subject import Subject


@dataclass(frozen=True)
class Report:
    """What there is to say of one exercise."""

    number: str
    title: str
    wrong: dict[str, list[str]]
    """By the rule's name; a rule that holds is not there."""
    open: tuple[str, ...]
    """What is not wrong, and still to be done."""


def register(app: typer.Typer) -> None:
    """Add the command to `lab`, which knows `lab exercise` already."""
    del app  # its part for exercises is the one that grows
    exercise_app.command()(check)


def check(
    number: Annotated[
        str | None, typer.Argument(metavar="[NN]", help="The exercise; all if none is named.")
    ] = None,
    gate: Annotated[
        bool,
        typer.Option(
            "--gate", help="Afterwards the release gate of this exercise, in a VM: it takes some minutes."
        ),
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Say what is wrong with an exercise, and what is still to be written.

    Guide, questions, hints, points, regions, stubs, and what a student begins with: all that can be
    known without a VM. With [bold]--gate[/bold] also what only a VM tells: the starter gets no point in it, the
    reference all, and each mutant loses exactly its checks.

    Ends with 1 where something is wrong.
    """
    from grading.author import rules, sources, subject

    if gate and number is None:
        raise LabError("The gate is that of one exercise", "Name it: lab exercise check 11 --gate.")
    found = subject.subjects(*([number] if number is not None else []))
    reports = [_report(each, (*rules.RULES, *sources.RULES)) for each in found]
    if json_:
        console.print_json([asdict(report) for report in reports])
    else:
        for report in reports:
            _show(report)
    if any(report.wrong for report in reports):
        raise typer.Exit(1)
    if gate:
        _gate(found[0])


def _report(subject: Subject, held: tuple[Held, ...]) -> Report:
    from grading.author import rules
    from lab.exercises import drafts

    wrong = {}
    for each in held:
        if said := rules.broken(each, subject):
            wrong[each.name] = said
    todos = [
        f"{path.relative_to(subject.folder)}: {drafts.TODO} in line {', '.join(map(str, lines))}"
        for path, lines in drafts.todos(subject.folder).items()
    ]
    return Report(subject.exercise.number, subject.exercise.title, wrong, (*todos, *rules.mutants(subject)))


def _show(report: Report) -> None:
    mark = "[red]✗[/red]" if report.wrong else "[yellow]◦[/yellow]" if report.open else "[green]✓[/green]"
    console.out.print(f"{mark} [bold]{report.number} · {escape(report.title)}[/bold]")
    for name, sentences in report.wrong.items():
        console.out.print(f"  [red]✗[/red] not so: {escape(name)}")
        for sentence in sentences:
            console.out.print(f"      {escape(sentence)}")
    for sentence in report.open:
        console.out.print(f"  [yellow]◦[/yellow] {escape(sentence)}")


def _gate(subject: Subject) -> None:
    """Grade the exercise before and after, then all mutants that lose one of its checks.

    The gate is no part of the package: it lies among the project's tests, in a checkout.

    Raises:
        LabError: it is not there, or something in it is wrong.
    """
    tests = paths.CHECKOUT / "tests"
    if not (tests / "stages").is_dir():
        raise LabError(f"The release gate is not in {tests}", "Run it in a clone of the repository.")
    number = subject.exercise.number
    commands = [[str(tests / "stages"), "--only", number]]
    losing = sorted({name for check in subject.checks for name in subject.losing.get(check.id, ())})
    if losing:
        commands.append([str(tests / "mutants"), "--only", ",".join(losing), "--jobs", "1"])
    else:
        console.err.print("No mutant loses a check of this exercise, so none is looked at.")
    failed = []
    for command in commands:
        console.err.print(f"[dim]{escape(shlex.join(['python', *command]))}[/dim]")
        if subprocess.run([sys.executable, *command], check=False).returncode:
            failed.append(command[0].rpartition("/")[2])
    if failed:
        raise LabError(
            f"The release gate does not hold for exercise {number}: {' and '.join(failed)}",
            "What is wrong is said above.",
        )
    console.out.print(f"[green]The release gate holds for exercise {number}.[/green]")
