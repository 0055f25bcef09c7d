"""All checks there are, known without running any: what a result must hold, and what `--only` may name."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import ModuleType

from grading.api.checks import MARK, Check
from grading.run.content import EXERCISES
from grading.run.job import Job
from grading.verdicts import GROUPS
from lab import paths
from lab.errors import LabError
from lab.exercises.catalogue import folders


def all_checks(exercises: Path = EXERCISES) -> tuple[Check, ...]:
    """The checks below a folder, in the order in which they are written.

    Raises:
        LabError: a file of checks cannot be imported, or two checks have one id.
    """
    found: dict[str, Check] = {}
    for path in (path for top in paths.exercises(exercises) for path in sorted(top.rglob("test_*.py"))):
        for check in _declared(_imported(path)):
            if check.id in found:
                raise LabError(f"Two checks are called {check.id}, one of them in {path}", "Rename it.")
            found[check.id] = check
    return tuple(found.values())


def homes(checks: Iterable[Check], exercises: Path = EXERCISES) -> dict[str, str]:
    """The number of the exercise in whose folder each of these checks stands, by the check's id.

    Raises:
        LabError: a file of checks cannot be imported.
    """
    found = {
        check.id: number for number, folder in folders(exercises).items() for check in all_checks(folder)
    }
    return {check.id: found.get(check.id, "") for check in checks}


def wanted(job: Job, checks: Iterable[Check]) -> tuple[Check, ...]:
    """The checks that a job runs."""
    return tuple(check for check in checks if job.wants(check))


def chosen(checks: Sequence[Check], only: str | None, start: str | None) -> tuple[str, ...]:
    """The ids that `--only` and `--from` mean; none where neither is given, which is all of them.

    Args:
        checks: from `all_checks`.
        only: ids and groups with commas between them.
        start: an id or a group; this check and all after it.

    Raises:
        LabError: there is no such check, or none is left.
    """
    if only is None and start is None:
        return ()
    ids = [check.id for check in checks]
    if only is not None:
        names = [name.strip() for name in only.split(",") if name.strip()]
        there = {check.id for check in checks} | {check.group for check in checks}
        for name in names:
            known(name, there)
        ids = [check.id for check in checks if check.id in names or check.group in names]
    if start is not None:
        known(start, {check.id for check in checks} | {check.group for check in checks})
        first = next(at for at, check in enumerate(checks) if start in (check.id, check.group))
        after = {check.id for check in checks[first:]}
        ids = [each for each in ids if each in after]
    if not ids:
        raise LabError(
            "No check is left to be run", "`--only` and `--from` together leave none; name others."
        )
    return tuple(ids)


def with_parents(checks: Sequence[Check], id_: str, *, otherwise: bool = False) -> tuple[str, ...]:
    """A check and all that it builds on.

    Args:
        checks: all.
        id_: of the check.
        otherwise: also what may stand in for its parents.

    Raises:
        LabError: there is no such check.
    """
    by_id = {check.id: check for check in checks}
    known(id_, set(by_id))
    found: set[str] = set()
    left = [id_]
    while left:
        each = left.pop()
        if each not in found and each in by_id:
            found.add(each)
            left.extend((*by_id[each].needs, *(by_id[each].otherwise if otherwise else ())))
    return tuple(check.id for check in checks if check.id in found)


def known(name: str, there: set[str]) -> None:
    """Make sure that a name is among these of checks and groups.

    Raises:
        LabError: it is not.
    """
    if name not in there:
        near = sorted(each for each in there if name.partition(".")[0] == each.partition(".")[0])
        listed = ", ".join(near or [group for group in GROUPS if group in there])
        raise LabError(f"There is no check and no group of checks called {name!r}", f"There is: {listed}.")


def _imported(path: Path) -> ModuleType:
    name = f"boxwright_checks_{path.parent.name}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise LabError(
            f"The checks in {path} cannot be read: {type(error).__name__}: {error}",
            f"`{shlex.join(['pytest', str(path)])}` tells more.",
        ) from error
    return module


def _declared(module: ModuleType) -> list[Check]:
    found = []
    for name, value in vars(module).items():
        # Not what it imported from another file of checks.
        if name.startswith("test") and getattr(value, "__module__", "") == module.__name__:
            for mark in getattr(value, "pytestmark", ()):
                if mark.name == MARK:
                    found.append(mark.args[0])
    return found
