"""Reads `submission.toml`, in which students may say what is where and how it is built.

    [engine]
    folder = "src"              # where the build runs; the file's own folder if not given
    build = ["make engine"]     # command lines, run in the VM one after another; as detected if not given
    program = "build/engine"    # below `folder`

    [monitor]
    folder = "kernel"
    build = ["make"]
    module = "monitor.ko"

Every key may be missing. Paths are relative and stay inside the submission.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from grading.submissions.site import as_laid_down, fits
from lab.errors import LabError
from lab.exercises import tables

NAME = "submission.toml"

LARGEST = 64 * 1024
"""Bytes."""

_PRODUCT = {"engine": "program", "monitor": "module"}
_REMEDY = "Correct the file, or take it away."


@dataclass(frozen=True)
class Declared:
    """What the file says about one half."""

    folder: str
    """Within the submission; `.` for its top."""
    build: tuple[str, ...] = ()
    """Empty: as detected."""
    product: str = ""
    """The program or module, below `folder`; empty: as detected."""


def declared(root: Path) -> dict[str, Declared]:
    """What a submission says of its `engine` and `monitor`; what it does not speak of is missing.

    Args:
        root: the top of an opened submission; of several such files the one nearest to it counts.

    Raises:
        LabError: the file is no TOML, or says what makes no sense.
    """
    files = sorted(root.rglob(NAME), key=lambda path: (len(path.parts), str(path)))
    files = [path for path in files if path.is_file()]
    if not files:
        return {}
    path = files[0]
    where = path.relative_to(root).as_posix()
    if path.stat().st_size > LARGEST:
        raise LabError(f"{where} is longer than {LARGEST:,} bytes", _REMEDY)
    content = tables.content(path, _REMEDY, called=where)
    unknown = sorted(set(content) - set(_PRODUCT))
    if unknown:
        raise LabError(f"{where} speaks of {unknown[0]!r}; it may hold [engine] and [monitor]", _REMEDY)
    base = path.parent.relative_to(root).as_posix()
    return {half: _half(half, content[half], where, base, root) for half in _PRODUCT if half in content}


def inside(path: str, where: str) -> str:
    """A relative path in its shortest form.

    Raises:
        LabError: it is absolute, leads out with `..`, or is longer than any that there can be.
    """
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts or "\0" in path:
        raise LabError(f"{where} is {path!r}, which does not stay inside the submission", _REMEDY)
    if not fits(pure.parts):
        raise LabError(f"{where} is longer than the path of a file can be", _REMEDY)
    return str(pure)


def _half(half: str, table: Any, where: str, base: str, root: Path) -> Declared:
    if not isinstance(table, dict):
        raise LabError(f"[{half}] in {where} is no table", _REMEDY)
    allowed = ("folder", "build", _PRODUCT[half])
    unknown = sorted(set(table) - set(allowed))
    if unknown:
        raise LabError(f"[{half}] in {where} has {unknown[0]!r}; it may have {', '.join(allowed)}", _REMEDY)
    folder, product = table.get("folder", "."), table.get(_PRODUCT[half], "")
    build = table.get("build", [])
    if not isinstance(folder, str) or not isinstance(product, str):
        raise LabError(f"paths of [{half}] in {where} must be text", _REMEDY)
    if not isinstance(build, list) or not all(isinstance(line, str) and line.strip() for line in build):
        raise LabError(f"build of [{half}] in {where} must be a list of command lines", _REMEDY)
    folder = str(PurePosixPath(base) / inside(folder, f"folder of [{half}] in {where}"))
    said, folder = folder, as_laid_down(folder)
    if not (root / folder).is_dir():
        raise LabError(f"folder of [{half}] in {where} is {said!r}, which is not there", _REMEDY)
    if product:
        product = inside(product, f"{_PRODUCT[half]} of [{half}] in {where}")
    return Declared(folder, tuple(build), product)
