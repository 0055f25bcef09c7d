"""The gradebook on a terminal: the class as a table, or one submission with all that failed.

What a submission wrote is printed without its control characters and never read as markup.
"""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from grading.gradebook.amounts import plain
from grading.gradebook.feedback import plain_verdict, sides
from grading.gradebook.ledger import Ledger, Row
from grading.gradebook.store import Entry
from grading.gradebook.text import line
from grading.verdicts import GROUPS, CheckResult
from lab.unseen import clean

COLOURS = {"passed": "green", "failed": "red", "skipped": "yellow", "error": "magenta"}


def the_class(out: Console, ledger: Ledger) -> None:
    """A line for each submission and each student without one."""
    table = Table(
        Column("SUBMISSION", overflow="fold"),
        Column("STUDENTS", overflow="fold"),
        *(Column(heading, justify="right") for heading in ("CHECKS", "MARK", "FAILED", "SKIPPED", "ERROR")),
        Column("SET", overflow="fold"),
        box=None,
    )
    for row in ledger.rows:
        result = row.result
        verdicts = Counter(check.verdict for check in result.checks) if result else Counter[str]()
        names = "; ".join(student.name or student.key for student in row.students)
        table.add_row(
            Text(line(row.submission) or "none", style="" if row.submission else "dim"),
            Text(line(names)),
            f"{result.score:g}/{result.max_score:g}" if result else "",
            _mark(row),
            *(_count(verdicts[verdict], verdict) for verdict in ("failed", "skipped", "error")),
            Text(_set(row)),
        )
    out.print(table)
    for left in ledger.submissions_left:
        out.print(Text(f"{line(left.submission)!r} is nobody's: {line(left.why)}.", style="yellow"))


def one(out: Console, row: Row, history: list[Entry]) -> None:
    """A submission: how its mark came about, and each check that did not pass."""
    out.print(Text(line(row.title), style="bold"))
    for student in row.students:
        out.print(Text(line(" ".join(filter(None, (student.id, student.name, student.mail)))), style="dim"))
    out.print(Text.assemble("Mark: ", _mark(row), _out_of(row)))
    for step in row.mark.steps:
        out.print(Text(f"  {line(step)}"))
    for name in row.mark.waiting:
        out.print(Text(f"  {line(name)}: not given yet, counts 0", style="yellow"))
    if row.adjustments.remark:
        out.print(Text(f"Remark: {clean(row.adjustments.remark)}"))
    result = row.result
    if result is None:
        return
    if result.problem:
        out.print(Text(clean(result.why), style="bold red"))
    for note in result.notes:
        out.print(Text(clean(note), style="yellow"))
    for name, part in (("engine", result.engine), ("monitor", result.monitor)):
        where = {"": "ours", ".": "the top folder"}.get(part.path, part.path)
        what = f"{where}, by {part.built_by}" if part.built_by else "not found"
        out.print(Text(line(f"{name}: {what}"), style="dim"))
        for reason in part.reasons:
            out.print(Padding(Text(clean(reason), style="dim"), (0, 0, 0, 2)))
    if result.unopened:
        out.print("None of the checks had anything to run on.")
    listed = () if result.unopened else result.checks
    for group in dict.fromkeys(check.group for check in listed):
        checks = [check for check in listed if check.group == group]
        earned = sum(check.points for check in checks)
        most = sum(check.max_points for check in checks if check.verdict != "error")
        out.print(Text(f"\n{line(GROUPS.get(group, group))}: {earned:g}/{most:g}", style="bold"))
        for check in checks:
            _check(out, check)
    made = f"level {result.level}, image {result.image}, kernel {result.kernel}, seed {result.seed}, {result.started}"
    out.print(Text(f"\n{line(made)}", style="dim"))
    for entry in history[1:]:
        again = f"before: {entry.result.score:g}/{entry.result.max_score:g}, recorded {entry.recorded}"
        out.print(Text(line(again + (", only some checks" if entry.partial else "")), style="dim"))


def summary(out: Console, row: Row) -> None:
    """A row in a few lines: the mark, and how it came about."""
    out.print(Text.assemble((line(row.title), "bold"), ": ", _mark(row), _out_of(row)))
    for step in row.mark.steps:
        out.print(Text(f"  {line(step)}", style="dim"))


def _check(out: Console, check: CheckResult) -> None:
    title = Text(f"{check.verdict:8}", style=COLOURS[check.verdict])
    title.append(f" {line(check.title or check.id)} ", style="default")
    title.append(line(check.id), style="dim")
    out.print(title)
    if check.verdict == "passed":
        return
    expected, actual = sides(check)
    lines = [(plain_verdict(check), "dim"), (check.rationale, "")]
    lines += [
        (f"{name}: {text}", style)
        for name, text, style in (
            ("expected", expected, "green"),
            ("actual", actual, "red"),
            ("hint", check.hint, "cyan"),
            ("kernel", "\n".join(check.kernel), "magenta"),
        )
        if text
    ]
    for text, style in lines:
        if text:
            out.print(Padding(Text(clean(text), style=style), (0, 0, 0, 9)))


def _mark(row: Row) -> Text:
    if row.mark.excused:
        return Text("excused", style="cyan")
    if row.mark.points is None:
        return Text("none", style="bold red" if row.submission else "dim")
    return Text(plain(row.mark.points) + ("?" if row.mark.provisional else ""))


def _out_of(row: Row) -> str:
    return "" if row.mark.points is None else f" of {plain(row.mark.max_points)}"


def _count(number: int, verdict: str) -> Text:
    return Text(str(number), style=COLOURS[verdict]) if number else Text("")


def _set(row: Row) -> str:
    set_ = row.adjustments
    found = [
        f"late {set_.late_days}d" if set_.late_days else "",
        f"penalty {set_.penalty}" if set_.penalty else "",
        *(f"{line(name)} {given}" for name, given in sorted(set_.points.items())),
        f"score {plain(set_.score)}" if set_.score is not None else "",
        f"“{line(set_.remark)}”" if set_.remark else "",
    ]
    return ", ".join(filter(None, found))
