"""What is asked of a student in this workspace: everything there is, or what the course chose."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from lab import console
from lab.course.course import of_workspace
from lab.exercises import answers, catalogue
from lab.exercises.answers import AnswerVerdict
from lab.exercises.catalogue import Exercise
from lab.workspace.state import Workspace


def exercises(workspace: Workspace) -> tuple[Exercise, ...]:
    """The exercises of the workspace's course; all where it is of none.

    Raises:
        LabError: its `course.toml` makes no sense.
    """
    course = of_workspace(workspace.folder)
    return catalogue.exercises() if course is None else tuple(each.exercise for each in course.exercises)


def hidden(workspace: Workspace) -> frozenset[str]:
    """Ids and groups of checks of which the course tells only title, verdict and points.

    Raises:
        LabError: the workspace's `course.toml` makes no sense.
    """
    course = of_workspace(workspace.folder)
    return frozenset(course.hidden) if course is not None else frozenset()


def tell_nobodys(workspace: Workspace) -> None:
    """Say on standard error that nobody has said whose a course's workspace is, where it is so.

    Raises:
        LabError: the workspace's `course.toml` makes no sense.
    """
    if not workspace.student and of_workspace(workspace.folder) is not None:
        console.err.print(
            "[yellow]This workspace is nobody's yet, so its numbers and letters are not yours. "
            "Say who you are: lab course join ID[/yellow]"
        )


def told_answers(
    workspace: Workspace, exercise: Exercise, measured: Mapping[str, float] | None = None
) -> list[AnswerVerdict]:
    """What the student may be told of the answers to an exercise's questions.

    Args:
        workspace: the student's.
        exercise: whose questions.
        measured: what its checks measured on the machine, by the name of the measurement.

    Raises:
        LabError: the workspace's `course.toml` makes no sense.
    """
    course = of_workspace(workspace.folder)
    shown = answers.SHOWN if course is None else course.answers_shown
    sheet = workspace.folder / answers.NAME
    return answers.told(answers.judge(exercise, workspace.own(exercise), sheet, measured), shown)


def in_anothers_order(workspace: Workspace, verdicts: Sequence[AnswerVerdict]) -> list[AnswerVerdict]:
    """Those of the questions whose choices the answer sheet shows in an order that is not the student's.

    So it is where somebody has changed the id in `boxwright.toml` since the sheet was made. A letter that was
    chosen by such a sheet would be judged as another choice, and of letters nobody is told that they are wrong.
    """
    try:
        text = (workspace.folder / answers.NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []
    shown = set(re.findall(r"^# ([a-h]: .+?)\s*$", text, re.MULTILINE))
    said = {line[3:] for line in shown}
    return [
        each
        for each in verdicts
        if any(
            choice in said and f"{letter}: {choice}" not in shown
            for letter, choice in each.posed.choices.items()
        )
    ]
