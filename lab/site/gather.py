"""Brings the sources together: each page's text, with links, pictures and console blocks as the site has them.

The sources stay readable where they are: on a terminal, in an editor, in the browser of a
repository. What a site needs otherwise is done here, to copies.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from lab import paths
from lab.errors import LabError
from lab.exercises import guides, parameters
from lab.exercises.catalogue import Exercise
from lab.site.consoles import console
from lab.site.fences import outside, parts
from lab.site.pages import Page

PICTURES = "pictures"
"""The folder of the site with the pictures, each below where it lies in the checkout."""

_LINK = re.compile(r"(?P<head>!?\[[^\]]*\]\()(?P<target>[^)\s]+)(?P<tail>[^)]*\))")
_NAMED = re.compile(r"(?<!\[)`([\w./-]+\.md)`(?!\])")


def gather(pages: tuple[Page, ...], folder: Path, checkout: Path = paths.CHECKOUT) -> None:
    """Write all pages and the pictures that they show into an empty folder.

    Raises:
        LabError: a source is missing, or links to what is neither a page nor a picture.
        OSError: this host cannot write there.
    """
    places = _places(pages)
    for page in pages:
        pictures: dict[str, Path] = {}
        text = page_text(page, places, checkout, pictures)
        target = folder / page.place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        for place, original in pictures.items():
            copy = folder / place
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, copy)


def page_text(page: Page, places: Mapping[str, str], checkout: Path, pictures: dict[str, Path]) -> str:
    """A page's Markdown, as the site has it.

    Args:
        page: which.
        places: where each source stands in the site.
        checkout: where sources lie.
        pictures: gets the pictures that the page shows, by their place in the site.

    Raises:
        LabError: its source is missing or lacks a section, or a link leads nowhere.
    """
    path = checkout / page.source
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LabError(f"The page {path} cannot be read: {error.strerror}") from error
    if page.exercise is not None:
        text = guides.render(text, parameters.values(page.exercise.parameters, "", ""), str(path))
        text = _introduced(text, page.exercise)
    else:
        # A README is named after its folder; on the site it says what it is about.
        text = re.sub(r"\A# .*\n", f"# {page.title}\n", text)
    for heading in page.without:
        before, _, after = _section(text, heading, path)
        text = before + after
    if page.only:
        _, inside, _ = _section(text, page.only, path)
        text = f"# {page.title}\n{inside}"
    shown = [
        _fence(lines, language)
        if language is not None
        else _linked("\n".join(lines), page, places, checkout, pictures)
        for language, lines in parts(text)
    ]
    return _lists("\n".join(shown)).rstrip("\n") + "\n"


def _places(pages: tuple[Page, ...]) -> dict[str, str]:
    """Where each source is found, and under `SOURCE#ANCHOR` each section of one that is a page of its own."""
    found: dict[str, str] = {}
    for page in pages:
        if page.only:
            anchor = re.sub(r"[^\w]+", "-", page.only.lower()).strip("-")
            found[f"{page.source}#{anchor}"] = page.place
        else:
            found.setdefault(page.source, page.place)
    return found


def _introduced(text: str, exercise: Exercise) -> str:
    """A guide with a line below its title about what it takes and gives."""
    needs = ", ".join(exercise.needs) or "nothing"
    about = f"About {exercise.minutes} minutes · {exercise.points:g} points · builds on {needs}"
    own = f"`lab guide {exercise.number}` shows it with your own numbers and names; here they are nobody's."
    title, _, rest = text.partition("\n")
    return f"{title}\n\n{about}. {own if exercise.parameters else ''}\n{{: .about }}\n{rest}"


def _section(text: str, heading: str, path: Path) -> tuple[str, str, str]:
    """What stands before a section of the second level, in it (without its heading), and after it."""
    lines = text.split("\n")
    starts = [at for at, line in outside(lines) if line.startswith("## ")]
    begin = next((at for at in starts if lines[at] == f"## {heading}"), None)
    if begin is None:
        raise LabError(f"{path} has no section {heading!r}", "Correct it there, or in lab/site/pages.py.")
    end = next((at for at in starts if at > begin), len(lines))
    return "\n".join(lines[:begin]) + "\n", "\n".join(lines[begin + 1 : end]) + "\n", "\n".join(lines[end:])


def _lists(text: str) -> str:
    """Lists as Python-Markdown reads them.

    It takes for a part of an item only what is indented by four, and for a list only what stands
    apart from the paragraph before; our sources are CommonMark, where neither is needed.
    """
    lines = text.split("\n")
    text_lines = {at for at, _ in outside(lines)}
    found: list[str] = []
    width = 0  # of the present item's marker
    for at, line in enumerate(lines):
        item = re.match(r"([-*]|\d+\.) +(?=\S)", line) if at in text_lines else None
        if item:
            if found and found[-1].strip() and not width:
                found.append("")
            width = len(item[0])
        elif width and line.strip() and at in text_lines and not line.startswith(" "):
            if not found[-1].strip():
                width = 0  # a paragraph of its own; otherwise a line that belongs to the item
        elif width and line.startswith(" " * width):
            line = " " * max(0, 4 - width) + line
        found.append(line)
    return "\n".join(found)


def _fence(lines: list[str], language: str) -> str:
    return console(lines[1:-1]) if language == "console" else "\n".join(lines)


def _linked(
    text: str, page: Page, places: Mapping[str, str], checkout: Path, pictures: dict[str, Path]
) -> str:
    """A text with its links turned to where things stand in the site."""
    here = posixpath.dirname(page.place)

    def link(match: re.Match[str]) -> str:
        target, hash_, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", target) or not target:
            return match[0]
        source = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), target))
        if f"{source}#{anchor}" in places:
            place, hash_, anchor = places[f"{source}#{anchor}"], "", ""
        elif source in places:
            place = places[source]
        elif match["head"].startswith("!") and (checkout / source).is_file():
            # A course's own exercise lies elsewhere: there its folder's name is enough.
            below = source if not posixpath.isabs(source) else "/".join(source.split("/")[-2:])
            place = f"{PICTURES}/{below}"
            pictures[place] = checkout / source
        else:
            raise LabError(f"{checkout / page.source} links to {target}, which is not in the site")
        return f"{match['head']}{posixpath.relpath(place, here or '.')}{hash_}{anchor}{match['tail']}"

    def named(match: re.Match[str]) -> str:
        """Where a text names a file that is a page, it leads there."""
        for source in (
            match[1],
            posixpath.normpath(posixpath.join(posixpath.dirname(page.source), match[1])),
        ):
            if source in places and source != page.source:
                return f"[{match[0]}]({posixpath.relpath(places[source], here or '.')})"
        return match[0]

    return _NAMED.sub(named, _LINK.sub(link, text))
