"""Whether points by hand make sense beside those that others of the class have; asked before they are kept."""

from __future__ import annotations

import re
from collections.abc import Mapping

from grading.gradebook.amounts import Manual, plain
from grading.gradebook.export.request import named
from grading.gradebook.ledger import Ledger
from grading.gradebook.marks import Adjustments, Change, Whose
from lab.errors import LabError

MOST_NAMED = 3
"""Names that are told; of more it is said how many there are."""

Set = Mapping[tuple[Whose, str], Adjustments]


def check(ledger: Ledger, set_: Set, whose: Whose, key: str, change: Change) -> None:
    """Refuse points out of another maximum than others have by the same name: one slip would change every mark.

    Args:
        ledger: the class, for what its students are called.
        set_: what is set for everybody, before the change.
        whose: is changed.
        key: of them.
        change: what is asked for.

    Raises:
        LabError: it says who has which maximum, and how to change it.
    """
    names = {("student", student.key): student.name or student.key for student in ledger.students}
    for name, given in change.points.items():
        others = {
            who: each.points[name]
            for who, each in set_.items()
            if who != (whose, key)
            and name in each.points
            and each.points[name].max_points != given.max_points
        }
        if not others:
            continue
        shown = [names.get(who, who[1]) for who in sorted(others)]
        more = f" and {len(shown) - MOST_NAMED} more" if len(shown) > MOST_NAMED else ""
        there = " and ".join(dict.fromkeys(_out_of(each) for each in others.values()))
        raise LabError(
            f"Points for {name!r} are {there} for {named(shown[:MOST_NAMED])}{more}, and here {_out_of(given)}",
            "The maximum is the same for all; to change it, take the others back first, as with "
            f"`grade set {_quoted(shown[0])} --clear points:{name}`, and then set all anew.",
        )


def told(ledger: Ledger, change: Change) -> list[str]:
    """What the instructor should know of a change that is kept: a score above what there is to earn."""
    score, most = change.values.get("score"), ledger.scale.checks
    if score is None or not most or score <= most:
        return []
    return [
        f"The score {plain(score)} is more than the {plain(most)} points of all checks; it counts as it is. "
        "If it is a slip, set it again; a bonus is clearer as --points bonus=2."
    ]


def _out_of(given: Manual) -> str:
    return f"out of {plain(given.max_points)}" if given.max_points else "a bonus, without a maximum"


def _quoted(name: str) -> str:
    """As a shell takes it for one word."""
    return name if re.fullmatch(r"[\w.@+-]+", name) else '"' + re.sub(r'(["\\$`])', r"\\\1", name) + '"'
