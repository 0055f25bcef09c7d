"""A guide for a terminal: as Rich shows Markdown, but for console blocks.

There what is typed stands out, and no line is broken: a command that is longer than the terminal is
folded by that, and can still be copied whole.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from lab.site.consoles import told_apart
from lab.site.fences import parts


def show(console: Console, text: str, width: int) -> None:
    """Print a guide.

    Args:
        console: where.
        text: its Markdown.
        width: of everything but console blocks, in columns.
    """
    prose: list[str] = []

    def flush() -> None:
        if any(line.strip() for line in prose):
            console.print(Markdown("\n".join(prose), hyperlinks=False, code_theme="ansi_dark"), width=width)
            console.print()
        prose.clear()

    for language, lines in parts(text):
        if language == "console":
            flush()
            console.print(_block(lines[1:-1]), soft_wrap=True)
            console.print()
        else:
            prose += lines
    flush()


def _block(lines: Sequence[str]) -> Text:
    shown = Text()
    for prompt, rest in told_apart(lines):
        shown.append("    ").append(prompt, style="blue").append(
            rest + "\n", style="bold" if prompt else "dim"
        )
    shown.rstrip()
    return shown
