"""A guide: `guide.md` of an exercise, taken apart into its title, sections, pictures and console blocks.

A guide is Markdown with `{{ name }}` where a parameter stands (Jinja2; a name that is not
known is an error). Only such expressions are used: the other signs of Jinja2 would clash
with what shells and C write, and are put out of the way. So the order is: render, then parse.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import jinja2
from jinja2 import meta

from lab.errors import LabError
from lab.exercises.consoles import Block, parse_block

NAME = "guide.md"

TASK, TRAPS = "Your task", "Traps"

SECTIONS = (
    "Predict, do, observe, explain",
    TASK,
    TRAPS,
    "Questions",
    "Further reading",
)
"""Headings of the second level, in this order, in every guide."""

STEP_PARTS = ("**Predict.**", "**Do.**", "**Observe.**", "**Explain.**")
"""What each step of the first section consists of, in this order."""

_templates = jinja2.Environment(
    undefined=jinja2.StrictUndefined,
    autoescape=False,  # it is Markdown, and the values are numbers and words of ours
    keep_trailing_newline=True,
    block_start_string="{{%%",
    block_end_string="%%}}",
    comment_start_string="{{##",
    comment_end_string="##}}",
)


@dataclass(frozen=True)
class Picture:
    """A picture that a guide shows."""

    alt: str
    """What is seen in it, in words."""
    path: str
    """Beside the guide."""
    line: int


@dataclass(frozen=True)
class Section:
    """What stands below a heading, up to the next of the same or a higher level."""

    level: int
    """Number of `#`."""
    title: str
    text: str
    line: int


@dataclass(frozen=True)
class Guide:
    """A guide, taken apart."""

    title: str
    """Without its number."""
    number: str
    """Of the exercise, two digits."""
    opening: str
    """What stands before the first section."""
    sections: tuple[Section, ...]
    """Of all levels but the first, as they follow each other."""
    pictures: tuple[Picture, ...]
    blocks: tuple[Block, ...]

    def section(self, title: str) -> Section:
        """The section of that title.

        Raises:
            LabError: there is none.
        """
        for section in self.sections:
            if section.title == title:
                return section
        raise LabError(f"The guide of exercise {self.number} has no section {title!r}")

    @property
    def steps(self) -> tuple[Section, ...]:
        """The steps of the first section."""
        first = self.section(SECTIONS[0])
        last = first.line + first.text.count("\n")
        return tuple(each for each in self.sections if each.level == 3 and first.line < each.line <= last)

    @property
    def explaining(self) -> tuple[str, ...]:
        """The headings below which something is explained that a check looks at: of steps, task and traps."""
        return (*(step.title for step in self.steps), TASK, TRAPS)


def read(folder: Path, values: Mapping[str, object]) -> Guide:
    """The guide in an exercise's folder, with a student's parameters in it.

    Raises:
        LabError: there is none, or it cannot be rendered or parsed; with file and line.
    """
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LabError(f"The guide {path} cannot be read: {error.strerror}") from error
    return parse(render(text, values, str(path)), str(path))


def render(text: str, values: Mapping[str, object], where: str = NAME) -> str:
    """A template of the kit's with values in it: a guide, or a string of `exercise.toml`.

    Raises:
        LabError: it is no template, or a name in it has no value.
    """
    try:
        return _template(text).render(values)
    except jinja2.TemplateSyntaxError as error:
        raise LabError(f"{where}, line {error.lineno}: {error.message}") from error
    except jinja2.UndefinedError as error:
        raise LabError(
            f"{where}: {error.message}", "Declare it below [parameters] in exercise.toml."
        ) from error


@lru_cache(maxsize=256)
def _template(text: str) -> jinja2.Template:
    """A template, compiled once: a rule, a course or a class renders the same ones with many values."""
    return _templates.from_string(text)


def names(text: str, where: str = NAME) -> frozenset[str]:
    """The parameters that a template needs.

    Raises:
        LabError: it is no template.
    """
    try:
        return frozenset(meta.find_undeclared_variables(_templates.parse(text)))
    except jinja2.TemplateSyntaxError as error:
        raise LabError(f"{where}, line {error.lineno}: {error.message}") from error


def parse(text: str, where: str = NAME) -> Guide:
    """Take a rendered guide apart.

    Raises:
        LabError: it has no title, a fence has no end, or a console block is none.
    """
    lines = text.splitlines()
    headings: list[tuple[int, str, int]] = []
    pictures: list[Picture] = []
    blocks: list[Block] = []
    fence, language, begin = "", "", 0
    for number, line in enumerate(lines, 1):
        if fence:
            if line.strip() == fence:
                if language == "console":
                    blocks.append(parse_block(lines[begin : number - 1], begin, where))
                fence = ""
        elif match := re.match(r"(`{3,}|~{3,})\s*(\S*)", line):
            fence, language, begin = match[1], match[2], number
        elif match := re.match(r"(#{1,6}) +(.+?)\s*$", line):
            headings.append((len(match[1]), match[2], number))
        else:
            pictures += [Picture(alt, path, number) for alt, path in re.findall(r"!\[(.*?)\]\((.+?)\)", line)]
    if fence:
        raise LabError(f"{where}, line {begin}: this block has no end", f"Close it with {fence}.")
    title = re.fullmatch(r"(\d\d) · (.+)", headings[0][1]) if headings and headings[0][0] == 1 else None
    if title is None:
        raise LabError(f"{where}: the title is missing", "Let it begin with `# NN · Title`.")
    ends = [*(line for _, _, line in headings[1:]), len(lines) + 1]
    sections = []
    for at, (level, name, place) in enumerate(headings):
        end = next((next_ for other, _, next_ in headings[at + 1 :] if other <= level), len(lines) + 1)
        sections.append(Section(level, name, "\n".join(lines[place : end - 1]), place))
    opening = "\n".join(lines[headings[0][2] : ends[0] - 1])
    return Guide(title[2], title[1], opening, tuple(sections[1:]), tuple(pictures), tuple(blocks))
