"""The commands `lab check` and `lab watch`, and how `lab` gets all commands of this package."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.student.command_list import list_
from grading.student.command_shell import shell
from grading.student.command_submit import submit
from lab import console, program
from lab.cli_options import JsonOption
from lab.errors import LabError

if TYPE_CHECKING:
    from grading.student.checking import Outcome
    from grading.verdicts import CheckResult
    from lab.console import Progress
    from lab.exercises.catalogue import Exercise
    from lab.workspace.state import Workspace

ExerciseArgument = Annotated[
    str | None,
    typer.Argument(metavar="[EXERCISE]", help="Its number; the one that is next if none is named."),
]
OnlyOption = Annotated[
    str | None,
    typer.Option(
        metavar="CHECK,…", help="Only these checks, by id or group, and what they build on: starts,control."
    ),
]

UNDECIDED = 2
"""The exit status where something could not be found out."""


def register(app: typer.Typer) -> None:
    """Give `lab` the commands of this package."""
    app.command(name="list")(list_)
    app.command()(check)
    app.command()(watch)
    app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(shell)
    app.command()(submit)


def check(
    context: typer.Context,
    exercise: ExerciseArgument = None,
    only: OnlyOption = None,
    json_: JsonOption = False,
) -> None:
    """Run the checks of an exercise on your engine and module: the same that grade.

    They run in a machine of the workspace's own, which is kept for the next time, is listed by `lab status`,
    and goes away when nothing was asked of it for half an hour. What you break in it is replaced. They ask for
    level 2, the whole contract, also where a course grades level 1 of it, which is less. Ends with 0
    where all passed, 1 where something failed, 2 or more where it could not be found out.
    """
    from lab.workspace import state

    try:
        workspace = state.find(Path.cwd())
        outcome = _checked(workspace, _meant(workspace, exercise), _names(only), context.obj)
    except LabError as error:
        error.exit_status = max(error.exit_status, UNDECIDED)  # 1 says that a check failed
        raise
    except OSError as error:
        setattr(error, program.STATUS, UNDECIDED)
        raise
    if json_:
        console.print_json(outcome.to_json())
    else:
        _show(workspace, outcome)
    sys.exit(status_of(outcome))


def status_of(outcome: Outcome) -> int:
    """The exit status that tells it: 0 all passed, 1 something failed, 2 something could not be decided."""
    if outcome.passed:
        return 0
    return UNDECIDED if outcome.undecided else 1


def watch(
    context: typer.Context,
    exercise: ExerciseArgument = None,
    only: OnlyOption = None,
) -> None:
    """Run the checks again each time a file is saved; Ctrl-C ends it."""
    from grading.student.watching import changes
    from lab.workspace import state

    workspace = state.find(Path.cwd())
    for _ in changes(workspace):
        meant = _meant(workspace, exercise)
        if console.out.is_terminal:
            console.out.clear()
        try:
            _show(workspace, _checked(workspace, meant, _names(only), context.obj))
        except LabError as error:
            console.report(error)
        console.out.print("[dim]waiting for a file to be saved; Ctrl-C ends it[/dim]")


def _names(only: str | None) -> list[str]:
    return [name.strip() for name in (only or "").split(",") if name.strip()]


def _meant(workspace: Workspace, named: str | None) -> Exercise:
    """The exercise that is named, or the one that is next."""
    from grading.student.standing import next_one
    from lab.exercises import catalogue

    if named is not None:
        return catalogue.exercise(named)
    return next_one(workspace)


def _checked(workspace: Workspace, exercise: Exercise, only: list[str], named: str | None) -> Outcome:
    from grading.student.checking import check as run
    from lab.workspace import asked

    asked.tell_nobodys(workspace)
    with console.progress() as progress:
        return run(workspace, exercise, only, named, progress, _Counter(progress))


class _Counter:
    """Tells how far the checks are."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._failed = 0

    def __call__(self, result: CheckResult, done: int, of: int) -> None:
        """One more verdict."""
        self._failed += result.verdict == "failed"
        failed = f", {self._failed} failed" if self._failed else ""
        self._progress.detail(f"{done} of {of}{failed}")


def _show(workspace: Workspace, outcome: Outcome) -> None:
    from grading.student.report import show

    show(console.out, workspace, outcome)
