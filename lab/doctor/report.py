"""What was found, for people (a table and what to do) and for programs (JSON)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.doctor.finding import Finding, Status

FORMAT = 1
"""Of the JSON; grows when a key changes its meaning or goes."""

LOOKS: dict[Status, tuple[str, str]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "failed": ("FAILED", "bold red"),
    "skipped": ("skipped", "dim"),
}
"""A word and a colour: the word alone must do, where there are no colours."""


def exit_status(findings: Sequence[Finding]) -> int:
    """0 if nothing failed, 1 otherwise; warnings do not count."""
    return int(any(finding.status == "failed" for finding in findings))


def document(findings: Sequence[Finding], machine: str | None = None) -> dict[str, Any]:
    """The JSON: its keys are described in this folder's README."""
    counts = Counter(finding.status for finding in findings)
    return {
        "format": FORMAT,
        "subject": "host" if machine is None else "guest",
        "machine": machine,
        "result": "failed" if exit_status(findings) else "ok",
        "counts": {status: counts[status] for status in LOOKS},
        "checks": [asdict(finding) for finding in findings],
    }


def show(findings: Sequence[Finding], out: Console, subject: str) -> None:
    """Print the table, then what to do, each fix on a line of its own that can be copied."""
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        word, style = LOOKS[finding.status]
        table.add_row(f"[{style}]{word}[/]", finding.name, escape(finding.found))
    out.print(table)
    todo = [finding for finding in findings if finding.fix]
    for finding in sorted(todo, key=lambda finding: finding.status != "failed"):
        word, style = LOOKS[finding.status]
        out.print(f"\n[{style}]{word}[/] {finding.name}: what to do", highlight=False)
        out.print(f"  {escape(finding.fix)}")
    out.print()
    out.print(_summary(findings, subject))


def _summary(findings: Sequence[Finding], subject: str) -> str:
    counts = Counter(finding.status for finding in findings)
    warnings = f", {counts['warning']} warning{'s' * (counts['warning'] != 1)}" if counts["warning"] else ""
    if counts["failed"]:
        return f"[bold red]{subject} is not ready:[/] {counts['failed']} of {len(findings)} checks failed{warnings}."
    return f"[green]{subject} is ready:[/] nothing failed{warnings}."
