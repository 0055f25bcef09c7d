"""Puts stubs back into a workspace, and keeps what the student had written there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.exercises import catalogue, regions, starter
from lab.exercises.catalogue import Region
from lab.files import write_whole
from lab.workspace.state import Workspace

AS_THEY_ARE = "surrogateescape"
"""Bytes of another encoding, as of a name in a comment, go through a text unchanged (codecs, "Error Handlers")."""


@dataclass(frozen=True)
class Reset:
    """What was put into a workspace."""

    regions: tuple[str, ...]
    """Those that were changed; none where all were so already."""
    backup: Path | None
    """The folder in which the files lie as they were."""


def chosen(workspace: Workspace, exercise: str | None, region: str | None) -> tuple[Region, ...]:
    """The regions that a command line means.

    Args:
        workspace: the student's.
        exercise: its number or folder; None where the region's name says it.
        region: `buffer` or `05.buffer`; None for all of the exercise.

    Raises:
        LabError: there is no such exercise or region.
    """
    number = catalogue.number_of(exercise) if exercise is not None else ""
    every = [each for each in catalogue.all_regions() if workspace.track in each.files]
    here = [each for each in every if not number or each.exercise == number]
    if region is None:
        if not here:
            raise LabError(f"Exercise {number} has no regions", "There is nothing to write in it.")
        return tuple(here)
    found = [each for each in here if region in (each.name, each.name[3:])]
    if len(found) != 1:
        names = ", ".join(each.name for each in (found or here))
        what = "is no region" if not found else "may mean several regions"
        raise LabError(f"{region!r} {what}" + f" of exercise {number}" * bool(number), f"There is {names}.")
    return tuple(found)


def reset(workspace: Workspace, wanted: tuple[Region, ...]) -> Reset:
    """Put the stubs of these regions back, after a copy of each file that changes was made.

    Raises:
        LabError: a file or the markers of a region are gone; then nothing has changed.
        OSError: this host cannot write there.
    """
    return put(workspace, starter.stubs(workspace.track, wanted))


def put(workspace: Workspace, wanted: Mapping[str, Mapping[str, str]]) -> Reset:
    """Put something into regions, after a copy of each file that changes was made.

    Args:
        workspace: the student's.
        wanted: the bodies, by file and region, as `starter.stubs` and `starter.solutions` give them.

    Raises:
        LabError: a file or the markers of a region are gone; then nothing has changed.
        OSError: this host cannot write there.
    """
    before: dict[str, str] = {}
    after: dict[str, str] = {}
    names: list[str] = []
    for path, bodies in wanted.items():
        try:
            text = (workspace.folder / path).read_text(encoding="utf-8", errors=AS_THEY_ARE)
        except OSError as error:
            raise LabError(
                f"{workspace.folder / path} cannot be read: {error.strerror}",
                f"Bring it back, as with `git checkout -- {path}`.",
            ) from error
        new = regions.replace(text, bodies, path)
        if new != text:
            there, here = regions.find(new, path), regions.find(text, path)
            names += [name for name in bodies if here[name].body != there[name].body]
            before[path], after[path] = text, new
    if not after:
        return Reset((), None)
    backup = _backup(workspace, before)
    for path, text in after.items():
        place = workspace.folder / path
        write_whole(place, text.encode(errors=AS_THEY_ARE), place.stat().st_mode & 0o777)
    return Reset(tuple(names), backup)


def _backup(workspace: Workspace, files: dict[str, str]) -> Path:
    folder = workspace.make_private() / "backups"
    folder.mkdir(exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=time.strftime("%Y-%m-%d-%H%M%S-"), dir=folder))
    for path, text in files.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_text(text, encoding="utf-8", errors=AS_THEY_ARE)
    return made
