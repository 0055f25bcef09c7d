"""A workspace in which the test stands, and places of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.workspace import make, state
from lab.workspace.state import Workspace


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """One of student s7."""
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    make.make(Workspace(tmp_path / "my work", "python", "s7", "autumn"))
    monkeypatch.chdir(tmp_path / "my work")
    return state.find(Path.cwd())
