"""Similar submissions with the lines that they have in common, for the class page."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from grading.pages.model import Passage, Similar
from grading.submissions.found import find
from grading.submissions.similarity import Lines, SimilarPair, similar
from grading.submissions.sources import Source
from grading.submissions.survey import survey
from lab.console import NoProgress, Progress


def of_class(folder: Path, *, starter: Path | None = None, progress: Progress | None = None) -> list[Similar]:
    """Compare the sources of a class, the most similar pair first. Nothing of a submission is run.

    Args:
        folder: with the submissions, as they were handed in.
        starter: the skeleton that everybody was given, which is not compared.
        progress: told which submission is being read.

    Raises:
        LabError: the folder holds no submission, or the starter no source.
    """
    progress = progress or NoProgress()
    submissions = find(folder)
    with tempfile.TemporaryDirectory(prefix="boxwright-report-") as work:
        found = survey(submissions, Path(work), starter=starter, done=progress.detail)
    pairs = similar(found.sources, found.class_starters)
    return [with_lines(pair, found.sources) for pair in pairs]


def with_lines(pair: SimilarPair, sources: Mapping[str, Sequence[Source]]) -> Similar:
    """The pair with the lines themselves; a file that is not among the sources gives none."""
    left, right = (
        {source.path: source.text.split("\n") for source in sources.get(name, ())}
        for name in (pair.left, pair.right)
    )
    return Similar(
        pair.left,
        pair.right,
        pair.score,
        tuple((_passage(here, left), _passage(there, right)) for here, there in pair.regions),
    )


def _passage(lines: Lines, texts: Mapping[str, Sequence[str]]) -> Passage:
    path, first, last = lines
    return Passage(path, first, last, "\n".join(texts.get(path, ())[first - 1 : last]))
