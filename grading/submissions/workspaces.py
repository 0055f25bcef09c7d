"""What of a submission is a workspace: whose it says it is, and the student's answers. Only read, never believed."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from grading.submissions.site import printable
from lab.exercises import answers
from lab.exercises.answers import Sheet
from lab.workspace.state import FILE

MOST_BYTES = 16 << 10
"""Of `boxwright.toml`."""

LONGEST = 64
"""Characters of an id."""


@dataclass(frozen=True)
class Handed:
    """What a submission says of itself. Its student may have written anything there."""

    student: str = ""
    """Of `boxwright.toml`; empty where it names nobody."""
    course_seed: str = ""
    sheet: Sheet = field(default_factory=lambda: Sheet({}, {}, f"There is no {answers.NAME}."))
    is_workspace: bool = False
    """Whether it has a `boxwright.toml`: `lab init` made it, or somebody wants it to be taken for such."""


NOTHING = Handed()
"""Of a submission that is no workspace."""


def handed(root: Path) -> Handed:
    """What an opened submission holds of a workspace: the one that lies nearest to its top.

    Args:
        root: the top of its tree, in which there are no links (`grading.submissions.tree`).
    """
    for name in (FILE, answers.NAME):
        found = sorted(root.rglob(name), key=lambda path: (len(path.parts), path))
        places = [path.parent for path in found if path.is_file()]
        if places:
            said = _said(places[0] / FILE)
            return Handed(
                _word(said.get("student")),
                _word(said.get("course_seed")),
                answers.read(places[0] / answers.NAME),
                is_workspace=name == FILE,
            )
    return NOTHING


def _said(path: Path) -> dict[str, object]:
    try:
        with path.open("rb") as file:
            text = file.read(MOST_BYTES).decode("utf-8-sig")
        if any(len(line) > answers.LONGEST_LINE for line in text.split("\n")):
            return {}  # see there
        return dict(tomllib.loads(text))
    except (OSError, ValueError, RecursionError):
        return {}


def _word(value: object) -> str:
    return printable(value.strip()[:LONGEST]) if isinstance(value, str) else ""
