"""Every exercise, before and after: `./bootstrap.sh python tests/stages`. See README.md beside this."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

sys.path.append(str(Path(__file__).resolve().parents[1] / "mutants"))

import stages
from implementations import REFERENCE, C
from kept import KeptGuest

from grading.guest.tools import tools
from grading.run import machines
from grading.run.inside import judge
from lab import console
from lab.errors import LabError
from lab.exercises import catalogue, starter
from lab.exercises.catalogue import Track

IMPLEMENTATIONS = {"python": REFERENCE, "c": C}
"""What is built and graded for each track, where a workspace does not have something else."""


def main(
    track: Annotated[str, typer.Option(metavar="TRACK", help="python or c.")] = "python",
    only: Annotated[str | None, typer.Option(metavar="NN,…", help="Only these exercises.")] = None,
) -> None:
    """Grade each exercise on the workspace of a student who begins with it, and of one who has done it.

    Ends with 1 where the first has a point, or the second lacks one.
    """
    try:
        numbers = [catalogue.number_of(each.strip()) for each in (only or "").split(",") if each.strip()]
        named = next((each for each in catalogue.TRACKS if each == track), None)
        if named is None:
            raise LabError(f"There is no track {track!r}", f"There is {' and '.join(catalogue.TRACKS)}.")
        outcomes = []
        for outcome in _outcomes(named, numbers or list(catalogue.folders())):
            console.err.print(outcome.shown, highlight=False, markup=False)
            outcomes.append(outcome)
    except LabError as error:
        console.report(error)
        sys.exit(error.exit_status)
    wrong = sorted({f"{each.number} {each.when}" for each in outcomes if not each.is_right})
    console.out.print(
        f"{len(outcomes) - len(wrong)} of {len(outcomes)} right"
        + (f"; wrong: {', '.join(wrong)}" * bool(wrong))
    )
    sys.exit(1 if wrong else 0)


def _outcomes(track: Track, numbers: list[str]) -> Iterator[stages.Outcome]:
    starter.check(track)
    implementation = IMPLEMENTATIONS[track]
    with console.progress(quiet=True) as progress:
        kit = tools(progress)
    kept = KeptGuest(machines.name(0), kit, implementation)
    try:
        for number in numbers:
            for when in stages.WHEN:
                began = time.monotonic()
                session = stages.session(kept, kit, implementation, track, number, when)
                found = judge(session, f"exercise {number}", stages.checks_of(number))
                yield stages.Outcome(
                    number, when, tuple(found.values()), stages.warnings(session), time.monotonic() - began
                )
    finally:
        kept.close()


if __name__ == "__main__":
    typer.run(main)
