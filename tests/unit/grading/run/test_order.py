"""Checks are run after what they build on."""

from __future__ import annotations

import pytest

pytest_plugins = ["pytester"]

CHECKS = '''
from grading.api import check

@check("logs", needs=["control.later"])
def test_early():
    """It stands first and needs the last."""

@check("soft")
def test_alone():
    """It needs nothing."""

@check("control", needs=["logs.early", "soft.alone"])
def test_later():
    """It needs the first: a circle, which must not hang."""
'''


def test_parents_come_first(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(CHECKS)
    done = pytester.runpytest_subprocess("-p", "grading.plugin", "--collect-only", "-q")
    names = [line.rpartition("::")[2] for line in done.outlines if "::" in line]
    assert names == ["test_alone", "test_later", "test_early"]
