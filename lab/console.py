"""What a person sees of the kit: messages, progress, and the one sentence of an error.

Results go to standard output; progress and errors to standard error, so that
`--json` can be piped. Rich turns colours off where no terminal listens, and where
`NO_COLOR` is set.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console, ConsoleOptions, RenderableType
from rich.markup import escape
from rich.segment import Segment
from rich.status import Status
from rich.text import Text

from lab.errors import LabError
from lab.unseen import escaped, still


class WholeLines(Console):
    """A console that breaks no line of text: a path or a command in it can be found and copied as it is.

    Nor does it draw anything in the place of `:100:`, which is where a compiler complains, and no text acts on the
    terminal: much of it comes from a guest or from what somebody handed in.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def print(self, *objects: Any, **options: Any) -> None:
        """As Rich's; tables and the like still fit the terminal."""
        if all(isinstance(each, (str, Text)) for each in objects):
            options.setdefault("soft_wrap", True)
        super().print(*objects, **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """As Rich's; what Rich itself tells the terminal stays."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(still(segment.text), segment.style)


out = WholeLines()
"""Results."""

err = WholeLines(stderr=True)
"""Progress and errors."""


class Progress(Protocol):
    """Told what is being done, at most a few times a second."""

    def step(self, text: str) -> None:
        """A new step begins: what is being done, as `Building the image`."""

    def detail(self, text: str) -> None:
        """How far the present step has come."""


class NoProgress:
    """Says nothing; for programs and tests."""

    def step(self, text: str) -> None:
        """Ignored."""

    def detail(self, text: str) -> None:
        """Ignored."""


class _Shown:
    """Each finished step becomes a line with its seconds; the present one has a spinner on a terminal."""

    def __init__(self, status: Status | None) -> None:
        self._status = status
        self._text = ""
        self._began = 0.0

    def step(self, text: str) -> None:
        self.finish()
        self._text, self._began = text, time.monotonic()
        if self._status:
            self._status.update(escape(text) + " …")
        else:
            err.print(escape(text) + " …")

    def detail(self, text: str) -> None:
        if self._status:
            self._status.update(f"{escape(self._text)} … [dim]{escape(text)}[/dim]")

    def finish(self) -> None:
        if self._text and self._status:
            err.print(
                f"[green]✓[/green] {escape(self._text)} [dim]{time.monotonic() - self._began:.1f} s[/dim]"
            )
        self._text = ""


@contextmanager
def progress(*, quiet: bool = False) -> Iterator[Progress]:
    """Show progress on standard error while the block runs."""
    if quiet:
        yield NoProgress()
    elif err.is_terminal:
        with err.status("") as status:
            shown = _Shown(status)
            yield shown
            shown.finish()
    else:
        yield _Shown(None)


def print_json(value: object) -> None:
    """Print a result for programs, as `--json` promises: standard output, UTF-8 as it is.

    Escaped is only what would act on a terminal.
    """
    text = escaped(json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"
    sys.stdout.flush()
    # Also where the locale says otherwise: JSON is UTF-8 (RFC 8259).
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
    sys.stdout.buffer.flush()


def report(error: LabError) -> None:
    """Print an error as one sentence, with its evidence below it."""
    err.print(f"[bold red]error:[/bold red] {escape(str(error))}")
    if error.detail:
        err.print(escape(error.detail), style="dim")
