"""Finds the part of a guide that explains what a check looks at, by the words that both use.

A word counts the more, the fewer parts of the guide have it (as search engines weigh them). It is a guess,
and only says where to read on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from lab.exercises.guides import Guide, Section

WORD = re.compile(r"[a-z][a-z0-9]{2,}")
STEP = re.compile(r"\b[Ss]tep (\d)\b")
COMMON = frozenset(
    WORD.findall(
        "the and for not that this with its own are was were has have had one two who what when where which whose "
        "container monitor module engine check contract kernel log line process told tell say says can does "
        "any all other from into than then they them their there only also still each every after before while "
        "but out about again never none nothing anybody nobody "
    )
)
"""Words that are everywhere, or in every guide."""

LEAST, AHEAD = 3.0, 1.25
"""A lower weight is a coincidence, and so is one that is not so many times the next; then the task explains it."""


def explaining(guide: Guide, name: str, hints: Sequence[str] = ()) -> Section:
    """The step of a guide that explains a check, or the task.

    Args:
        guide: of the exercise.
        name: of the check: its id and title.
        hints: for it; one that names a step of the guide means it.
    """
    steps = guide.steps
    for text in hints:
        if (named := STEP.search(text)) and "guide" in text:
            found = next((step for step in steps if step.title.startswith(f"{named[1]}.")), None)
            if found is not None:
                return found
    titles = [_words(step.title) for step in steps]
    words = [_words(step.text) | title for step, title in zip(steps, titles, strict=True)]
    scores = []
    for mine, title in zip(words, titles, strict=True):
        shared = _words(name) & mine
        weights = {word: math.log(len(words) / sum(word in other for other in words)) for word in shared}
        scores.append(sum(weight * (2 if word in title else 1) for word, weight in weights.items()))
    best, second = [*sorted(scores, reverse=True), 0.0, 0.0][:2]
    if best < LEAST or best < AHEAD * second:
        return guide.section("Your task")
    return steps[scores.index(best)]


def _words(text: str) -> frozenset[str]:
    spread = re.sub(r"[^a-z0-9]+", " ", text.lower())
    found = {word for word in WORD.findall(spread) if word not in COMMON}
    return frozenset(word.removesuffix("s") for word in found)
