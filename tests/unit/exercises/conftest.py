"""A copy of what authors of exercises work in, to write in and to break."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from grading.api.checks import MARK

CHECKOUT = Path(__file__).resolve().parents[3]
PARTS = ("lab", "grading", "runtime", "kernel", "exercises", "docs", "tests/mutants", "tests/implementations")
LAB = "import sys; from lab.cli import main; sys.argv[0] = 'lab'; main()"


@dataclass(frozen=True)
class Clone:
    """A copy of the checkout, with its own command `lab`."""

    top: Path

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`lab` with these words."""
        return subprocess.run(
            [sys.executable, "-c", LAB, *words],
            cwd=self.top, check=False, capture_output=True, text=True,
            env={**os.environ, "PYTHONPATH": str(self.top), "COLUMNS": "200", **variables},
        )  # fmt: skip

    def lab(self, *words: str, **variables: str) -> str:
        """`lab` with these words, which must succeed; all that it says."""
        done = self.run(*words, **variables)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def refused(self, *words: str, **variables: str) -> str:
        """`lab` with these words, which must end in one sentence; that sentence."""
        done = self.run(*words, **variables)
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stdout + done.stderr
        return " ".join(done.stderr.split())

    def files(self) -> dict[str, bytes]:
        """All that people write in it."""
        return {
            path.relative_to(self.top).as_posix(): path.read_bytes()
            for folder in ("exercises", "runtime", "kernel")
            for path in sorted((self.top / folder).rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    top = tmp_path / "clone"
    for name in PARTS:
        shutil.copytree(
            CHECKOUT / name, top / name, ignore=shutil.ignore_patterns("__pycache__", "*.o", "*.ko")
        )
    return Clone(top)


@pytest.fixture(autouse=True, scope="package")
def marked(request: pytest.FixtureRequest) -> None:
    """Checks can be read where the grading plugin is not there to know their mark."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")
