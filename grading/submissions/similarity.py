"""Which submissions of a class resemble each other, and in which lines.

Sources become streams of token classes (each name is the same as each other name), so
that renaming and reformatting change nothing; copydetect's winnowing, the method of
MOSS, compares them. What the skeleton holds does not count. The result is a reason to
look, for a person, and never enters a mark.

Source: Schleimer, Wilkerson, Aiken, "Winnowing: Local Algorithms for Document
Fingerprinting", SIGMOD 2003.
"""

from __future__ import annotations

import io
import itertools
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grading.submissions.sources import Source, Token
from grading.submissions.starters import Starters

if TYPE_CHECKING:
    from copydetect import CodeFingerprint

RUN = 25
"""Tokens in a row that are compared: three or four lines. Shorter runs occur by chance."""

WINDOW = 1
"""Of this many runs one is remembered. More would save time that nobody misses in a class, and which one
depends on Python's hashes, so that two calls would give two scores."""

FEWEST = 150
"""Tokens of its own that a submission must have to be compared at all."""

COMMON = 6
"""A run that one submission has more often than this is an idiom of its writer, and pairs nothing."""

MOST_REGIONS = 40
"""Shown of one pair, the longest first."""

_WORDS = """
auto break case char const continue default do double else enum extern float for goto if int long register
return short signed sizeof static struct switch typedef union unsigned void volatile while inline
and as assert async await class def del elif except finally from global import in is lambda None not or pass
raise try with yield True False self
"""
_KEYWORDS = {word: chr(0x4E00 + number) for number, word in enumerate(_WORDS.split())}
_FIRST_BORDER = 0xF0000
"""Private characters, one for each file: no run goes over a file's border and finds its like elsewhere."""

Lines = tuple[str, int, int]
"""A file within a submission, first and last line."""


@dataclass(frozen=True)
class SimilarPair:
    """Two submissions and what they have in common."""

    left: str
    right: str
    score: float
    """From 0 to 1: the greater of the two shares of own code that is in the other one, too."""
    tokens: int
    """How many tokens that are, in the one where it is fewer."""
    regions: tuple[tuple[Lines, Lines], ...]
    """What resembles what: left lines beside right lines, the longest first."""


@dataclass(frozen=True)
class _Document:
    """All sources of a submission as one row of tokens."""

    name: str
    places: tuple[tuple[int, str, array[int]], ...]
    """Where each file begins, its path, and the line of each of its tokens."""
    print: CodeFingerprint
    length: int
    own: int
    """Tokens that could be compared."""

    def lines(self, start: int, end: int) -> Lines:
        """The file and lines of a run of characters."""
        file = bisect_right(self.places, start, key=lambda place: place[0]) - 1
        first, path, lines = self.places[file]
        last = len(lines) - 1
        return path, lines[min(start - first, last)], lines[min(end - 1 - first, last)]


def similar(
    handed_in: Mapping[str, Iterable[Source]], starters: Starters, *, at_least: float = 0.3
) -> list[SimilarPair]:
    """The pairs of a class that resemble each other, the most similar first.

    Args:
        handed_in: the sources of each submission, as `survey.survey` reads them.
        starters: the skeleton; what is in it is not compared.
        at_least: the score from which a pair is named.
    """
    borders = map(chr, itertools.count(_FIRST_BORDER))
    documents = [
        document
        for name, sources in sorted(handed_in.items())
        if (document := _document(name, list(sources), starters, borders)).own >= FEWEST
    ]
    pairs = [
        pair
        for left, right in itertools.combinations(documents, 2)
        if (pair := _pair(left, right, at_least)) is not None
    ]
    return sorted(pairs, key=lambda pair: (-pair.score, pair.left, pair.right))


def _document(name: str, sources: Sequence[Source], starters: Starters, borders: Iterator[str]) -> _Document:
    from copydetect import CodeFingerprint  # here, because it brings matplotlib, which takes a second
    from copydetect.utils import get_token_coverage

    text: list[str] = []
    places: list[tuple[int, str, array[int]]] = []
    given: list[bool] = []
    seen: set[str] = set()
    for source in sources:
        # A second copy of a file in one submission (task4, task5) would only count everything twice.
        if source.digest in seen or starters.untouched(source) or not source.tokens:
            continue
        seen.add(source.digest)
        places.append((len(text), source.path, array("L", (token.line for token in source.tokens))))
        text += [*_classes(source.tokens), next(borders)]
        given += [*starters.given(source), False]
        source.forget_tokens()
    letters = "".join(text)
    document: Any = CodeFingerprint(name, RUN, WINDOW, filter=False, fp=io.StringIO(letters))
    # The library's own way of leaving out a skeleton drops only the first place of a run that comes twice.
    sums = [0, *itertools.accumulate(given)]
    known = {at for at in range(len(letters) - RUN + 1) if sums[at + RUN] - sums[at] > RUN // 2}
    for hashed, where in list(document.hash_idx.items()):
        kept = [at for at in where if at not in known]
        if kept and len(kept) <= COMMON:
            document.hash_idx[hashed] = kept
        else:
            del document.hash_idx[hashed]
            document.hashes.discard(hashed)
    own = int(get_token_coverage(document.hash_idx, RUN, len(letters)))
    return _Document(name, tuple(places), document, len(letters), own)


def _classes(tokens: Iterable[Token]) -> Iterator[str]:
    """One character for each token: names are `V`, texts `S`, numbers `N`; keywords and marks are themselves."""
    for token in tokens:
        if token.kind == "word":
            yield _KEYWORDS.get(token.text, "V")
        elif token.kind == "mark":
            yield token.text
        else:
            yield "S" if token.kind == "text" else "N"


def _pair(left: _Document, right: _Document, at_least: float) -> SimilarPair | None:
    from copydetect.utils import get_token_coverage

    common = left.print.hashes & right.print.hashes
    if not common:
        return None
    covered = [
        int(get_token_coverage({run: one.print.hash_idx[run] for run in common}, RUN, one.length))
        for one in (left, right)
    ]
    score = min(1.0, max(covered[0] / left.own, covered[1] / right.own))
    if score < at_least:
        return None
    return SimilarPair(left.name, right.name, round(score, 3), min(covered), _regions(left, right, common))


def _regions(left: _Document, right: _Document, common: Iterable[int]) -> tuple[tuple[Lines, Lines], ...]:
    """Runs in common, joined where they follow one another on both sides; each token is shown once."""
    matches = sorted(
        (at_right - at_left, at_left)
        for run in common
        for at_left in left.print.hash_idx[run]
        for at_right in right.print.hash_idx[run]
    )
    joined: list[
        tuple[int, int, int]
    ] = []  # length, where it begins on the left, how far on it is on the right
    for shift, group in itertools.groupby(matches, key=lambda match: match[0]):
        begin = end = -1
        for _, at in group:
            if begin >= 0 and at <= end:
                end = at + RUN
                continue
            if begin >= 0:
                joined.append((end - begin, begin, shift))
            begin, end = at, at + RUN
        joined.append((end - begin, begin, shift))
    shown: list[tuple[Lines, Lines]] = []
    used_left, used_right = bytearray(left.length), bytearray(right.length)
    for length, begin, shift in sorted(joined, key=lambda run: (-run[0], run[1], run[2])):
        there = begin + shift
        if sum(used_left[begin : begin + length]) + sum(used_right[there : there + length]) > length // 2:
            continue
        used_left[begin : begin + length] = used_right[there : there + length] = b"\1" * length
        shown.append((left.lines(begin, begin + length), right.lines(there, there + length)))
        if len(shown) == MOST_REGIONS:
            break
    return tuple(shown)
