"""What is remembered of a student's way through the exercises: the last verdict of each check, and hints taken.

One JSON file in `.boxwright/`, written beside and renamed: a command that is killed loses nothing. Whoever
deletes it begins anew. Nothing in it is believed when marks are given.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

from lab.files import write_whole
from lab.workspace.state import Workspace

FILE = "progress.json"
FORMAT = 1
MOST_BYTES = 4 << 20
"""A file that is longer is not ours."""

MOST_POINTS = 1e6
"""No check gives more."""

Stage = Literal["nudge", "pointer", "nearly"]
STAGES: tuple[Stage, ...] = get_args(Stage)


@dataclass(frozen=True)
class Kept:
    """The last verdict of one check."""

    id: str
    exercise: str
    """The number of the exercise in whose folder it is."""
    verdict: str
    """`passed`, `failed`, `skipped` or `error`."""
    points: float
    max_points: float
    title: str
    hint: str = ""
    """The check's own, in a few words."""
    parent: str = ""
    """Of a skipped one: the check that did not pass."""
    sources: str = ""
    """Names the sources that were looked at; others mean that the verdict may be stale."""
    when: str = ""
    """ISO 8601."""


@dataclass(frozen=True)
class HintTaken:
    """A hint that was shown."""

    exercise: str
    target: str
    """The id of a check, or the name of a region."""
    stage: Stage
    when: str
    """ISO 8601; of the first time."""


@dataclass(frozen=True)
class Progress:
    """All of it."""

    checks: tuple[Kept, ...] = ()
    last: tuple[str, ...] = ()
    """Ids of the checks of the last `lab check`, in their order."""
    hints: tuple[HintTaken, ...] = ()

    def of(self, exercise: str) -> tuple[Kept, ...]:
        """The verdicts of an exercise's checks."""
        return tuple(each for each in self.checks if each.exercise == exercise)

    def kept(self, id_: str) -> Kept | None:
        """The verdict of one check; None where it was never run."""
        return next((each for each in self.checks if each.id == id_), None)

    def stages_taken(self, target: str) -> tuple[Stage, ...]:
        """The stages of a hint that were shown, in the order of the stages."""
        taken = {each.stage for each in self.hints if each.target == target}
        return tuple(stage for stage in STAGES if stage in taken)


def load(workspace: Workspace) -> Progress:
    """What is kept; nothing where there is no file, or one that makes no sense."""
    path = workspace.private / FILE
    try:
        if path.stat().st_size > MOST_BYTES:
            return Progress()
        value = json.loads(path.read_text(encoding="utf-8"))
        if value["format"] != FORMAT:
            return Progress()
        return Progress(
            tuple(_of(Kept, each) for each in value["checks"]),
            tuple(str(each) for each in value["last"]),
            tuple(each for each in (_of(HintTaken, one) for one in value["hints"]) if each.stage in STAGES),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Progress()


def _of(kind: Any, value: dict[str, Any]) -> Any:
    """One record; a field of another type than declared is as bad as one that is missing."""
    made = kind(**value)
    for each in dataclasses.fields(kind):
        said = getattr(made, each.name)
        if each.type == "float":
            if not isinstance(said, int | float) or not 0 <= said <= MOST_POINTS:  # nor is it nan
                raise TypeError(each.name)
        elif not isinstance(said, str):
            raise TypeError(each.name)
    return made


def _save(workspace: Workspace, progress: Progress) -> None:
    text = json.dumps({"format": FORMAT, **dataclasses.asdict(progress)}, indent=1, ensure_ascii=False)
    write_whole(workspace.private / FILE, text.encode())


def update(workspace: Workspace, change: Callable[[Progress], Progress]) -> Progress:
    """Change what is kept, one command at a time; returns what is kept now.

    Raises:
        LabError: something else has the name of the file or of its folder.
        OSError: this host cannot write there.
    """
    with (workspace.make_private() / f"{FILE}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        changed = change(load(workspace))
        _save(workspace, changed)
        return changed


def with_verdicts(progress: Progress, verdicts: Iterable[Kept], whole: str = "") -> Progress:
    """The same with these verdicts in the place of earlier ones, and as the last that were run.

    Args:
        progress: what was kept.
        verdicts: the new ones.
        whole: the number of an exercise of which all checks are among them: what else was kept of it is of checks
            that there are no more.
    """
    new = {each.id: each for each in verdicts}
    merged = {each.id: each for each in progress.checks if each.exercise != whole} | new
    checks = tuple(merged[id_] for id_ in sorted(merged, key=lambda one: (merged[one].exercise, one)))
    return dataclasses.replace(progress, checks=checks, last=tuple(new))


def with_hint(progress: Progress, exercise: str, target: str, stage: Stage) -> Progress:
    """The same with a hint that was shown; a second look at one is no second hint."""
    if stage in progress.stages_taken(target):
        return progress
    return dataclasses.replace(progress, hints=(*progress.hints, HintTaken(exercise, target, stage, now())))


def now() -> str:
    """The time, as it is kept."""
    return datetime.now(UTC).isoformat(timespec="seconds")
