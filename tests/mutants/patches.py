"""Mutants: a patch each, with a sentence and the checks that it must lose above the diff."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from implementations import HERE, Implementation

from lab.errors import LabError


@dataclass(frozen=True)
class Mutant:
    """One seeded bug."""

    name: str
    path: Path
    about: str
    """What is broken, in a sentence."""
    loses: frozenset[str]
    """The checks of level 2 that fail because of it. Those skipped because of these follow from their `needs`."""
    alone: bool
    """Whether it gets into the way of others, and must not be looked at beside them."""
    files: tuple[str, ...]
    """What it changes, within the implementation."""

    def apply(self, folder: Path) -> None:
        """Change a copy of the implementation.

        Raises:
            LabError: the patch does not apply: the sources have changed below it.
        """
        # A folder within some repository is patched like any other.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}
        before = {name: (folder / name).read_bytes() for name in self.files if (folder / name).exists()}
        done = subprocess.run(
            ["git", "apply", str(self.path)],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        same = [name for name, content in before.items() if (folder / name).read_bytes() == content]
        if done.returncode or len(before) != len(self.files) or same:
            raise LabError(
                f"{self.path} does not apply: {done.stderr.strip() or 'it changes nothing'}",
                "Make it again from the sources as they are now; the sentence above it says what it breaks.",
            )


def read(path: Path) -> Mutant:
    """A mutant's file.

    Raises:
        LabError: something is missing in it.
    """
    head, found, diff = path.read_text().partition("\ndiff --git ")
    about, named, loses = head.partition("Loses:")
    files = re.findall(r"^\+\+\+ b/(\S+)", diff, re.MULTILINE)
    loses, alone, _ = loses.partition("Alone.")
    checks = frozenset(word for word in re.split(r"[,\s]+", loses) if word)
    if not (found and named and about.strip() and checks and files):
        raise LabError(
            f"{path} is no mutant",
            "Above the diff it has a sentence, and a line `Loses:` with the ids of checks and commas between them.",
        )
    return Mutant(path.stem, path, " ".join(about.split()), checks, bool(alone), tuple(files))


def mutants(implementation: Implementation, only: frozenset[str] = frozenset()) -> list[Mutant]:
    """All of an implementation, or those named.

    Raises:
        LabError: one is damaged.
    """
    found = [read(path) for path in sorted((HERE / implementation.name).glob("*.patch"))]
    return [each for each in found if not only or each.name in only]
