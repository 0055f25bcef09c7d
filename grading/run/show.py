"""What a person sees of a run: a line for each submission as it ends, how far it is, and a table at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table

from grading.run.single import Graded
from grading.verdicts import GROUPS, CheckResult, SubmissionResult

MOST_NAME = 32
"""Characters of a submission's name in a line."""


class Shown:
    """A `Watcher` for a terminal, or for a log. A context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._names: list[str] = []
        self._checks = 1
        self._seen: dict[str, set[str]] = {}
        self._ended: set[str] = set()
        self._free: set[str] = set()
        """Those that cost no time: nothing of them was run, so nothing follows from them for the others."""
        self._bars: dict[str, TaskID] = {}
        self._all: TaskID | None = None
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Shown:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    @property
    def count(self) -> int:
        """How many submissions have ended."""
        return len(self._ended)

    def begin(self, names: Sequence[str], done: Sequence[SubmissionResult], checks: int) -> None:
        """As `Watcher.begin`."""
        self._names, self._checks = list(names), max(checks, 1)
        self._began = time.monotonic()
        before = f", {len(done)} done before" if done else ""
        self._console.print(f"{len(names)} to grade{before}; {checks} check{'s' * (checks != 1)} each.")
        if names:
            self._all = self._progress.add_task("[bold]all[/bold]", total=len(names) * self._checks, said="")

    def check(self, submission: str, check: CheckResult) -> None:
        """As `Watcher.check`."""
        with self._lock:
            seen = self._seen.setdefault(submission, set())
            seen.add(check.id)
            if submission not in self._bars:
                self._bars[submission] = self._progress.add_task(
                    escape(_short(submission)), total=self._checks, said=""
                )
            self._progress.update(
                self._bars[submission], completed=len(seen), said=f"{len(seen)}/{self._checks}"
            )
            self._tell_all()

    def ended(self, graded: Graded) -> None:
        """As `Watcher.ended`."""
        with self._lock:
            result = graded.result
            self._ended.add(result.submission)
            if result.unopened or not result.seconds:
                self._free.add(result.submission)
            if result.submission in self._bars:
                self._progress.remove_task(self._bars.pop(result.submission))
            count = f"[dim]{len(self._ended):>3}/{len(self._names)}[/dim]"
            left = "" if self._console.is_terminal else f"  [dim]{self._left()}[/dim]"
            self._console.print(f"{count} {line(result)}{left}")
            self._tell_all()

    def _tell_all(self) -> None:
        if self._all is not None:
            self._progress.update(
                self._all, completed=self._fraction() * len(self._names) * self._checks, said=self._left()
            )

    def _fraction(self) -> float:
        """How much of the checks that take time is decided."""
        costly = len(self._names) - len(self._free)
        if costly <= 0:
            return 1.0
        under_way = sum(len(seen) for name, seen in self._seen.items() if name not in self._ended)
        decided = len(self._ended - self._free) * self._checks + min(under_way, self._checks * costly)
        return min(1.0, decided / (self._checks * costly))

    def _left(self) -> str:
        fraction = self._fraction()
        if fraction >= 1:
            return ""
        if fraction < 0.02:
            return "how long it takes shows soon"
        seconds = (time.monotonic() - self._began) * (1 - fraction) / fraction
        return f"about {_span(seconds)} left"


def line(result: SubmissionResult) -> str:
    """One submission in one line, as rich markup."""
    name = escape(f"{_short(result.submission):<{MOST_NAME}}")
    score = f"{points(result.score):>6} of {points(result.max_score):<5}"
    if result.problem:
        return f"[red]{name}[/red] {score} {escape(result.why)}"
    said = "[green]all passed[/green]"
    failed = [
        group for group in GROUPS if any(c.group == group and c.verdict == "failed" for c in result.checks)
    ]
    if failed:
        said = f"[yellow]failed: {', '.join(failed)}[/yellow]"
    if result.undecided:
        said = f"{said if failed else ''} [red]{len(result.undecided)} undecided[/red]".strip()
    return f"[bold]{name}[/bold] {score} {said}  {_span(result.seconds)}"


def table(results: Sequence[SubmissionResult], width: int) -> Table:
    """All submissions of a run; where there is room, with how much of each group's points they have.

    Args:
        results: a row each.
        width: of the terminal, in columns.
    """
    groups = [
        group for group in GROUPS if any(check.group == group for each in results for check in each.checks)
    ]
    if width < MOST_NAME + 30 + sum(len(group) + 2 for group in groups):
        groups = []  # the lines before have told which groups failed
    right = [Column(group.upper(), justify="right") for group in groups]
    found = Table(
        Column("SUBMISSION", overflow="fold"), Column("POINTS", justify="right", no_wrap=True), *right,
        Column("TIME", justify="right", no_wrap=True), box=None,
    )  # fmt: skip
    for result in results:
        cells = []
        for group in groups:
            checks = [check for check in result.checks if check.group == group and check.verdict != "error"]
            most, earned = sum(check.max_points for check in checks), sum(check.points for check in checks)
            share = f"{round(100 * earned / most)}" if most else "-"
            cells.append(f"[green]{share}[/green]" if most and earned >= most else share)
        score = f"{points(result.score)} of {points(result.max_score)}"
        found.add_row(escape(result.submission), score, *cells, _span(result.seconds))
    return found


def points(value: float) -> str:
    """A number of points without a needless fraction."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _span(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _short(name: str) -> str:
    return name if len(name) <= MOST_NAME else f"{name[: MOST_NAME - 1]}…"
