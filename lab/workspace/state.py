"""What a workspace is: a folder with a `boxwright.toml`, which says whose it is and of which track.

    track = "python"
    student = "s1234567"
    course_seed = "autumn"

That file is the student's own, lies under version control, and follows the workspace wherever it is copied
to. What only this host needs (backups, progress) is in `.boxwright/`, which does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.exercises import parameters, tables
from lab.exercises.catalogue import TRACKS, Exercise, Track
from lab.exercises.own import Own, own_of

FILE = "boxwright.toml"
PRIVATE = ".boxwright"
"""The folder of what only this host needs."""


@dataclass(frozen=True)
class Workspace:
    """A workspace on this host."""

    folder: Path
    track: Track
    student: str = ""
    """Empty where nobody said."""
    course_seed: str = ""

    @property
    def private(self) -> Path:
        """Where things of this host only are kept; it need not be there."""
        return self.folder / PRIVATE

    def make_private(self) -> Path:
        """The same, and it is there.

        Raises:
            LabError: something else has its name.
            OSError: this host cannot write there.
        """
        try:
            self.private.mkdir(exist_ok=True)
        except FileExistsError:
            raise LabError(
                f"{self.private} is no folder", "Move it away: what this host alone needs is kept in one."
            ) from None
        return self.private

    def values(self, exercise: Exercise) -> dict[str, str | int]:
        """The student's own parameters of an exercise."""
        return parameters.values(exercise.parameters, self.student, self.course_seed)

    def own(self, exercise: Exercise) -> Own:
        """All that is the student's own in an exercise: parameters, and the letters of choices."""
        return own_of(exercise, self.student, self.course_seed)


def top_of(place: Path) -> Path | None:
    """The folder of the workspace that a place is in; None where it is in none."""
    place = place.resolve()
    return next((folder for folder in (place, *place.parents) if (folder / FILE).is_file()), None)


def find(place: Path) -> Workspace:
    """The workspace that a place is in.

    Raises:
        LabError: it is in none, or its file says something that makes no sense.
    """
    folder = top_of(place)
    if folder is None:
        raise LabError(
            f"{place} is in no workspace: there is no {FILE} in it or above it",
            "Go to yours, or make one with `lab init`.",
        )
    return read(folder)


def read(folder: Path) -> Workspace:
    """The workspace in a folder.

    Raises:
        LabError: its file cannot be read, or makes no sense.
    """
    path = folder / FILE
    remedy = "Correct it; `lab init` elsewhere shows what it looks like."
    content = tables.content(path, remedy)
    track = next((each for each in TRACKS if each == content.get("track")), None)
    if track is None:
        raise LabError(f"{path}: track is none of {', '.join(TRACKS)}", remedy)
    said = {key: content.get(key, "") for key in ("student", "course_seed")}
    for key, value in said.items():
        if not isinstance(value, str):
            raise LabError(f"{path}: {key} must be a text in quotation marks", remedy)
    return Workspace(folder, track, said["student"], said["course_seed"])
