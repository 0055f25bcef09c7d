"""Which exercise a student is at, as far as the workspace shows it by itself.

Whether something is right is for `lab check` to say. Here it is only asked what nobody has
touched yet: a region whose stub stands there as it was given, and, in an exercise without
regions, questions without an answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from lab.errors import LabError
from lab.exercises import regions, starter, tables
from lab.exercises.catalogue import Exercise, Region
from lab.workspace.state import Workspace

ANSWERS = "answers.toml"


def next_exercise(workspace: Workspace, exercises: tuple[Exercise, ...]) -> Exercise | None:
    """The first exercise in which something is untouched; None where nothing is, or it cannot be said."""
    answered = _answers(workspace)
    return next((each for each in exercises if _untouched(workspace, each, answered)), None)


def untouched_regions(workspace: Workspace, exercise: Exercise) -> tuple[Region, ...]:
    """The regions of an exercise in which the stub stands as it was given, in their order."""
    mine = tuple(region for region in exercise.regions if workspace.track in region.files)
    untouched: set[str] = set()
    for path, bodies in starter.stubs(workspace.track, mine).items():
        try:
            text = (workspace.folder / path).read_text(encoding="utf-8")
            there = regions.find(regions.replace(text, bodies, path), path)
            here = regions.find(text, path)
        except (OSError, UnicodeDecodeError, LabError):
            continue  # a file that is gone or has lost its markers was touched, certainly
        untouched |= {name for name in bodies if here[name].body == there[name].body}
    return tuple(region for region in mine if region.name in untouched)


def _untouched(workspace: Workspace, exercise: Exercise, answered: Mapping[str, object]) -> bool:
    if any(workspace.track in region.files for region in exercise.regions):
        return bool(untouched_regions(workspace, exercise))
    given = answered.get(exercise.number)
    return not isinstance(given, dict) or any(given.get(each.id, "") == "" for each in exercise.questions)


def _answers(workspace: Workspace) -> Mapping[str, object]:
    try:
        return tables.content(workspace.folder / ANSWERS)
    except LabError:
        return {}
