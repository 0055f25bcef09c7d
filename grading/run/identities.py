"""With whose own numbers a submission is judged: what the roster says of its name, never what it says itself.

A workspace's `boxwright.toml` is the student's to change. With another's id in it, that one's answers would
fit; so it only chooses among what the roster knows of the same person, and whatever else it says is noted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from grading.gradebook.matching import match
from grading.gradebook.roster import Student
from grading.submissions.workspaces import NOTHING, Handed
from lab.exercises.parameters import plain


@dataclass(frozen=True)
class Identity:
    """Whose a submission is taken for."""

    student: str = ""
    """The id from which the own numbers follow; empty where it is not known."""
    doubt: str = ""
    """Why it is not known: a sentence."""
    notes: tuple[str, ...] = ()
    """What the submission says otherwise: sentences."""


def identities(
    names: Iterable[str], roster: Sequence[Student], handed: Mapping[str, Handed], *, trusting: bool = False
) -> dict[str, Identity]:
    """Whose each submission is.

    Args:
        names: of the submissions.
        roster: of the class; empty where there is none.
        handed: what each says of itself, by name.
        trusting: believe it, as where students check their own work.
    """
    names = list(names)
    said = {name: handed.get(name, NOTHING).student for name in names}
    if trusting:
        return {name: Identity(said[name]) for name in names}
    if not roster:
        return {name: _by_name(name, said[name]) for name in names}
    found = match(names, roster)
    why = {left.submission: left.why for left in found.submissions_left}
    return {
        name: _of_roster(found.students[name], said[name])
        if name in found.students
        else Identity(doubt=f"It is not known whose this is: {why[name]}.")
        for name in names
    }


def with_seed(identity: Identity, handed: Handed, course_seed: str) -> Identity:
    """With a note where the workspace was made for another course."""
    if not handed.student or handed.course_seed == course_seed:
        return identity
    seed = f"{handed.course_seed!r}" if handed.course_seed else "none"
    note = f"boxwright.toml has the course's seed {seed}, and it is {course_seed!r}: judged by the course's."
    return replace(identity, notes=(*identity.notes, note))


def _of_roster(members: Sequence[Student], said: str) -> Identity:
    for member in members:
        for known in (member.id, member.login, member.mail, member.key):
            if known and plain(known) == plain(said):
                return Identity(known)
    student = members[0].key
    what = f"says that the student is {said!r}" if said else "names nobody"
    note = f"boxwright.toml {what}; by the roster it is {student!r}, by whose numbers it was judged."
    return Identity(student, notes=(note,))


def _by_name(name: str, said: str) -> Identity:
    if said and plain(said) == plain(name):
        return Identity(said)
    if not said:
        # Whoever names nobody has nobody's numbers; the name is all there is to go by.
        return Identity(
            name, notes=("boxwright.toml names nobody; judged by the numbers of the folder's name.",)
        )
    return Identity(
        doubt=f"It is not known whose this is: it is called {name!r}, and boxwright.toml says {said!r}. "
        "Name the class with --roster."
    )
