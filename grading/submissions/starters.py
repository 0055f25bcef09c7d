"""Recognises the skeleton that students were given, so that it is never preferred over their work.

What counts as skeleton: what the instructor names; what many of a class handed in alike;
what lay in a first commit that several of the class share. A first commit of one
submission alone proves nothing (some put their finished work into it) and serves only to
choose between two candidates. None of this ever enters a mark.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grading.submissions.first_commit import FirstCommit
from grading.submissions.sources import Source, sources
from lab.errors import LabError

SHORTEST = 40
"""Tokens of a file that is worth recognising."""

RUN = 12
"""Tokens in a row that must be the skeleton's to count as taken from it."""

DIGEST = 8
"""Bytes of what stands for a run."""

PARTS = 16
"""What a class holds of runs is counted in so many parts."""

AT_LEAST, SHARE = 4, 1 / 3
"""What so many, and this share of all, handed in alike was given to the class; friends are fewer."""

STUB = re.compile(r"not[ _]?(?:yet[ _]?)?implemented|\bTODO\b|\bFIXME\b|your code here", re.IGNORECASE)
"""Signs of a handler that does nothing yet."""


@dataclass(frozen=True)
class Starters:
    """What is known of the skeleton. Small enough to be handed to a worker process."""

    digests: frozenset[str] = frozenset()
    """Of whole files, layout and comments aside."""
    runs: frozenset[bytes] = frozenset()
    """Of each `RUN` tokens in a row."""
    weak: frozenset[str] = frozenset()
    """Digests of the files in the first commit of the submission at hand, shared with nobody."""

    def untouched(self, source: Source) -> bool:
        """Whether a file is the skeleton's, apart from layout and comments."""
        return source.digest in self.digests

    def since_first_commit(self, source: Source) -> bool:
        """Whether a file differs from what the submission's own first commit holds."""
        return source.digest not in self.weak

    def given(self, source: Source) -> list[bool]:
        """For each token whether it is in a run of the skeleton's."""
        if self.untouched(source):
            return [True] * len(source.tokens)
        given = [False] * len(source.tokens)
        for start, run in enumerate(_runs(source)) if self.runs else ():
            if run in self.runs:
                given[start : start + RUN] = [True] * RUN
        return given

    def own(self, source: Source) -> int:
        """How many tokens are not the skeleton's."""
        return self.given(source).count(False)

    def and_of(self, given: Iterable[Source]) -> Starters:
        """With more files that are known to be the skeleton."""
        worth = [source for source in given if len(source.tokens) >= SHORTEST]
        return dataclasses.replace(
            self,
            digests=self.digests | {source.digest for source in worth},
            runs=self.runs | {run for source in worth for run in _runs(source)},
        )

    def for_submission(self, first: FirstCommit | None) -> Starters:
        """With what one submission's own first commit says; `take` wants these."""
        held = first.sources if first else ()
        return dataclasses.replace(self, weak=frozenset(source.digest for source in held))


def of_folder(folder: Path) -> Starters:
    """The skeleton that the instructor names.

    Raises:
        LabError: it is no folder, or there is no source in it.
    """
    if not folder.is_dir():
        raise LabError(f"the starter {folder} is no folder", "Name the folder that students were given.")
    given = sources(folder)
    if not given:
        raise LabError(
            f"the starter {folder} holds no C or Python file", "Name the folder with the skeleton."
        )
    return Starters().and_of(given)


def of_class(
    handed_in: Mapping[str, Iterable[Source]],
    first: Mapping[str, FirstCommit],
    known: Starters | None = None,
) -> Starters:
    """The skeleton, as far as a class's submissions show it.

    Args:
        handed_in: the sources of each submission.
        first: the first commits, of those submissions that have one.
        known: what the instructor named.
    """
    starters = known or Starters()
    roots = Counter(commit.id for commit in first.values())
    # Two of many may share one because the one is made from the other: that is nobody's skeleton.
    many = max(2, SHARE * len(handed_in))
    for commit in {commit.id: commit for commit in first.values() if roots[commit.id] >= many}.values():
        starters = starters.and_of(commit.sources)
    alike: Counter[str] = Counter()
    example: dict[str, Source] = {}
    runs: list[array[int]] = []
    for held in handed_in.values():
        different = {source.digest: source for source in held}
        example.update(different)
        alike.update(different.keys())
        runs.append(_sorted(run for source in different.values() for run in _runs(source)))
        for source in held:
            source.forget_tokens()
    enough = max(AT_LEAST, SHARE * len(handed_in))
    starters = starters.and_of(example[digest] for digest, count in alike.items() if count >= enough)
    # Also in files that each went on to change.
    return dataclasses.replace(starters, runs=starters.runs.union(_common(runs, enough)))


def _sorted(runs: Iterable[bytes]) -> array[int]:
    """Different ones in eight bytes each; as objects those of a large class would fill the memory."""
    return array("Q", sorted({int.from_bytes(run) for run in runs}))


def _common(held: Sequence[array[int]], enough: float) -> Iterator[bytes]:
    """Those that so many hold, counted a part at a time."""
    for first in range(PARTS):
        counts: Counter[int] = Counter()
        for runs in held:
            begin, end = (bisect_left(runs, ((first + more) << 64) // PARTS) for more in (0, 1))
            counts.update(runs[begin:end])
        yield from (run.to_bytes(DIGEST) for run, count in counts.items() if count >= enough)


def stubs(source: Source) -> int:
    """How often a file says that something is still to be written."""
    return len(STUB.findall(source.text))


def _runs(source: Source) -> Iterable[bytes]:
    words = [token.text.encode("utf-8", "replace") for token in source.tokens]
    for start in range(len(words) - RUN + 1):
        yield hashlib.blake2b(b"\0".join(words[start : start + RUN]), digest_size=DIGEST).digest()
