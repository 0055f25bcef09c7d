"""Expected and actual, line by line: what both have, what is missing, and what is there instead."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

from markupsafe import Markup

from grading.pages import text
from grading.verdicts import CheckResult

LINES_MOST = 300
"""Lines of each side that are compared; comparing costs up to their product."""
BRIEF_MOST = 120
"""Characters of a text that is brief."""
CONTEXT = 3
"""Equal lines that are shown before and after a difference."""

Kind = Literal["same", "expected", "actual", "note"]


@dataclass(frozen=True)
class Row:
    """One line of the comparison."""

    kind: Kind
    shown: Markup
    """Harmless; in a changed line the part that differs is marked."""


def is_worth_it(expected: str, actual: str) -> bool:
    """Whether a comparison reads better than the two texts one after the other."""
    return "\n" in expected.rstrip("\n") and "\n" in actual.rstrip("\n")


def is_brief(check: CheckResult) -> bool:
    """Whether expected and actual are a few words each, to be set in two lines."""
    return all("\n" not in each and len(each) <= BRIEF_MOST for each in (check.expected, check.actual))


def rows(expected: str, actual: str) -> list[Row]:
    """Compare two texts. A newline that only one of them ends with is told."""
    left, right = expected.split("\n"), actual.split("\n")
    ends_left, ends_right = left[-1] == "", right[-1] == ""
    left, right = left[: -1 if ends_left else None], right[: -1 if ends_right else None]
    cut = max(len(left), len(right)) - LINES_MOST
    left, right = left[:LINES_MOST], right[:LINES_MOST]
    out: list[Row] = []
    codes = SequenceMatcher(None, left, right, autojunk=False).get_opcodes()
    for number, (tag, l_from, l_to, r_from, r_to) in enumerate(codes):
        if tag == "equal":
            at_start = number == 0 and len(codes) > 1
            at_end = 0 < number == len(codes) - 1 and cut <= 0 and ends_left == ends_right
            out += _same(left[l_from:l_to], at_start=at_start, at_end=at_end)
        elif tag == "replace" and l_to - l_from == r_to - r_from:
            for old, new in zip(left[l_from:l_to], right[r_from:r_to], strict=True):
                out += _changed(old, new)
        else:
            out += [Row("expected", text.line(each)) for each in left[l_from:l_to]]
            out += [Row("actual", text.line(each)) for each in right[r_from:r_to]]
    if cut > 0:
        out.append(_note(f"{cut:,} more lines are not compared"))
    elif ends_left != ends_right:
        side = "expected" if ends_left else "actual"
        out.append(_note(f"only the {side} text ends with a newline"))
    return out


def _note(words: str) -> Row:
    return Row("note", Markup("… {}").format(words))


def _same(lines: list[str], *, at_start: bool, at_end: bool) -> list[Row]:
    """Equal lines; of many, those near a difference."""
    before = 0 if at_start else CONTEXT
    after = 0 if at_end else CONTEXT
    hidden = len(lines) - before - after
    if hidden <= 1:
        return [Row("same", text.line(each)) for each in lines]
    kept = [Row("same", text.line(each)) for each in (*lines[:before], *lines[len(lines) - after :])]
    kept.insert(before, _note(f"{hidden:,} equal lines"))
    return kept


def _changed(old: str, new: str) -> list[Row]:
    """Two versions of one line: what they begin and end with alike is plain, the rest is marked."""
    shorter = min(len(old), len(new))
    head = next((at for at in range(shorter) if old[at] != new[at]), shorter)
    tail = next((at for at in range(shorter - head) if old[-1 - at] != new[-1 - at]), shorter - head)
    return [
        Row("expected", _with_middle(old, head, tail)),
        Row("actual", _with_middle(new, head, tail)),
    ]


def _with_middle(words: str, head: int, tail: int) -> Markup:
    if head + tail < 2 or len(words) > text.LINE_MOST:  # little in common, or to be cut: no need to mark
        return text.line(words)
    middle = words[head : len(words) - tail]
    marked = Markup("<mark>{}</mark>").format(text.line(middle)) if middle else Markup("")
    return text.line(words[:head]) + marked + text.line(words[len(words) - tail :])
