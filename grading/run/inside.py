"""Runs checks in this process, in a session that has its guest already, and may be asked to again and again."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

import grading.plugin
from grading.plugin import Grading, declared
from grading.run.job import Job
from grading.session import Session
from grading.verdicts import CheckResult
from lab import paths
from lab.errors import LabError

Choose = Callable[[Mapping[str, pytest.Item]], frozenset[str]]
"""From all checks, by id, the ids of those to be run."""


class InsideGrading(Grading):
    """A grading of a session that is there; it outlives the grading."""

    def __init__(self, config: pytest.Config, session: Session) -> None:
        super().__init__(config)
        self.job = Job(submission="inside", source="inside", level=session.level)
        self._session = session

    def pytest_unconfigure(self) -> None:
        """Nothing of this one may go on in the guest when the next one has it."""
        if self._session is not None:
            self._session.scenarios.end()


Make = Callable[[pytest.Config, Session], InsideGrading]


def judge(
    session: Session,
    what: str,
    choose: Choose,
    *,
    places: Sequence[Path] | None = None,
    make: Make = InsideGrading,
) -> dict[str, CheckResult]:
    """The verdicts of some checks in a session that has its guest already.

    Args:
        session: what is looked at.
        what: its name, for messages.
        choose: which checks.
        places: the files or folders in which they are looked for; where all exercises are if none is named.
        make: the hooks.

    Raises:
        LabError: they could not be run, or what `choose` raises.
        KeyboardInterrupt: Ctrl-C, or SIGTERM where that is made the same; pytest itself would only return then.
    """
    gate = _Gate(session, choose, make)
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        status = pytest.main(
            [
                *map(str, places if places is not None else paths.exercises()), f"--rootdir={paths.CHECKOUT}",
                "-c", os.devnull, "--import-mode=importlib",
                "-p", "no:cacheprovider", "-p", "no:unraisableexception", "-p", "no:threadexception",
                "-p", "no:warnings", "--disable-plugin-autoload", "-q", "-s",
            ],
            plugins=[gate, grading.plugin],
        )  # fmt: skip
    if gate.error is not None:
        raise gate.error
    if status == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) or gate.grading is None:
        raise LabError(f"The checks could not be run on {what}", detail=said.getvalue()[-4000:])
    return gate.grading.verdicts


class _Gate:
    """Puts a grading into pytest that has its guest already, and leaves it."""

    def __init__(self, session: Session, choose: Choose, make: Make) -> None:
        self.session = session
        self.choose = choose
        self.make = make
        self.error: LabError | None = None
        self.grading: InsideGrading | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        """Before the plugin does."""
        self.grading = self.make(config, self.session)
        config.pluginmanager.register(self.grading, grading.plugin.NAME)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Choose the checks, before the plugin chooses by its job."""
        by_id = {check.id: item for item in items if (check := declared(item))}
        chosen: frozenset[str] = frozenset()
        try:
            chosen = self.choose(by_id)
        except LabError as error:  # pytest would take it for a bug of its own
            self.error = error
        items[:] = [item for id_, item in by_id.items() if id_ in chosen]
