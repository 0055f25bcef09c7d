"""Text that a submission had a hand in, made harmless and readable on a page.

HTML is escaped, as it is everywhere. On top of that nothing may hide: control characters
and invisible ones are shown by a sign of their own, because a terminal sequence or a change
of the writing direction makes a line read as something that it is not ("Trojan Source",
CVE-2021-42574). And nothing may flood: long lines and long texts are cut, with a note of
how much is missing.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator

from markupsafe import Markup, escape

LINE_MOST = 400
"""Characters of one line that are shown."""
LINES_FIRST, LINES_LAST = 50, 20
"""Lines of one text that are shown: the first and, after a note, the last ones."""
NAME_MOST = 80
"""Characters that are shown of a name."""
TIMES = "\N{MULTIPLICATION SIGN}"
NAMELESS = "(no name)"
"""Stands where a name is empty, so that a link to it can be seen."""
HEADING_MOST = 160
"""Characters that are shown of a check's title."""
MARKS_MOST = 3
"""Combining marks on one letter; what follows is a stack that would cover the lines above."""

INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Unicode's general categories of what has no glyph: controls, formats (bidi, zero width), surrogates,
private use, separators of lines and paragraphs."""
ESCAPES = {0: "\\0", 9: "\\t", 10: "\\n", 13: "\\r"}
"""Controls that C writes with a letter."""


def _sign(character: str) -> str:
    """What stands for a character that cannot be seen."""
    code = ord(character)
    if code < 0x80:
        return ESCAPES.get(code, f"\\x{code:02x}")
    return f"U+{code:04X}"


def _signs(text: str, kept: str) -> Iterator[str]:
    """For each character the sign that stands for it, or nothing where it is shown itself."""
    marks = 0
    for character in text:
        category = unicodedata.category(character)
        marks = marks + 1 if category.startswith("M") else 0
        odd = (category in INVISIBLE and character not in kept) or marks > MARKS_MOST
        yield _sign(character) if odd else ""


def _pieces(text: str, kept: str) -> Iterator[tuple[bool, str]]:
    """The text as runs of (is it a sign?, what to show); of a sign that is repeated, how often."""
    pairs = zip(text, _signs(text, kept), strict=True)
    for sign, run in itertools.groupby(pairs, key=lambda pair: pair[1]):
        shown = "".join(character for character, _ in run)
        if not sign:
            yield False, shown
        else:
            yield True, sign if len(shown) == 1 else f"{sign}{TIMES}{len(shown)}"


def plain(text: str, most: int = NAME_MOST) -> str:
    """One line without mark-up, for a page's title and for attributes: nothing invisible, and not long."""
    one_line = text if len(text) <= most else f"{text[:most]}…"
    return "".join(shown for _, shown in _pieces(one_line, kept=""))


def _marked(text: str, kept: str) -> Markup:
    """The text escaped, with a mark around each sign that stands for something invisible."""
    if text.isascii() and text.isprintable():  # nearly all text; the rest costs a look at each character
        return escape(text)
    return Markup("").join(
        Markup('<span class="odd">{}</span>').format(shown) if odd else escape(shown)
        for odd, shown in _pieces(text, kept)
    )


def _note(count: int, what: str) -> Markup:
    plural = "" if count == 1 else "s"
    return Markup('<span class="cut">… {} more {}{} …</span>').format(f"{count:,}", what, plural)


def line(text: str, most: int = LINE_MOST) -> Markup:
    """One line; a tab stays a tab."""
    cut = len(text) - most
    if cut <= 0:
        return _marked(text, kept="\t")
    return _marked(text[:most], kept="\t") + _note(cut, "character")


def name(text: str) -> Markup:
    """A name as part of a sentence or a cell: in a direction of its own."""
    return Markup("<bdi>{}</bdi>").format(line(text, NAME_MOST) if text.strip() else NAMELESS)


def block(text: str) -> Markup:
    """A text of several lines: an output, a log, a source."""
    lines = text.split("\n")
    cut = len(lines) - LINES_FIRST - LINES_LAST
    if cut <= 1:
        return Markup("\n").join(line(each) for each in lines)
    first, last = lines[:LINES_FIRST], lines[-LINES_LAST:]
    return Markup("\n").join([*map(line, first), _note(cut, "line"), *map(line, last)])


def heading(text: str) -> Markup:
    """A check's title: one line in which backticks mark names."""
    return _code(line(text, HEADING_MOST))


def sentence(text: str) -> Markup:
    """What a check says: lines of text in which backticks mark names."""
    return _code(block(text.strip()))


def _code(escaped: Markup) -> Markup:
    return Markup(re.sub(r"`([^`\n]+)`", r"<code>\1</code>", str(escaped)))
