"""A student at the desk: types `lab` in a workspace, and edits what is in it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.exercises import catalogue, starter
from lab.workspace.reset import put
from lab.workspace.state import Workspace

SECONDS = 600
"""The most that a command may take."""


@dataclass
class Student:
    """Types commands in a workspace."""

    workspace: Workspace
    machine: str
    """The name of its machines begins with this."""

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [str(Path(sys.executable).parent / "lab"), "--machine", self.machine, *words],
            cwd=self.workspace.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "COLUMNS": "100"},
        )  # fmt: skip

    def lab(self, *words: str, status: int = 0) -> str:
        running = self.begin(*words)
        try:
            out, err = running.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            running.kill()
            out, err = running.communicate()
            raise AssertionError(f"{words}: not within {SECONDS} s\n{out}\n{err}") from None
        assert running.returncode == status, f"{words}: {running.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return out

    def check(self, *words: str, status: int = 0) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.lab("check", *words, "--json", status=status))
        return value

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a part of a file, all at once, as most editors do."""
        file = self.workspace.folder / path
        text = file.read_text()
        assert text.count(old) == 1, old
        beside = file.with_name(f".{file.name}.swp")
        beside.write_text(text.replace(old, new))
        beside.chmod(file.stat().st_mode)
        beside.replace(file)

    @contextlib.contextmanager
    def edited(self, path: str, old: str, new: str) -> Iterator[None]:
        """Replace a part of a file, and put it back."""
        self.edit(path, old, new)
        try:
            yield
        finally:
            self.edit(path, new, old)

    def solve(self, *exercises: str) -> None:
        """Write into the regions of these exercises what the reference has there."""
        track = self.workspace.track
        regions = [each for each in catalogue.all_regions() if each.exercise in exercises]
        put(self.workspace, starter.solutions(track, regions))
