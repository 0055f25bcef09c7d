"""Results as they come from grading, and a class of them, without grading anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import strategies as st

from grading.gradebook.ledger import Ledger, assemble
from grading.gradebook.store import Entry
from grading.verdicts import CheckResult, Part, SubmissionResult, Verdict


def check(name: str, verdict: Verdict = "passed", points: float = 10, **other: Any) -> CheckResult:
    earned = points if verdict == "passed" else other.pop("earned", 0.0)
    return CheckResult(f"logs.{name}", "logs", 1, verdict, earned, points, **other)


def result(submission: str = "ann", *checks: CheckResult, **other: Any) -> SubmissionResult:
    return SubmissionResult(submission, checks or (check("one"), check("two", "failed")), **other)


def entry(of: SubmissionResult, number: int = 1) -> Entry:
    return Entry(number, None, "hash", "", "2026-11-24T12:00:00+00:00", not of.undecided, False, of)


def ledger(
    *results: SubmissionResult, students: tuple[Any, ...] = (), rule: Any = None, set_: Mapping[Any, Any] = {}
) -> Ledger:
    return assemble([entry(each, number) for number, each in enumerate(results, 1)], set_, students, rule)


_ANY_CHARACTER = st.characters(codec=None, exclude_categories=())
ANY_TEXT = st.text(_ANY_CHARACTER, max_size=30)
"""Surrogates, NUL and all."""

POINTS = st.integers(0, 1000).map(lambda tenths: tenths / 10)

CHECKS = st.builds(
    CheckResult,
    id=ANY_TEXT.map(lambda text: f"logs.{text}"),
    group=ANY_TEXT,
    level=st.integers(1, 2),
    verdict=st.sampled_from(get_args(Verdict)),
    points=POINTS,
    max_points=POINTS,
    title=ANY_TEXT,
    rationale=ANY_TEXT,
    expected=ANY_TEXT,
    actual=ANY_TEXT,
    hint=ANY_TEXT,
    parent=ANY_TEXT,
    kernel=st.lists(ANY_TEXT, max_size=3).map(tuple),
    hidden=st.booleans(),
    seconds=POINTS,
)

PARTS = st.builds(Part, st.booleans(), ANY_TEXT, ANY_TEXT, st.lists(ANY_TEXT, max_size=2).map(tuple))

RESULTS = st.builds(
    SubmissionResult,
    submission=st.text(_ANY_CHARACTER, min_size=1, max_size=30),
    checks=st.lists(CHECKS, max_size=4).map(tuple),
    engine=PARTS,
    monitor=PARTS,
    level=st.integers(1, 2),
    image=ANY_TEXT,
    kernel=ANY_TEXT,
    checks_hash=ANY_TEXT,
    seed=ANY_TEXT,
    started=st.one_of(ANY_TEXT, st.datetimes().map(lambda moment: f"{moment.isoformat()}+01:00")),
    seconds=POINTS,
    problem=ANY_TEXT,
    student=ANY_TEXT,
    notes=st.lists(ANY_TEXT, max_size=2).map(tuple),
)

CLASSES = st.lists(RESULTS, max_size=3).map(
    lambda results: list({result.submission: result for result in results}.values())
)
"""Results of submissions with different names."""


class Make:
    """What the tests build; a fixture, since tests here do not import each other."""

    check = staticmethod(check)
    result = staticmethod(result)
    ledger = staticmethod(ledger)
    any_text = ANY_TEXT
    results = RESULTS
    classes = CLASSES


@pytest.fixture(scope="session")
def make() -> type[Make]:
    return Make


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str | bytes], Path]:
    """A file with this content."""

    def write(content: str | bytes) -> Path:
        path = tmp_path / "given.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
