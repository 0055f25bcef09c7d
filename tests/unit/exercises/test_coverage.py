"""The table in exercises/README.md: every check is in it, every check in it exists, no demonstration is missing."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from grading.api.checks import MARK
from grading.run.catalogue import all_checks
from grading.verdicts import GROUPS

EXERCISES = Path(__file__).resolve().parents[3] / "exercises"
ROW = re.compile(r"^\| (\d\.\d+) \| (.+?) \| ([\d, ]+) \| (.+) \|$", re.MULTILINE)
ID = re.compile(rf"`((?:{'|'.join(GROUPS)})\.[a-z0-9_]+)`")


@pytest.fixture(autouse=True, scope="module")
def mark_is_known(request: pytest.FixtureRequest) -> None:
    """Checks are imported here without the plugin that makes their mark known."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")


@cache
def rows() -> list[tuple[str, str, list[str], list[str]]]:
    """Number, sentence, exercises and check ids of each row."""
    text = (EXERCISES / "README.md").read_text(encoding="utf-8")
    return [
        (number, said, where.split(", "), ID.findall(ids)) for number, said, where, ids in ROW.findall(text)
    ]


def test_every_check_stands_in_the_table_and_exists() -> None:
    there = {check.id for check in all_checks(EXERCISES)}
    told = {name for _, _, _, ids in rows() for name in ids}
    assert not there - told, "not in the table of exercises/README.md"
    assert not told - there, "in the table of exercises/README.md, but there is no such check"


def test_every_row_names_the_exercises_of_its_checks() -> None:
    """A sentence is taught where at least one of its checks stands, and every exercise named is one."""
    home = {
        check.id: folder.name[:2] for folder in EXERCISES.glob("[0-9][0-9]_*") for check in all_checks(folder)
    }
    for number, _, where, ids in rows():
        assert all(list(EXERCISES.glob(f"{each}_*")) for each in where), number
        assert not ids or {home[name] for name in ids} & set(where), f"{number}: its checks stand elsewhere"


def test_rows_are_numbered_without_a_gap() -> None:
    found = [tuple(map(int, number.split("."))) for number, _, _, _ in rows()]
    assert {section for section, _ in found} == {1, 2, 3, 4}
    for section in (1, 2, 3, 4):
        assert [at for each, at in found if each == section] == [
            *range(1, sum(each == section for each, _ in found) + 1)
        ]


def test_each_of_the_eight_demonstrations_is_taught_and_checked() -> None:
    shown = {
        int(said.split()[1].rstrip(":")): ids
        for _, said, _, ids in rows()
        if said.startswith("Demonstration ")
    }
    assert sorted(shown) == list(range(1, 9))
    assert all(shown.values())
