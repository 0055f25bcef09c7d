"""Where a student stands: points by the last verdicts, what was written, what is next."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from lab.errors import LabError
from lab.exercises import regions, starter
from lab.exercises.catalogue import Exercise
from lab.workspace import asked
from lab.workspace.next import untouched_regions
from lab.workspace.progress import Progress, load
from lab.workspace.state import Workspace

TOLD = frozenset(("right", "answered", "unmeasured"))
"""States of answers that are there and not known to be wrong."""


@dataclass(frozen=True)
class Standing:
    """One exercise of one student."""

    number: str
    title: str
    points: float
    """Earned by its checks, by their last verdicts."""
    max_points: float
    """To be earned by its checks; questions and written work come on top."""
    checked: bool
    """Whether any of its checks was ever run."""
    stale: bool
    """Whether sources have changed since."""
    written: int
    """Regions in which the stub does not stand any more."""
    regions: int
    answered: int
    """Questions with an answer that is not known to be wrong."""
    questions: int
    hints: int
    """Hints taken."""
    next: bool = False
    """Whether it is what a student does next."""


def standings(
    workspace: Workspace, exercises: Sequence[Exercise], current: Collection[str]
) -> tuple[Standing, ...]:
    """All exercises.

    Args:
        workspace: the student's.
        exercises: all, in order.
        current: names of the sources as they are now; verdicts on others are stale. Empty where it is not known.
    """
    progress = load(workspace)
    upcoming = _next(workspace, exercises, progress)
    return tuple(_standing(workspace, each, progress, current, each is upcoming) for each in exercises)


def next_one(workspace: Workspace) -> Exercise:
    """The exercise whose checks are run where none is named: the first that is not done.

    Raises:
        LabError: all are done.
    """
    found = _next(workspace, asked.exercises(workspace), load(workspace))
    if found is None:
        raise LabError(
            "Every exercise is done, as far as is known", "`lab check 05` checks one of them again."
        )
    return found


def points_of_checks(exercise: Exercise) -> float:
    """What the checks of an exercise give; the rest is for questions and written work."""
    others = [each.points for each in exercise.questions] + [each.points for each in exercise.rubric]
    return round(exercise.points - math.fsum(others), 6)


def _next(workspace: Workspace, exercises: Sequence[Exercise], progress: Progress) -> Exercise | None:
    return next((each for each in exercises if not _is_done(workspace, each, progress)), None)


def _is_done(workspace: Workspace, exercise: Exercise, progress: Progress) -> bool:
    """Whether all its points were earned, or its regions came solved; one in which nothing is written is skipped."""
    mine = [region for region in exercise.regions if workspace.track in region.files]
    if not mine:
        return True
    earned = math.fsum(each.points for each in progress.of(exercise.number))
    if earned >= points_of_checks(exercise):
        return not untouched_regions(workspace, exercise)
    # A later exercise's checks run some of this one's, on which they build: that alone does not undo it.
    if any(each.points < each.max_points for each in progress.of(exercise.number)):
        return False
    for path, bodies in starter.solutions(workspace.track, mine).items():
        try:
            here = regions.find((workspace.folder / path).read_text(encoding="utf-8"), path)
        except (OSError, UnicodeDecodeError, LabError):
            return False
        if any(name not in here or here[name].body != body for name, body in bodies.items()):
            return False
    return True


def _standing(
    workspace: Workspace, exercise: Exercise, progress: Progress, current: Collection[str], is_next: bool
) -> Standing:
    kept = progress.of(exercise.number)
    mine = [region for region in exercise.regions if workspace.track in region.files]
    verdicts = asked.told_answers(workspace, exercise)
    return Standing(
        number=exercise.number,
        title=exercise.title,
        points=round(math.fsum(each.points for each in kept), 6),
        max_points=points_of_checks(exercise),
        checked=bool(kept),
        stale=bool(current) and any(each.sources not in current for each in kept),
        written=len(mine) - len(untouched_regions(workspace, exercise)),
        regions=len(mine),
        answered=sum(each.state in TOLD for each in verdicts),
        questions=len(verdicts),
        hints=sum(each.exercise == exercise.number for each in progress.hints),
        next=is_next,
    )
