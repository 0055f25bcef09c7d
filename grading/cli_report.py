"""The command `grade report`: the pages of a graded class."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grading.cli_gradebook import ResultsOption, results_folder
from lab import console

if TYPE_CHECKING:
    from grading.pages.model import Similar


def report(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="The class's submissions; where it is named, similar ones are shown side by side.",
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Where to write the pages."),
    ] = Path("report"),
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What the class is called on its page.")
    ] = None,
    starter: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="What everybody was given; it is not compared."),
    ] = None,
    results: ResultsOption = None,
) -> None:
    """Write a page for the class and one for each submission, from what the gradebook holds.

    `index.html` and `instructor/` are for the instructor; `students/` is to hand out. Each page is one
    file that needs no network. A report that is there already is replaced.
    """
    from grading.gradebook import ledger
    from grading.gradebook.store import Gradebook
    from grading.pages.write import check_folder, write_report
    from lab.errors import LabError

    check_folder(output)
    where = results_folder(results)
    if starter is not None and folder is None:
        raise LabError("A starter is named, but no submissions", "Name their folder, too.")
    with Gradebook.open(where) as gradebook:
        graded = [entry.result for entry in gradebook.all_latest()]
        rows = ledger.of(gradebook)
    if not graded:
        raise LabError(f"The gradebook in {where} holds no result yet", "Grade the class with `grade run`.")
    similar = _similar(folder, starter) if folder is not None else []
    index = write_report(output, graded, title=title or _title(folder, where), ledger=rows, similar=similar)
    console.out.print(f"{len(graded)} submission{'s' * (len(graded) != 1)}: {index}", markup=False)


def _similar(folder: Path, starter: Path | None) -> list[Similar]:
    from grading.pages.side_by_side import of_class

    with console.progress() as progress:
        progress.step("Comparing the submissions")
        return of_class(folder, starter=starter, progress=progress)


def _title(folder: Path | None, where: Path) -> str:
    """A name for the class: that of its folder, or of the one that its results lie in."""
    if folder is not None:
        return folder.resolve().name
    results = where.resolve() if where.is_dir() else where.resolve().parent
    return results.parent.name if results.name == "results" else results.name
