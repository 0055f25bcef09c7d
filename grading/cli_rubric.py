"""The command `grade rubric`: by what written work is marked, and who lacks points."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Column, Table
from rich.text import Text

from grading.cli_gradebook import ResultsOption, results_folder
from lab import console
from lab.cli_options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from grading.gradebook.ledger import Row
    from grading.gradebook.rubrics import Named


def rubric(
    exercise: Annotated[
        str | None,
        typer.Argument(
            metavar="EXERCISE", help="Its criteria and levels in full; all exercises in short if none."
        ),
    ] = None,
    results: ResultsOption = None,
    json_: JsonOption = False,
) -> None:
    """Show by what written work is marked, and who has no points for it yet.

    Points are given by [dim]grade set ann --points 06.softirq=2[/dim]; how many there are the rubric says.
    """
    from grading.gradebook import rubrics
    from grading.gradebook.store import NAME

    named = rubrics.of_exercise(exercise) if exercise is not None else tuple(rubrics.criteria().values())
    folder = results_folder(results)
    rows: list[Row] | None = None
    weights: Mapping[str, Decimal] = {}
    # Without a gradebook there is nobody who could lack anything; but one that is named must be there.
    if results is not None or folder.is_file() or (folder / NAME).is_file():
        rows, weights = _gradebook(results)
        if exercise is None and weights:
            named = tuple(each for each in named if each.name in weights)
    if json_:
        console.print_json([_document(each, rows, weights) for each in named])
    elif exercise is None:
        console.out.print(_short(named, rows))
    else:
        for each in named:
            _in_full(each, rows, weights)


def _gradebook(results: Any) -> tuple[list[Row], Mapping[str, Decimal]]:
    from grading.gradebook import ledger
    from grading.gradebook.store import Gradebook

    with Gradebook.open(results_folder(results)) as gradebook:
        return list(ledger.of(gradebook).rows), gradebook.written().criteria


def _short(named: Sequence[Named], rows: list[Row] | None) -> Table:
    from grading.gradebook.rubrics import lacking

    table = Table("CRITERION", Column("POINTS", justify="right"), "EXERCISE", "WITHOUT POINTS", box=None)
    for each in named:
        missing = "" if rows is None else str(len(lacking(rows, each.name)) or "nobody")
        table.add_row(each.name, f"{each.criterion.points:g}", Text(each.exercise.title), missing)
    return table


def _in_full(each: Named, rows: list[Row] | None, weights: Mapping[str, Decimal]) -> None:
    from grading.gradebook.amounts import exact, plain
    from grading.gradebook.rubrics import lacking
    from grading.gradebook.text import line

    out = console.out
    weight = weights.get(each.name)
    counts = ""
    if weight is not None and weight != exact(each.criterion.points):
        counts = f", which count {plain(weight)} in the course"
    out.print(Text(f"{each.name}: {each.criterion.points:g} points{counts}", style="bold"))
    out.print(Text(_without_parameters(each)))
    for level in each.criterion.levels:
        out.print(Text(f"  {level}"))
    if rows is not None:
        missing = [line(title) for title in lacking(rows, each.name)]
        said = f"Without points: {', '.join(missing)}." if missing else "Nobody is without points."
        out.print(Text(said, style="yellow" if missing else "dim"))


def _without_parameters(each: Named) -> str:
    """What is asked, with nobody's numbers."""
    from lab.exercises import guides, parameters

    values = parameters.values(each.exercise.parameters, "", "")
    return guides.render(each.criterion.text, values, f"exercise {each.exercise.number}, rubric")


def _document(each: Named, rows: list[Row] | None, weights: Mapping[str, Decimal]) -> dict[str, Any]:
    from grading.gradebook.rubrics import lacking

    return {
        "criterion": each.name,
        "exercise": each.exercise.title,
        "text": _without_parameters(each),
        "points": each.criterion.points,
        "counts": float(weights.get(each.name, each.criterion.points)),
        "levels": each.criterion.levels,
        "without_points": None if rows is None else lacking(rows, each.name),
    }
