"""One guide as one page that needs nothing else: its pictures, its style and its script are inside it.

For `lab guide NN --web`. markdown-it makes the HTML, which Rich brings along anyway, so that
students need no more than the kit itself.
"""

from __future__ import annotations

import base64
import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup

from lab.errors import LabError
from lab.exercises import guides
from lab.exercises.catalogue import Exercise
from lab.site.consoles import console


def single(exercise: Exercise, values: Mapping[str, object], whose: str = "") -> str:
    """The page.

    Args:
        exercise: whose guide.
        values: its parameters.
        whose: the student's id; empty for nobody's.

    Raises:
        LabError: the guide or a picture cannot be read, or the guide is none.
    """
    guide = guides.read(exercise.folder, values)
    text = guides.render((exercise.folder / guides.NAME).read_text(encoding="utf-8"), values)
    body = _markdown(exercise.folder).render(text)
    files = resources.files("lab.site") / "assets"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    script = (files / "copy.js").read_text(encoding="utf-8")
    template = environment.from_string((files / "guide.html.j2").read_text(encoding="utf-8"))
    return template.render(
        title=f"{guide.number} · {guide.title}",
        style=Markup((files / "guide.css").read_text(encoding="utf-8")),
        script=Markup(script),
        # Only this one script may run, whatever else a page should come to hold (CSP Level 2).
        script_hash=Markup(base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()),
        body=Markup(body),  # of our own guide; values are numbers and words of ours
        exercise=exercise,
        whose=whose,
    )


def write(folder: Path, exercise: Exercise, values: Mapping[str, object], whose: str = "") -> Path:
    """Write the page into a folder, and say where it is.

    Raises:
        LabError: see `single`.
        OSError: this host cannot write there.
    """
    text = single(exercise, values, whose)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{exercise.folder.name}.html"
    descriptor, draft = tempfile.mkstemp(prefix=f".{target.name}-", dir=folder)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
        Path(draft).replace(target)
    finally:
        Path(draft).unlink(missing_ok=True)
    return target


def _markdown(folder: Path) -> MarkdownIt:
    """A renderer that puts pictures into the page, and knows console blocks."""
    markdown = MarkdownIt("commonmark").enable("table")

    def image(
        renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any
    ) -> str:
        token = tokens[at]
        token.attrs["src"] = _inside(folder / str(token.attrs["src"]))
        return RendererHTML.image(renderer, tokens, at, options, environment)

    def fence(
        renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any
    ) -> str:
        token = tokens[at]
        if token.info.strip() == "console":
            return console(token.content.removesuffix("\n").split("\n")) + "\n"
        return RendererHTML.fence(renderer, tokens, at, options, environment)

    def table(mark: str) -> Any:
        def wrapped(
            renderer: RendererHTML, tokens: Sequence[Token], at: int, options: Any, environment: Any
        ) -> str:
            return mark

        return wrapped

    markdown.add_render_rule("image", image)
    markdown.add_render_rule("fence", fence)
    # A wide table scrolls by itself, and not the page with it.
    markdown.add_render_rule("table_open", table('<div class="wide" tabindex="0"><table>\n'))
    markdown.add_render_rule("table_close", table("</table></div>\n"))
    return markdown


def _inside(path: Path) -> str:
    """A picture as an address that holds all of it (RFC 2397)."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise LabError(f"The picture {path} cannot be read: {error.strerror}") from error
    return f"data:image/svg+xml;base64,{base64.b64encode(data).decode()}"
