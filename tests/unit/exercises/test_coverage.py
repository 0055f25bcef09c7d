"""The table in exercises/README.md: every check is in it, every check in it exists, no demonstration is missing."""

from __future__ import annotations

from functools import cache

import pytest

from grading.api.checks import MARK
from grading.author.subject import Row, table
from grading.run.catalogue import all_checks
from lab.paths import EXERCISES

BEYOND = 5
"""The section for what an exercise asks beyond the contract; there need not be one."""


@pytest.fixture(autouse=True, scope="module")
def mark_is_known(request: pytest.FixtureRequest) -> None:
    """Checks are imported here without the plugin that makes their mark known."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")


@cache
def rows() -> tuple[Row, ...]:
    return table()


def test_every_check_stands_in_the_table_and_exists() -> None:
    there = {check.id for check in all_checks(EXERCISES)}
    told = {name for row in rows() for name in row.checks}
    assert not there - told, "not in the table of exercises/README.md"
    assert not told - there, "in the table of exercises/README.md, but there is no such check"


def test_every_row_names_the_exercises_of_its_checks() -> None:
    """A sentence is taught where at least one of its checks stands, and every exercise named is one."""
    home = {
        check.id: folder.name[:2] for folder in EXERCISES.glob("[0-9][0-9]_*") for check in all_checks(folder)
    }
    for row in rows():
        assert all(list(EXERCISES.glob(f"{each}_*")) for each in row.exercises), row.number
        assert not row.checks or {home[name] for name in row.checks} & set(row.exercises), (
            f"{row.number}: its checks stand elsewhere"
        )


def test_rows_are_numbered_without_a_gap() -> None:
    found = [tuple(map(int, row.number.split("."))) for row in rows()]
    sections = {section for section, _ in found}
    assert sections - {BEYOND} == {1, 2, 3, 4}
    for section in sections:
        assert [at for each, at in found if each == section] == [
            *range(1, sum(each == section for each, _ in found) + 1)
        ]


def test_each_of_the_eight_demonstrations_is_taught_and_checked() -> None:
    shown = {
        int(row.sentence.split()[1].rstrip(":")): row.checks
        for row in rows()
        if row.sentence.startswith("Demonstration ")
    }
    assert sorted(shown) == list(range(1, 9))
    assert all(shown.values())
