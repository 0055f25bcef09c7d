"""Regions: the parts of a solution that students write, each between a pair of marker lines.

    # region 05.producer          /* region 05.list */
    …                             …
    # endregion 05.producer       /* endregion 05.list */

A marker stands on a line of its own, at the indentation of what it encloses; editors fold
there. The number is the exercise's, the word is the region's. Everything here works on
text alone: which regions there are, and in which file, is the catalogue's knowledge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import LabError

NAME = re.compile(r"\d\d\.[a-z][a-z_]*")
"""What a region is called: the exercise's number and a word."""

_MARKER = re.compile(r"^([ \t]*)(#|/\*) (region|endregion) (\S+)(?: \*/)?[ \t]*$")
_ALMOST = re.compile(r"^\s*(?:#|/\*|//)\s*(?:end)?region\b")


@dataclass(frozen=True)
class Region:
    """A region as it stands in a text."""

    name: str
    indent: str
    """Spaces or tabs before its markers."""
    begin: int
    """Index of the line after the opening marker."""
    end: int
    """Index of the line with the closing marker."""
    body: str
    """What stands between them, without that indentation; ends with a newline."""


def find(text: str, where: str) -> dict[str, Region]:
    """The regions of a text, by name, in their order.

    Args:
        text: a source file.
        where: its name, for messages.

    Raises:
        LabError: a region is nested, has no end or no beginning, is empty, or stands there twice.
    """
    found: dict[str, Region] = {}
    lines = text.splitlines()
    open_name, open_indent, open_line = "", "", 0
    for index, line in enumerate(lines):
        marker = _MARKER.match(line)
        place = f"{where}, line {index + 1}"
        if marker is None:
            if _ALMOST.match(line):
                raise LabError(
                    f"{place}: {line.strip()!r} is almost the marker of a region",
                    "It is written `# region 05.word` or `/* region 05.word */`, and nothing else on the line.",
                )
            continue
        indent, _, kind, name = marker.groups()
        if not NAME.fullmatch(name):
            raise LabError(
                f"{place}: {name!r} is no name of a region",
                "It is the exercise's number and a word, as 05.producer.",
            )
        if kind == "region":
            if open_name:
                raise LabError(
                    f"{place}: region {name} begins inside of {open_name}", "End that one before it."
                )
            if name in found:
                raise LabError(f"{place}: region {name} stands there twice", "Give one of them another name.")
            open_name, open_indent, open_line = name, indent, index
            continue
        if name != open_name:
            inside = f"inside of {open_name}" if open_name else "without having begun"
            raise LabError(f"{place}: region {name} ends {inside}", "Each `region` has its own `endregion`.")
        body = _without(open_indent, lines[open_line + 1 : index])
        if not body.strip():
            raise LabError(f"{place}: region {name} is empty", "Put it around something, or take it away.")
        found[name] = Region(name, open_indent, open_line + 1, index, body)
        open_name = ""
    if open_name:
        raise LabError(
            f"{where}, line {open_line + 1}: region {open_name} has no end",
            f"Write `endregion {open_name}` after it.",
        )
    return found


def replace(text: str, bodies: Mapping[str, str], where: str) -> str:
    """The text with other bodies in some of its regions; the markers stay.

    Args:
        text: a source file.
        bodies: what to put in, by the region's name, at column 0; indented here.
        where: the file's name, for messages.

    Raises:
        LabError: the text's markers are not in order, or it lacks one of these regions.
    """
    found = find(text, where)
    for name in bodies:
        if name not in found:
            raise LabError(
                f"{where} has no region {name}",
                f"Put its markers back: a line `region {name}` and a line `endregion {name}`, as comments.",
            )
    lines = text.splitlines(keepends=True)
    for region in sorted(found.values(), key=lambda each: each.begin, reverse=True):
        if region.name in bodies:
            lines[region.begin : region.end] = [_indented(region.indent, bodies[region.name])]
    return "".join(lines)


def _without(indent: str, lines: list[str]) -> str:
    """Lines without an indentation; those that have less of it keep what they have."""
    return "".join(f"{line.removeprefix(indent)}\n" for line in lines)


def _indented(indent: str, body: str) -> str:
    return "".join(f"{indent}{line}\n" if line.strip() else "\n" for line in body.splitlines())
