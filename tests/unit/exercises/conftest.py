"""A copy of what authors of exercises work in, to write in and to break."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from grading.api.checks import MARK

sys.path.append(str(Path(__file__).resolve().parents[2] / "authors"))

from workshop import Clone


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    """One of each test's own."""
    return Clone.make(tmp_path / "clone")


@pytest.fixture(autouse=True, scope="package")
def marked(request: pytest.FixtureRequest) -> None:
    """Checks can be read where the grading plugin is not there to know their mark."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")
