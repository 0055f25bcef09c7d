"""The demonstrations as a person follows them in a terminal.

Everything goes to the console it is given. On a terminal one line at the bottom tells
what is running; elsewhere that line is left out, and colours with it.
"""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.status import Status
from rich.text import Text

from lab.demo.model import Demonstration, Evidence, Report

MOST_LINES = 14
"""Of one output; the page has all of them."""


class Terminal:
    """An `Audience` that prints."""

    def __init__(self, console: Console, status: Status | None) -> None:
        self._console = console
        self._status = status

    def preparing(self, what: str) -> None:
        """Shown while it lasts."""
        self._now(what)

    def begins(self, number: int, title: str, sentence: str) -> None:
        """A heading and what is to be seen."""
        self._console.print()
        self._console.print(f"[bold cyan]{number}[/]  [bold]{escape(title)}[/]")
        self._console.print(Padding(Text(sentence.replace("`", "")), (0, 3)))

    def runs(self, command: str) -> None:
        """Shown while it lasts."""
        self._now(command)

    def saw(self, evidence: Evidence) -> None:
        """The command, and the end of what it printed."""
        self._console.print()
        self._console.print(Padding(Text(f"# {evidence.command}", "green", overflow="fold"), (0, 0, 0, 5)))
        lines = evidence.output.splitlines()
        if len(lines) > MOST_LINES:
            hidden = len(lines) - MOST_LINES + 1
            lines = [
                *lines[: MOST_LINES // 2],
                f"… {hidden} more lines, in the page …",
                *lines[-MOST_LINES // 2 + 1 :],
            ]
        if lines:
            self._console.print(Padding(Text("\n".join(lines), "dim", overflow="fold"), (0, 0, 0, 5)))
        if evidence.exit_status:
            self._console.print(Padding(Text(f"[exit status {evidence.exit_status}]", "dim"), (0, 0, 0, 5)))

    def ends(self, demonstration: Demonstration) -> None:
        """The verdict."""
        self._console.print()
        word = "[bold green]✓ holds[/]" if demonstration.holds else "[bold red]✗ does not hold[/]"
        self._console.print(Padding(f"{word}  {escape(demonstration.why.replace('`', ''))}", (0, 3)))

    def _now(self, what: str) -> None:
        if self._status:
            short = what if len(what) < 70 else what[:69] + "…"
            self._status.update(f"[dim]{escape(short)}[/]")


class Silence:
    """An `Audience` that prints nothing."""

    def preparing(self, what: str) -> None:
        """Ignored."""

    def begins(self, number: int, title: str, sentence: str) -> None:
        """Ignored."""

    def runs(self, command: str) -> None:
        """Ignored."""

    def saw(self, evidence: Evidence) -> None:
        """Ignored."""

    def ends(self, demonstration: Demonstration) -> None:
        """Ignored."""


def summary(console: Console, report: Report, page: str) -> None:
    """All verdicts at a glance, and where the page is."""
    console.print()
    for each in report.demonstrations:
        mark = "[green]✓[/]" if each.holds else "[red]✗[/]"
        console.print(f" {mark} [bold]{each.number}[/] {escape(each.title)} [dim]{each.seconds:.1f} s[/]")
    held = sum(each.holds for each in report.demonstrations)
    console.print()
    console.print(
        f" [bold]{held} of {len(report.demonstrations)}[/] demonstrations hold, in {report.seconds:.0f} s. "
        f"The page: {escape(page)}",
    )
