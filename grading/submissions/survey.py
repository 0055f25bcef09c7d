"""Opens each submission of a class once, before any is graded, and keeps what needs all of them.

That is the sources, for similarity, what is skeleton, for choosing, and what each says of itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from grading.submissions.first_commit import FirstCommit, first_commit
from grading.submissions.found import Submission
from grading.submissions.limits import Limits
from grading.submissions.sources import Source, sources
from grading.submissions.starters import Starters, of_class, of_folder
from grading.submissions.tree import opened
from grading.submissions.workspaces import Handed, handed
from lab.errors import LabError, sentence


@dataclass(frozen=True)
class Survey:
    """What a class handed in."""

    sources: dict[str, tuple[Source, ...]] = field(default_factory=dict)
    """Of each submission that could be opened."""
    first: dict[str, FirstCommit] = field(default_factory=dict)
    """First commits, of those that are clones."""
    problems: dict[str, str] = field(default_factory=dict)
    """Of each that could not be opened: why."""
    advice: dict[str, str] = field(default_factory=dict)
    """Of these, what the instructor may do; empty where there is nothing to say."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Of each that this host could not read, which is not its student's fault: why."""
    class_starters: Starters = field(default_factory=Starters)
    handed: dict[str, Handed] = field(default_factory=dict)
    """What each that could be opened says of itself, and its answers."""

    def starters(self, name: str) -> Starters:
        """What is known of the skeleton when one submission is looked at; for `taking.take`."""
        return self.class_starters.for_submission(self.first.get(name))


def survey(
    submissions: Iterable[Submission],
    work: Path,
    *,
    starter: Path | None = None,
    limits: Limits | None = None,
    done: Callable[[str], None] = lambda name: None,
) -> Survey:
    """Look at all submissions of a class.

    Args:
        submissions: as found.
        work: a folder of ours; empty again afterwards.
        starter: the skeleton that the instructor names.
        limits: for each submission.
        done: told each name when it has been looked at.

    Raises:
        LabError: the starter makes no sense. What is wrong with a submission goes into `problems`.
        OSError: this host cannot write.
    """
    known = of_folder(starter) if starter is not None else None
    held: dict[str, tuple[Source, ...]] = {}
    said: dict[str, Handed] = {}
    first: dict[str, FirstCommit] = {}
    problems: dict[str, str] = {}
    advice: dict[str, str] = {}
    unreadable: dict[str, str] = {}
    for submission in submissions:
        try:
            with opened(submission, work, limits) as tree:
                held[submission.name] = sources(tree.root)
                said[submission.name] = handed(tree.root)
            commit = first_commit(submission.source)
            if commit is not None:
                first[submission.name] = commit
        except LabError as error:
            problems[submission.name], advice[submission.name] = sentence(error.what), error.remedy
        except OSError as error:
            if not _is_within(submission.source, error):
                raise
            unreadable[submission.name] = f"{error.filename} cannot be read: {error.strerror}"
        done(submission.name)
    return Survey(held, first, problems, advice, unreadable, of_class(held, first, known), said)


def _is_within(source: Path, error: OSError) -> bool:
    """Whether an error is about a file of a submission, not one of ours."""
    return error.filename is not None and Path(os.fsdecode(error.filename)).is_relative_to(source)
