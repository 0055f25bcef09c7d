"""Whose a submission is: its name against the roster, exactly where that is possible, never by a guess.

The names that learning platforms give to downloaded files are understood:

- Moodle, `Ann Lee_12345_assignsubmission_file_` (moodle/moodle, mod/assign/locallib.php,
  download_submissions): the number is the participant's in the worksheet;
- Canvas ("Download Submissions"), `leeann_LATE_12345_67890_project.zip`: the first number is the
  student's ID in the gradebook, the second that of the file;
- GitHub Classroom, `assignment-username`.

A weaker likeness counts only where a stronger one found nobody, and only where it leaves one answer.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from grading.gradebook.roster import Student
from lab.exercises.parameters import plain

_MOODLE = re.compile(r"(?P<who>.+?)_(?P<number>\d+)_assignsubmission_[a-z]+.*", re.ASCII | re.DOTALL)
_CANVAS = re.compile(r"(?P<who>[^_]+)(?:_LATE)?_(?P<number>\d+)_(?P<file>\d+)(?:_.*)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True)
class Unmatched:
    """A submission that is nobody's, as far as the roster says."""

    submission: str
    why: str
    """A sentence."""


@dataclass(frozen=True)
class Matching:
    """Which students each submission is of, and what is left on either side."""

    students: dict[str, tuple[Student, ...]]
    """By submission; several where a team hands in together."""
    submissions_left: tuple[Unmatched, ...]
    students_left: tuple[Student, ...]


def match(submissions: Iterable[str], students: Sequence[Student]) -> Matching:
    """Match each submission with the students whose it is; nothing is dropped, whatever is left is listed."""
    names = list(dict.fromkeys(submissions))
    found: dict[str, tuple[Student, ...]] = {}
    taken: dict[str, list[str]] = defaultdict(list)
    doubtful: dict[str, str] = {}
    for rule in (_by_own_word, _by_number, _by_suffix(names, students), _by_likeness):
        # All submissions by a rule before any by the next one, so that the stronger likeness wins.
        new: dict[str, list[str]] = defaultdict(list)
        for name in names:
            if name in found or name in doubtful:
                continue
            free = [student for student in students if student.key not in taken]
            groups = _teams(rule(name, free))
            if len(groups) == 1:
                for student in groups[0]:
                    new[student.key].append(name)
                found[name] = tuple(groups[0])
            elif groups:
                doubtful[name] = f"it may be that of {_and(student for group in groups for student in group)}"
        for key, claims in new.items():
            taken[key] = claims
    for claims in taken.values():
        newest = _resubmitted(claims)
        if newest:
            doubtful |= {name: f"{newest!r} replaces it" for name in claims if name != newest}
        elif len(claims) > 1:
            for name in claims:
                others = ", ".join(repr(other) for other in claims if other != name)
                doubtful[name] = f"{_and(found[name])} would have {others}, too"
    for name in doubtful:
        found.pop(name, None)
    matched = {student.key for group in found.values() for student in group}
    left = tuple(
        Unmatched(name, doubtful.get(name, "nobody in the roster has this id, mail address or folder"))
        for name in names
        if name not in found
    )
    return Matching(found, left, tuple(student for student in students if student.key not in matched))


def same(student: Student, others: Sequence[Student]) -> Student | None:
    """The same person in another roster, by number, id, mail, login or, where it is the only one, name."""
    fields: tuple[Callable[[Student], str], ...] = (
        lambda each: each.platform_id,
        lambda each: plain(each.id),
        lambda each: each.mail.casefold(),
        lambda each: each.login.casefold(),
        lambda each: normal(each.name),
    )
    for field in fields:
        value = field(student)
        alike = [other for other in others if value and field(other) == value]
        if len(alike) == 1:
            return alike[0]
    return None


def normal(text: str) -> str:
    """For comparison: no accents, no case, letters and digits only."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if char.isalnum())


def _by_own_word(name: str, students: Sequence[Student]) -> list[Student]:
    """The name is, to the letter, what the roster says."""
    folder = [student for student in students if student.folder == name]
    return folder or [
        student
        for student in students
        if name in (student.id, student.mail, student.login, student.group, student.key) and name
    ]


def _by_number(name: str, students: Sequence[Student]) -> list[Student]:
    """The name is one that Moodle or Canvas gives, and the number in it is the student's."""
    parts = of_a_platform(name)
    found = [student for student in students if parts and student.platform_id == parts["number"]]
    if found and found[0].group:
        # The number is one member's, and the work the team's.
        return [student for student in students if student.group == found[0].group]
    return found


def of_a_platform(name: str) -> re.Match[str] | None:
    """What a platform wrote before the name that the student chose, which may look like another platform's."""
    return _CANVAS.fullmatch(name) or _MOODLE.fullmatch(name)


def _resubmitted(names: Sequence[str]) -> str:
    """The newest of several that Canvas names as one student's, by the number of its file; empty for others."""
    parts = {name: match for name in names if (match := _CANVAS.fullmatch(name))}
    one = len({(match["who"], match["number"]) for match in parts.values()}) == 1
    if len(names) < 2 or len(parts) != len(names) or not one:
        return ""
    return max(names, key=lambda name: int(parts[name]["file"]))


def _by_suffix(
    names: Sequence[str], students: Sequence[Student]
) -> Callable[[str, Sequence[Student]], list[Student]]:
    """`assignment-username`; where two user names would do, the assignment is what most names begin with."""
    beginnings = Counter(
        name[: -len(student.login)].casefold()
        for name in names
        for student in students
        if student.login and name.casefold().endswith(f"-{student.login.casefold()}")
    )

    def rule(name: str, free: Sequence[Student]) -> list[Student]:
        found = [
            student
            for student in free
            if student.login and name.casefold().endswith(f"-{student.login.casefold()}")
        ]
        often = {student.key: beginnings[name[: -len(student.login)].casefold()] for student in found}
        return [student for student in found if often[student.key] == max(often.values())]

    return rule


def _by_likeness(name: str, students: Sequence[Student]) -> list[Student]:
    """The same letters and digits, whatever the case, accents and signs; a name also with the last name first."""
    parts = of_a_platform(name)
    wanted = {normal(name), normal(parts["who"]) if parts else ""} - {""}
    return [student for student in students if wanted & _likenesses(student)]


def _likenesses(student: Student) -> set[str]:
    texts = (
        student.folder,
        student.id,
        student.mail,
        student.mail.partition("@")[0],
        student.login,
        student.group,
    )
    return {normal(text) for text in (*texts, *turned(student.name))} - {""}


def turned(name: str) -> list[str]:
    """A person's name with each of its words as the first: `Doe, Jane` is `Jane Doe`, too."""
    words = name.replace(",", " ").split()
    return [" ".join(words[i:] + words[:i]) for i in range(len(words))]


def _teams(students: Sequence[Student]) -> list[list[Student]]:
    """The students by team; whoever is in none is alone."""
    teams: dict[tuple[str, str], list[Student]] = defaultdict(list)
    for student in students:
        # Those who share a folder are a team, whether or not the roster names it.
        team = ("folder", student.folder) if student.folder else ("group", student.group)
        teams[team if team[1] else ("key", student.key)].append(student)
    return list(teams.values())


def _and(students: Iterable[Student]) -> str:
    names = [student.name or student.key for student in students]
    return " or ".join((*("; ".join(names[:-1]),), names[-1])) if len(names) > 1 else names[0]
