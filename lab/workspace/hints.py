"""Which hint a student gets next: of the check or region that is meant, the next of its three stages.

A hint is written for a check or for a region (`exercise.toml`), and otherwise for one track where that is
built in another way. Where a check has none, what its author says in a few words is the only stage.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.errors import LabError
from lab.exercises import guides
from lab.exercises.catalogue import Exercise, Region, Track
from lab.workspace.next import untouched_regions
from lab.workspace.progress import STAGES, Kept, Progress, Stage
from lab.workspace.state import Workspace


@dataclass(frozen=True)
class Shown:
    """A hint as a student gets it."""

    exercise: str
    """The number of the exercise."""
    target: str
    """The id of a check, or the name of a region."""
    title: str
    """What the target is, in words; may be empty."""
    stage: Stage
    text: str
    left: int
    """How many stages come after it."""
    again: bool
    """Whether all had been shown before: then it is the last, once more."""


def choose(
    workspace: Workspace, exercises: Sequence[Exercise], progress: Progress, wanted: str | None
) -> Shown:
    """The next hint.

    Args:
        workspace: the student's.
        exercises: all.
        progress: what is remembered.
        wanted: an exercise's number or folder, a check's id, a region's name; None for the first check
            of the last `lab check` that did not pass.

    Raises:
        LabError: there is no such thing, not in the workspace's track, or nothing to give a hint for.
    """
    exercise, target, kept = _meant(workspace, exercises, progress, wanted)
    hint = exercise.hint(target, workspace.track)
    values = workspace.values(exercise)
    regions = {each.name: each.summary_in(workspace.track) for each in exercise.regions}
    title = kept.title if kept else regions.get(target, "")
    if hint is None:
        if kept is None or not kept.hint:
            raise LabError(f"There is no hint for {target}", f"`lab guide {exercise.number}` explains it.")
        again = bool(progress.stages_taken(target))
        return Shown(exercise.number, target, title, "nudge", kept.hint, 0, again)
    taken = len(progress.stages_taken(target))
    stage = STAGES[min(taken, len(STAGES) - 1)]
    text = guides.render(getattr(hint, stage), values, f"exercise {exercise.number}")
    left = max(len(STAGES) - taken - 1, 0)
    return Shown(exercise.number, target, title, stage, text, left, taken == len(STAGES))


def _meant(
    workspace: Workspace, exercises: Sequence[Exercise], progress: Progress, wanted: str | None
) -> tuple[Exercise, str, Kept | None]:
    """The exercise, the target in it, and the check's last verdict where the target is one."""
    by_number = {each.number: each for each in exercises}
    if wanted is None:
        last = [each for id_ in progress.last if (each := progress.kept(id_))]
        # What is kept may be of a kit that had other exercises.
        failing = _first_failing([each for each in last if each.exercise in by_number])
        if failing is None:
            raise LabError(
                "No check has failed, as far as is known" if progress.last else "Nothing was checked so far",
                "`lab check` runs the checks; `lab hint 05` gives a hint for an exercise.",
            )
        return by_number[failing.exercise], failing.id, failing
    if exercise := next((each for each in exercises if _names(each, wanted)), None):
        return _in(workspace, exercise, progress)
    for exercise in exercises:
        for region in exercise.regions:
            if wanted == region.name:
                if workspace.track not in region.files:
                    raise _missing(region, workspace.track)
                return exercise, wanted, None
        kept = progress.kept(wanted)
        if exercise.hint(wanted) or (kept is not None and kept.exercise == exercise.number):
            return exercise, wanted, kept
    raise LabError(
        f"There is neither an exercise, nor a check, nor a region called {wanted!r}",
        "`lab check` names the checks, such as containers.starts; `lab hint 05` means an exercise.",
    )


def _names(exercise: Exercise, text: str) -> bool:
    return text in (exercise.number, exercise.folder.name, exercise.number.lstrip("0") or "0")


def _in(workspace: Workspace, exercise: Exercise, progress: Progress) -> tuple[Exercise, str, Kept | None]:
    """What a hint for an exercise is about: the first check that failed; else what nobody has written yet."""
    failing = _first_failing(progress.of(exercise.number))
    if failing is not None:
        return exercise, failing.id, failing
    for region in untouched_regions(workspace, exercise):
        if exercise.hint(region.name):
            return exercise, region.name, None
    raise LabError(
        f"In exercise {exercise.number} no check has failed, as far as is known",
        f"`lab check {exercise.number}` looks; `lab guide {exercise.number}` explains.",
    )


def _first_failing(checks: Sequence[Kept]) -> Kept | None:
    return next((each for each in checks if each.verdict == "failed"), None)


def _missing(region: Region, track: Track) -> LabError:
    return LabError(
        f"The track {track} has no region {region.name}",
        f"`lab guide {region.exercise}` says what it has instead.",
    )
