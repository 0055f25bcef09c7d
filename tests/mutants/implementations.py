"""The implementations that are mutated: where each lies, what is built of it, and which half a file is part of."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal

from grading.submissions.attempts import Attempt
from lab import paths

HERE = Path(__file__).resolve().parent

Part = Literal["engine", "monitor"]


@dataclass(frozen=True)
class Building:
    """How one half is built in the guest; paths are within the implementation."""

    folder: str
    attempts: tuple[Attempt, ...]
    product: str
    once: tuple[str, ...] = ()
    """Run in its folder before the first mutant, for what all of them would do again."""


@dataclass(frozen=True)
class Implementation:
    """An engine and a monitor."""

    name: str
    top: Path
    folders: tuple[str, ...]
    """Those below `top` that are it; `.` for all."""
    engine: Building
    monitor: Building

    def copy(self, to: Path) -> None:
        """Its sources, without what was built of them here."""
        for folder in self.folders:
            shutil.copytree(
                self.top / folder,
                to / folder,
                dirs_exist_ok=True,
                ignore=shutil.ignore_patterns("__pycache__", "*.o", "*.ko", "*.mod*", ".*", "Module.symvers"),
            )

    def content(self, file: str) -> bytes | None:
        """What it has in a file; None where it has no such file."""
        path = self.top / file
        return path.read_bytes() if path.is_file() else None

    def half_of(self, files: Sequence[str]) -> frozenset[Part]:
        """The halves that these files are part of."""
        return frozenset("monitor" if self._is_monitors(PurePosixPath(each)) else "engine" for each in files)

    @staticmethod
    def _is_monitors(path: PurePosixPath) -> bool:
        return path.parts[0] == "kernel" or path.name.startswith("monitor") or path.name == "Kbuild"


REFERENCE = Implementation(
    "reference",
    paths.CHECKOUT,
    ("runtime", "kernel"),
    Building(  # its --init is in no check
        "runtime", (), "runtime/engine", ("python3", "-m", "compileall", "-q", "supervisor")
    ),
    Building("kernel", (Attempt("make", ("make", "-s"), "kernel"),), "kernel/monitor.ko"),
)

C = Implementation(
    "c",
    HERE.parent / "implementations" / "c",
    (".",),
    # Not optimised: it is built anew for each group of mutants, and takes half the time.
    Building(".", (Attempt("make engine", ("env", "CFLAGS=-O0", "make", "engine"), "."),), "engine/engine"),
    Building(".", (Attempt("make module", ("make", "-s", "module"), "."),), "kernel/monitor.ko"),
)

ALL = {each.name: each for each in (REFERENCE, C)}
