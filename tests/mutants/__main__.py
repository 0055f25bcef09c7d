"""The release gate: `./bootstrap.sh python tests/mutants`. See README.md beside this."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import implementations
import outcome
import patches
import several
import together
import typer
import whole
from implementations import Implementation
from outcome import Outcome
from patches import Mutant

from grading.run.catalogue import all_checks
from lab import console, program
from lab.errors import LabError

STARTER_SHARE = 0.05
"""The most of all points that the untouched starter may get."""


def main(
    implementation: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this one: reference or c.")
    ] = None,
    only: Annotated[str | None, typer.Option(metavar="NAMES", help="Only these mutants.")] = None,
    whole_form: Annotated[
        bool, typer.Option("--whole", help="All checks on each, as a submission in a guest of its own.")
    ] = False,
    repeat: Annotated[
        int, typer.Option(min=0, metavar="N", help="No mutants: the whole suite so often, on what is right.")
    ] = 0,
    busy: Annotated[bool, typer.Option("--busy", help="Keep every processor busy meanwhile.")] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Guests at once.")] = 2,
    output: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="The result as JSON.")] = None,
) -> None:
    """Grade the grader: each mutant must lose exactly the checks that its file names.

    Ends with 1 where one does not.
    """
    try:
        chosen = _chosen(implementation)
        named = frozenset(name.strip() for name in (only or "").split(",") if name.strip())
        found = {each.name: patches.mutants(each, named) for each in chosen}
        if named - {mutant.name for group in found.values() for mutant in group}:
            raise LabError(
                "There is no such mutant", "`ls tests/mutants/reference tests/mutants/c` shows them."
            )
        if busy:
            with whole.busy_processors():
                outcomes = list(_told(_run(chosen, found, whole_form, repeat, jobs)))
        else:
            outcomes = list(_told(_run(chosen, found, whole_form, repeat, jobs)))
    except LabError as error:
        console.report(error)
        sys.exit(error.exit_status)
    checks = [check.id for check in all_checks()]
    left = {name: outcome.never_lost(checks, group) for name, group in found.items()}
    console.out.print(outcome.shown(outcomes))
    if not named and not repeat:
        for name, ids in left.items():
            console.out.print(
                f"{name}: {len(ids)} checks that no mutant loses: {', '.join(ids)}", highlight=False
            )
    if output:
        output.write_text(json.dumps(outcome.as_json(outcomes, left), indent=1) + "\n")
    wrong = [each.name for each in outcomes if not each.is_right]
    console.out.print(
        f"{len(outcomes) - len(wrong)} of {len(outcomes)} right"
        + (f"; wrong: {', '.join(wrong)}" * bool(wrong))
    )
    sys.exit(1 if wrong else 0)


def _chosen(name: str | None) -> list[Implementation]:
    if name is not None and name not in implementations.ALL:
        raise LabError(
            f"There is no implementation {name!r}", f"There is {' and '.join(implementations.ALL)}."
        )
    return [each for each in implementations.ALL.values() if name in (None, each.name)]


def _run(
    chosen: list[Implementation], found: dict[str, list[Mutant]], whole_form: bool, repeat: int, jobs: int
) -> Iterator[Outcome]:
    for each in chosen:
        if repeat:
            yield from several.repeat(each, repeat, jobs)
        elif whole_form:
            yield from several.grade_whole(each, found[each.name], jobs)
    if not whole_form and not repeat:
        yield from several.look_at(_groups(chosen, found), jobs)
    if whole_form or repeat:
        yield _starter()


def _groups(
    chosen: list[Implementation], found: dict[str, list[Mutant]]
) -> list[tuple[Implementation, list[Mutant]]]:
    checks = {check.id: check for check in all_checks()}
    every = []
    for each in chosen:
        # Those of many checks first: they are the hardest to find a place for.
        order = sorted(found[each.name], key=lambda mutant: (-len(mutant.loses), mutant.name))
        every += [(each, group) for group in together.groups(each, order, checks)]
    return every


def _starter() -> Outcome:
    began = time.monotonic()
    found = whole.grade_starter()
    points = sum(check.points for check in found.values())
    most = sum(check.max_points for check in found.values())
    problem = "" if points <= STARTER_SHARE * most else f"it gets {points:g} of {most:g} points"
    return Outcome("starter_c", "as it is", 0, 0, (), (), (), len(found), time.monotonic() - began, problem)


def _told(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Say each as it comes."""
    for each in outcomes:
        mark = "right" if each.is_right else "WRONG"
        console.err.print(
            f"{each.implementation}/{each.name}: {mark}, {each.lost} of {each.named} lost, "
            f"{each.run} run, {each.seconds:.1f} s"
            + "".join(f"\n    {line}" for line in outcome.wrong_lines(each)),
            highlight=False,
            markup=False,  # a kernel's lines have brackets, too
        )
        yield each


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, program.interrupt)
    typer.run(main)
