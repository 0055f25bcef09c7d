"""The short form: of each mutant the named checks, their parents, and all others that look at the same events.

A check costs little beside its scenario, which is shared. So the neighbours that are run are those
for which nothing more has to happen in the guest.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from implementations import Implementation
from kept import KeptGuest, MutantSession
from patches import Mutant

from grading.api.checks import Check
from grading.api.scenarios import KNOWN
from grading.guest.tools import Tools
from grading.plugin import declared
from grading.run.inside import judge
from grading.verdicts import CheckResult
from lab.errors import LabError


def changed_files(implementation: Implementation, mutants: Sequence[Mutant]) -> dict[str, bytes]:
    """What patches make, one after the other, of the files that they change.

    Raises:
        LabError: it does not apply.
    """
    with tempfile.TemporaryDirectory(prefix="boxwright-") as folder:
        implementation.copy(Path(folder))
        for mutant in mutants:
            mutant.apply(Path(folder))
        return {name: (Path(folder) / name).read_bytes() for mutant in mutants for name in mutant.files}


def grade(
    kept: KeptGuest, tools: Tools, implementation: Implementation, mutants: Sequence[Mutant]
) -> dict[str, CheckResult]:
    """The verdicts on a mutant, or on several as one submission.

    Raises:
        LabError: it does not apply, or names a check that there is not; or the machine is lost.
    """
    names = " ".join(each.name for each in mutants)
    session = MutantSession.of(kept, tools, implementation, changed_files(implementation, mutants), names)
    session.scenarios.one_by_one = any(each.one_by_one for each in mutants)
    loses = frozenset().union(*(each.loses for each in mutants))

    def choose(items: Mapping[str, pytest.Item]) -> frozenset[str]:
        if missing := loses - set(items):
            raise LabError(
                f"Checks are named that there are not, in {names}: {', '.join(sorted(missing))}",
                "exercises/README.md lists them.",
            )
        return neighbourhood({id_: (checked(item), _scenarios(item)) for id_, item in items.items()}, loses)

    return judge(session, names, choose)


def checked(item: pytest.Item) -> Check:
    """What a check's item declares."""
    check = declared(item)
    assert check is not None
    return check


def _scenarios(item: pytest.Item) -> frozenset[str]:
    return frozenset(name for name in getattr(item, "fixturenames", ()) if name in KNOWN)


def neighbourhood(checks: dict[str, tuple[Check, frozenset[str]]], named: frozenset[str]) -> frozenset[str]:
    """These checks, their parents, and all whose scenarios run for these anyway.

    Args:
        checks: by id, each with the names of its scenarios.
        named: ids.
    """
    chosen: set[str] = set()
    left = list(named)
    while left:
        each = left.pop()
        if each not in chosen:
            chosen.add(each)
            left.extend(need for need in checks[each][0].needs if need in checks)
    running = frozenset().union(*(checks[each][1] for each in chosen))
    while more := [
        each
        for each, (check, scenarios) in checks.items()
        if each not in chosen and scenarios and scenarios <= running and chosen.issuperset(check.needs)
    ]:
        chosen.update(more)
    return frozenset(chosen)
