"""The short form: of each mutant the named checks, their parents, and all others that look at the same events.

A check costs little beside its scenario, which is shared. So the neighbours that are run are those
for which nothing more has to happen in the guest.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from implementations import Implementation
from kept import KeptGuest, MutantSession
from patches import Mutant

import grading.plugin
from grading.api.checks import Check
from grading.api.scenarios import KNOWN
from grading.guest.tools import Tools
from grading.plugin import Grading, declared
from grading.run.content import EXERCISES
from grading.run.job import Job
from grading.session import Session
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
    loses = frozenset().union(*(each.loses for each in mutants))

    def choose(items: Mapping[str, pytest.Item]) -> frozenset[str]:
        if missing := loses - set(items):
            raise LabError(
                f"Checks are named that there are not, in {names}: {', '.join(sorted(missing))}",
                "`grade checks` and grading/README.md list them.",
            )
        return neighbourhood({id_: (checked(item), _scenarios(item)) for id_, item in items.items()}, loses)

    return judge(session, names, choose)


Choose = Callable[[Mapping[str, pytest.Item]], frozenset[str]]
"""From all checks, by id, the ids of those to be run."""


def judge(session: Session, what: str, choose: Choose) -> dict[str, CheckResult]:
    """The verdicts of some checks in a session that has its guest already.

    Args:
        session: what is looked at.
        what: its name, for messages.
        choose: which checks.

    Raises:
        LabError: they could not be run, or what `choose` raises.
    """
    gate = _Gate(session, choose)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main(
            [
                str(EXERCISES), f"--rootdir={EXERCISES.parent}", "-c", os.devnull, "--import-mode=importlib",
                "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception",
                "-p", "no:dask", "-p", "no:warnings", "-q", "-s",
            ],
            plugins=[gate, grading.plugin],
        )  # fmt: skip
    if gate.error is not None:
        raise gate.error
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or gate.grading is None:
        raise LabError(f"The checks could not be run on {what}", detail=said.getvalue()[-4000:])
    return gate.grading.verdicts


def checked(item: pytest.Item) -> Check:
    """What a check's item declares."""
    check = declared(item)
    assert check is not None
    return check


class _Gate:
    """Puts a grading into pytest that has its guest already, and leaves it."""

    def __init__(self, session: Session, choose: Choose) -> None:
        self.session = session
        self.choose = choose
        self.error: LabError | None = None
        self.grading: _KeptGrading | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Before the plugin does."""
        self.grading = _KeptGrading(config, self.session)
        config.pluginmanager.register(self.grading, grading.plugin.NAME)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose the checks, before the plugin chooses by its job."""
        assert self.grading is not None
        by_id = {check.id: item for item in items if (check := declared(item))}
        chosen: frozenset[str] = frozenset()
        try:
            chosen = self.choose(by_id)
        except LabError as error:  # pytest would take it for a bug of its own
            self.error = error
        items[:] = [item for id_, item in by_id.items() if id_ in chosen]


class _KeptGrading(Grading):
    """A grading of a session that is there."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        super().__init__(config)
        self.job = Job(submission="mutant", source="mutant", level=2)
        self._session = session

    def pytest_unconfigure(self) -> None:
        """Nothing of this one may go on in the guest when the next one has it."""
        if self._session is not None:
            self._session.scenarios.end()


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
