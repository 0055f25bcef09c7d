"""Console blocks as HTML: what is typed can be told from what comes, and copied without its prompt."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from lab.exercises.consoles import CONTINUATION, PROMPTS


def console(lines: Sequence[str]) -> str:
    """A console block of a guide as HTML.

    Prompts and outputs have classes of their own; the style sheet takes prompts out of what a
    selection copies. An empty line gets a space, since to Markdown it would end the HTML.

    Args:
        lines: what stands between the fences.
    """
    shown: list[str] = []
    typing = False
    for line in lines:
        prompt = next((each for each in PROMPTS if line.startswith(each)), None)
        if prompt is None and typing and (line.startswith(CONTINUATION) or line == CONTINUATION.rstrip()):
            prompt = CONTINUATION
        typing = prompt is not None
        if prompt is not None:
            typed = escape(line[len(prompt) :], quote=False)
            shown.append(f'<span class="prompt">{escape(prompt)}</span><span class="typed">{typed}</span>')
        else:
            shown.append(f'<span class="printed">{escape(line, quote=False) or " "}</span>')
    return '<pre class="console" tabindex="0"><code>' + "\n".join(shown) + "</code></pre>"
