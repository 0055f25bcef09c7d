"""Which check is skipped because of another."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.checks import MARK, Check, check
from grading.plugin import Grading


@pytest.fixture(autouse=True)
def mark_is_known(request: pytest.FixtureRequest) -> None:
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")


def declared(**parents: Any) -> Check:
    def test_child() -> None:
        """A child."""

    marked: Any = check("logs", **parents)(test_child)
    found: Check = next(mark.args[0] for mark in marked.pytestmark if mark.name == MARK)
    return found


def grading(level: int, **verdicts: str) -> Any:
    one: Any = object.__new__(Grading)
    one._session = SimpleNamespace(level=level)
    one.verdicts = {f"logs.{name}": SimpleNamespace(verdict=verdict) for name, verdict in verdicts.items()}
    return one


def test_a_parent_that_did_not_pass() -> None:
    child = declared(needs=["logs.first", "logs.other"])
    assert grading(1, first="passed", other="failed")._missing_parent(child) == "logs.other"
    assert grading(1, first="passed", other="passed")._missing_parent(child) == ""
    assert grading(1)._missing_parent(child) == "", "it was not asked for"


def test_a_parent_of_level_2_only() -> None:
    child = declared(needs=["logs.first"], needs_at_2=["logs.other"])
    assert grading(1, first="passed", other="failed")._missing_parent(child) == ""
    assert grading(2, first="passed", other="failed")._missing_parent(child) == "logs.other"
    assert grading(1, first="failed")._missing_parent(child) == "logs.first"
    assert child.needs == ("logs.first", "logs.other"), "whoever runs this one alone runs both"


def test_another_stands_in() -> None:
    child = declared(needs=["logs.first"], otherwise=["logs.other", "logs.third"])
    assert grading(1, first="failed", third="passed")._missing_parent(child) == ""
    assert grading(1, first="failed", other="failed", third="skipped")._missing_parent(child) == "logs.first"
    parents = {"logs.first": declared(needs=["logs.above"]), "logs.above": declared()}
    assert grading(1, above="failed")._missing_ancestor(child, parents)
    assert not grading(1, above="failed", other="passed")._missing_ancestor(child, parents)
