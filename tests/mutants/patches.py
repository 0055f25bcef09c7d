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
    not_beside: frozenset[str]
    """The mutants whose doing it would hide, or change: not to be looked at beside these."""
    one_by_one: bool
    """Whether scenarios must not run beside each other: what one of them does holds up the others, now and then."""
    files: tuple[str, ...]
    """What it changes, within the implementation."""

    def apply(self, folder: Path) -> None:
        """Change a copy of the implementation.

        Raises:
            LabError: the patch does not apply: the sources have changed below it.
        """
        before = {name: (folder / name).read_bytes() for name in self.files if (folder / name).exists()}
        said = self._git_apply(folder)
        same = [name for name, content in before.items() if (folder / name).read_bytes() == content]
        if said or len(before) != len(self.files) or same:
            raise LabError(
                f"{self.path} does not apply: {said or 'it changes nothing'}",
                "Make it again from the sources as they are now; the sentence above it says what it breaks.",
            )

    def bears(self, other: Mutant) -> bool:
        """Whether it can be looked at beside another, as far as the two say."""
        return not (
            self.alone or other.alone or other.name in self.not_beside or self.name in other.not_beside
        )

    def obstacle(self, folder: Path) -> str:
        """Why it would not apply to these sources, in git's words; empty where it would."""
        missing = [name for name in self.files if not (folder / name).exists()]
        return f"there is no {missing[0]}" if missing else self._git_apply(folder, "--check")

    def _git_apply(self, folder: Path, *options: str) -> str:
        # A folder within some repository is patched like any other.
        environment = {**os.environ, "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent)}
        done = subprocess.run(
            ["git", "apply", *options, str(self.path)],
            cwd=folder, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return (done.stderr.strip() or f"git ended with {done.returncode}") if done.returncode else ""


def read(path: Path) -> Mutant:
    """A mutant's file.

    Raises:
        LabError: something is missing in it.
    """
    head, found, diff = path.read_text().partition("\ndiff --git ")
    about, named, loses = head.partition("Loses:")
    files = re.findall(r"^\+\+\+ b/(\S+)", diff, re.MULTILINE)
    loses, one_by_one, after = loses.partition("One by one.")
    loses, alone, _ = (loses + after).partition("Alone.")
    loses, _, others = loses.partition("Not beside:")
    checks, not_beside = (
        frozenset(word for word in re.split(r"[,\s]+", text) if word) for text in (loses, others)
    )
    if not (found and named and about.strip() and checks and files):
        raise LabError(
            f"{path} is no mutant",
            "Above the diff it has a sentence, and a line `Loses:` with the ids of checks and commas between them.",
        )
    return Mutant(
        path.stem,
        path,
        " ".join(about.split()),
        checks,
        bool(alone),
        not_beside,
        bool(one_by_one),
        tuple(files),
    )


def mutants(implementation: Implementation, only: frozenset[str] = frozenset()) -> list[Mutant]:
    """All of an implementation, or those named.

    Raises:
        LabError: one is damaged.
    """
    found = [read(path) for path in sorted((HERE / implementation.name).glob("*.patch"))]
    return [each for each in found if not only or each.name in only]
