"""Fenced blocks of Markdown, and what stands between them."""

from __future__ import annotations

import re
from collections.abc import Iterator


def outside(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The lines that stand in no fenced block, with their indices."""
    fence = ""
    for at, line in enumerate(lines):
        mark = re.match(r" *(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif fence and line.strip() == fence:
            fence = ""
        elif not fence:
            yield at, line


def parts(text: str) -> Iterator[tuple[str | None, list[str]]]:
    """Text and fenced blocks in turns: (None, its lines), or (language, all lines with the fences)."""
    lines = text.split("\n")
    text_lines = {at for at, _ in outside(lines)}
    held: list[str] = []
    language: str | None = None
    fence = ""
    for at, line in enumerate(lines):
        if at in text_lines:
            held.append(line)
            continue
        opening = re.match(r" *(`{3,}|~{3,})(\S*)", line)
        if language is None and opening:
            if held:
                yield None, held
            held, fence, language = [line], opening[1], opening[2]
        else:
            held.append(line)
            if line.strip() == fence:
                yield language, held
                held, language = [], None
    if held:
        yield language, held
