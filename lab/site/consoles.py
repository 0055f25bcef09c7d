"""Console blocks line by line, and as HTML: what is typed can be told from what comes back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from lab.exercises.consoles import CONTINUATION, PROMPTS


def told_apart(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each line of a console block as its prompt, empty for output, and the rest.

    Args:
        lines: what stands between the fences.
    """
    typing = False
    for line in lines:
        prompt = next((each for each in PROMPTS if line.startswith(each)), "")
        if not prompt and typing and (line.startswith(CONTINUATION) or line == CONTINUATION.rstrip()):
            prompt = CONTINUATION
        typing = bool(prompt)
        yield prompt, line[len(prompt) :]


def console(lines: Sequence[str]) -> str:
    """A console block as HTML.

    Prompts and outputs have classes of their own; the style sheet takes prompts out of what a
    selection copies. An empty line gets a space, since to Markdown it would end the HTML.

    Args:
        lines: what stands between the fences.
    """
    shown = []
    for prompt, rest in told_apart(lines):
        text = escape(rest, quote=False)
        if prompt:
            shown.append(f'<span class="prompt">{escape(prompt)}</span><span class="typed">{text}</span>')
        else:
            shown.append(f'<span class="printed">{text or " "}</span>')
    return '<pre class="console" tabindex="0"><code>' + "\n".join(shown) + "</code></pre>"
