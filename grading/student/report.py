"""What a student reads after `lab check`: the table, and of the first failures what a tutor would say."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from grading.student.checking import Outcome, Verdict
from grading.student.kernel_words import meanings, telling
from lab.exercises import answers
from lab.workspace import asked
from lab.workspace.state import Workspace

EXPLAINED = 3
"""Failures that are told at length: whoever mends one often mends others."""

SIGNS = {
    "passed": "[green]✓[/green]",
    "failed": "[red]✗[/red]",
    "skipped": "[dim]·[/dim]",
    "error": "[yellow]?[/yellow]",
}
LONGEST = 600
"""Characters of what was seen; `--json` has all."""

MOST_LINES = 12
TREE = "/submission/"


def show(out: Console, workspace: Workspace, outcome: Outcome) -> None:
    """Print it all."""
    out.print(_table(outcome))
    _sum(out, outcome)
    failed = [each for each in outcome.verdicts if each.result.verdict == "failed"]
    blocking = [each for each in outcome.parents if each.result.verdict == "failed"]
    for each in blocking[:EXPLAINED]:
        _blocking(out, each, outcome)
    for each in failed[:EXPLAINED]:
        _failure(out, workspace, outcome, each)
    if len(failed) > EXPLAINED:
        out.print(f"\n[dim]… and {len(failed) - EXPLAINED} more; look at these first.[/dim]")
    _said(out, outcome)
    _answers(out, workspace, outcome)
    _next(out, outcome, bool(failed), blocking)


def _table(outcome: Outcome) -> Table:
    table = Table(
        "", Column("CHECK", overflow="fold"), Column("POINTS", justify="right"), box=None, pad_edge=False
    )
    for each in outcome.verdicts:
        result = each.result
        points = f"{result.points:g}/{result.max_points:g}" if result.max_points else ""
        note = {
            "skipped": f"  [dim]needs {escape(result.parent)}[/dim]",
            "error": "  [yellow]undecided[/yellow]",
        }
        dim = ("[dim]", "[/dim]") if result.verdict == "skipped" else ("", "")
        table.add_row(
            SIGNS[result.verdict],
            f"{dim[0]}{escape(each.title)}{dim[1]}{note.get(result.verdict, '')}",
            points,
        )
    return table


def _sum(out: Console, outcome: Outcome) -> None:
    exercise = outcome.exercise
    passed = sum(each.result.verdict == "passed" for each in outcome.verdicts)
    colour = "green" if outcome.passed else "bold"
    out.print(
        f"\n[{colour}]{exercise.number} {escape(exercise.title)}: {outcome.points:g} of {outcome.max_points:g} points"
        f"[/{colour}] [dim]({passed} of {len(outcome.verdicts)} checks passed, {outcome.seconds:.1f} s)[/dim]",
    )


def _blocking(out: Console, verdict: Verdict, outcome: Outcome) -> None:
    """A parent that did not pass: the reason for what was skipped."""
    if verdict.exercise == outcome.exercise.number:
        where = f"lab check {verdict.exercise} --only {verdict.result.id}"
    else:
        where = f"lab check {verdict.exercise}"
    out.print(
        f"\n[red]✗[/red] [bold]{verdict.exercise} {escape(verdict.result.id)}[/bold] fails, on which this builds: "
        f"[cyan]{where}[/cyan]\n  {escape(verdict.title)}",
    )
    _seen(out, verdict)


def _failure(out: Console, workspace: Workspace, outcome: Outcome, verdict: Verdict) -> None:
    result = verdict.result
    out.print(f"\n[red]✗[/red] [bold]{escape(verdict.title)}[/bold]  [dim]{escape(result.id)}[/dim]")
    if result.hidden:
        out.print("  [dim]This check does not tell more.[/dim]")
        return
    if result.rationale:
        out.print(f"  {escape(result.rationale)}")
    _seen(out, verdict)
    heading = outcome.explanation(verdict)
    out.print(
        f"  [dim]explained[/dim] lab guide {outcome.exercise.number}, “{escape(heading)}”\n"
        f"  [dim]stuck?   [/dim] lab hint {escape(result.id)}",
    )


def _seen(out: Console, verdict: Verdict) -> None:
    result = verdict.result
    for label, text in (("expected ", result.expected), ("seen     ", result.actual)):
        if text and not result.hidden:
            out.print(f"  [dim]{label}[/dim] {escape(_cut(text.replace(TREE, '')))}")
    if result.kernel:
        out.print("  [dim]the kernel said[/dim]")
        for line in telling(result.kernel):
            out.print(f"    {line}", markup=False, style="yellow")
        for meaning in meanings(result.kernel):
            out.print(f"  [dim]that means[/dim] {escape(meaning)}")


def _cut(text: str) -> str:
    """A text of readable length, its further lines set in."""
    lines = text.strip().splitlines()
    if len(lines) > MOST_LINES:
        lines = [
            *lines[: MOST_LINES // 2],
            f"… ({len(lines) - MOST_LINES} lines left out)",
            *lines[-MOST_LINES // 2 :],
        ]
    shown = "\n            ".join(lines)
    return shown if len(shown) <= LONGEST * 2 else f"{shown[:LONGEST]} … {shown[-LONGEST:]}"


def _said(out: Console, outcome: Outcome) -> None:
    """What engine and compilers themselves had to say."""
    for text in outcome.tracebacks:
        out.print("\n[bold]Your engine raised this:[/bold]")
        for line in text.splitlines()[-MOST_LINES:]:
            out.print(f"  {line}", markup=False)
    if outcome.warnings:
        out.print("\n[bold]The compiler said:[/bold]")
        for line in outcome.warnings[:MOST_LINES]:
            out.print(f"  {line}", markup=False)
    if outcome.replaced:
        times = "" if outcome.replaced == 1 else f" {outcome.replaced} times"
        out.print(
            f"\nThe machine broke and was replaced{times}; yours goes on as if nothing had been.",
        )
    for note in outcome.notes:
        out.print(f"[dim]{escape(note)}[/dim]")


def _answers(out: Console, workspace: Workspace, outcome: Outcome) -> None:
    """What can be told of the answers to the exercise's questions."""
    verdicts = asked.told_answers(workspace, outcome.exercise, outcome.measured)
    given = [each for each in verdicts if each.state != "missing"]
    if not verdicts:
        return
    out.print(f"\n{answers.NAME}: {len(given)} of {len(verdicts)} questions answered")
    for each in given:
        if each.state in ("wrong", "unclear"):
            out.print(f"  [red]✗[/red] {escape(each.question.id)}: {escape(each.why or each.state)}")
    for each in asked.in_anothers_order(workspace, verdicts):
        said = f"{each.question.id}: {answers.NAME} has the choices in the order of another id. Yours is:"
        out.print(f"  [yellow]![/yellow] {escape(said)}")
        for letter, choice in each.posed.choices.items():
            out.print(f"    {letter}: {choice}", markup=False)


def _next(out: Console, outcome: Outcome, failed: bool, blocking: list[Verdict]) -> None:
    number = outcome.exercise.number
    if blocking:
        words = f"next: lab check {blocking[0].exercise}"
    elif failed:
        words = f"next: lab hint {number} · lab logs · lab shell"
    elif outcome.passed:
        words = "next: lab list shows what comes now; commit first"
    else:
        words = f"what could not be decided is no fault of yours: lab check {number} again"
    out.print(f"\n[dim]{words}[/dim]")
