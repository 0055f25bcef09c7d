"""What is drawn on a terminal and written nowhere else: colours, gauges, ages, and lines that fit.

A cell is a text and how it is painted; widths are counted before painting, since the
terminal shows nothing of the escape sequences (ECMA-48, SGR).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

BOLD, DIM, RED, GREEN, YELLOW, CYAN = "1", "2", "31", "32", "33", "36"
BLACK_ON = {GREEN: "30;42", YELLOW: "30;43", RED: "97;41"}
"""A colour as a background, with a foreground that can be read on it."""

HOME, CLEAR_BELOW, CLEAR_LINE = "\033[H", "\033[J", "\033[K"


@dataclass(frozen=True)
class Cell:
    """A word or two of a line."""

    text: str
    colour: str = ""  # of the text
    filled: float | None = None  # a gauge: this share of the cell is painted as background

    def draw(self, width: int) -> str:
        """So many columns."""
        text = self.text if len(self.text) <= width else self.text[: max(0, width - 1)] + ">"
        text = text.ljust(width)
        if self.filled is None:
            return paint(text, self.colour)
        full = round(min(1.0, max(0.0, self.filled)) * width)
        return paint(text[:full], BLACK_ON[self.colour]) + text[full:]


@dataclass(frozen=True)
class Column:
    """A column of a table, with its cells."""

    title: str
    cells: Sequence[Cell]
    needed: bool = True  # or left out where there is no room; the first such column goes first
    least: int = 0  # it can be cut to this width; 0: to none

    @property
    def width(self) -> int:
        """What it would like to have."""
        return max(len(self.title), *(len(cell.text) for cell in self.cells), 0)


def paint(text: str, colour: str) -> str:
    """A text in a colour."""
    return f"\033[{colour}m{text}\033[0m" if colour and text else text


def table(columns: Sequence[Column], width: int) -> list[str]:
    """The lines of a table, of at most `width` characters: optional columns go, long ones are cut."""
    kept = list(columns)

    def excess() -> int:
        return sum(column.width + 2 for column in kept) - 2 - width

    for column in [one for one in columns if not one.needed]:
        cut = sum(max(0, one.width - one.least) for one in kept if one.least)
        if excess() - cut > 0:
            kept.remove(column)
    widths = []
    for column in kept:
        over = max(0, excess()) if column.least else 0
        widths.append(max(column.width - over, min(column.least, column.width)) if over else column.width)
    rows = [[Cell(column.title, DIM) for column in kept]]
    rows += [list(row) for row in zip(*(column.cells for column in kept), strict=True)]
    lines = []
    for row in rows:
        drawn, room = [], width
        for cell, wanted in zip(row, widths, strict=True):
            if room <= 0:
                break
            drawn.append(cell.draw(min(wanted, room)))
            room -= wanted + 2
        lines.append("  ".join(drawn))
    return lines


def gauge(text: str, used: float, soft: float, hard: float) -> Cell:
    """A cell that is filled as far as something is used; its colour tells which limit is near."""
    colour = RED if used > 0.9 * hard else YELLOW if used > soft else GREEN
    return Cell(text, colour, used / hard if hard else 0.0)


def age(seconds: float) -> str:
    """How long ago, in the largest unit that fits."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        count = int(seconds // length)
        if count > 0:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
