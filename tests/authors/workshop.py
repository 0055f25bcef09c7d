"""A copy of the checkout in which an author of exercises works, and the finished example put into it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
EXAMPLE = Path(__file__).resolve().parent / "example"
NUMBER, FOLDER = "11", "11_freezer"
PARTS = (
    "lab", "grading", "runtime", "kernel", "exercises", "docs", "vagrant",
    "tests/mutants", "tests/stages", "tests/implementations", "tests/authors",
)  # fmt: skip
LAB = "import sys; from lab.__main__ import main; sys.argv[0] = 'lab'; main()"
FREEZER = "runtime/supervisor/freezer.py"
SUMMARY = "lets every process of a container stand still"


@dataclass(frozen=True)
class Clone:
    """A copy of the checkout, with its own command `lab`."""

    top: Path

    @classmethod
    def make(cls, top: Path) -> Clone:
        """Copy what authors work in, with the compiled modules beside it: each `lab` would compile them again."""
        for name in PARTS:
            shutil.copytree(CHECKOUT / name, top / name, ignore=shutil.ignore_patterns("*.o", "*.ko"))
        return cls(top)

    @property
    def environment(self) -> dict[str, str]:
        """In which its own `lab` and `grading` are found before the checkout's."""
        return {**os.environ, "PYTHONPATH": str(self.top), "PYTHONDONTWRITEBYTECODE": "1", "COLUMNS": "200"}

    def run(self, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """`lab` with these words."""
        return subprocess.run(
            [sys.executable, "-c", LAB, *words],
            cwd=self.top, check=False, capture_output=True, text=True,
            env={**self.environment, **variables},
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

    def lines_of_freeze(self) -> str:
        """The lines that hold a container, as `FILE:FIRST-LAST`."""
        lines = (self.top / FREEZER).read_text().splitlines()
        first = next(at for at, line in enumerate(lines, 1) if "events = cgroup.open" in line)
        last = next(at for at, line in enumerate(lines, 1) if "os.close(events)" in line)
        return f"{FREEZER}:{first}-{last}"

    def put_example(self) -> None:
        """The example, as its author would have come to it."""
        self.lab("exercise", "new", FOLDER, "--title", "Standing still")
        self.lab("exercise", "region", "11.freeze", self.lines_of_freeze(), "--summary", SUMMARY)
        shutil.copytree(EXAMPLE / FOLDER, self.top / "exercises" / FOLDER, dirs_exist_ok=True)
        shutil.copytree(EXAMPLE / "mutants", self.top / "tests/mutants/reference", dirs_exist_ok=True)
        table = self.top / "exercises" / "README.md"
        text = table.read_text()
        for row in (EXAMPLE / "rows.md").read_text().splitlines():
            start = row[: row.index("|", 1) + 1]  # its first column
            text = "".join(
                f"{row}\n" if line.startswith(start) else line for line in text.splitlines(keepends=True)
            )
        table.write_text(text)
