"""The commands `grade set`, `grade show` and `grade export`: what an instructor does once a class is graded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab import console
from lab.cli_options import JsonOption
from lab.errors import LabError

if TYPE_CHECKING:
    from grading.gradebook.marks import Change
    from grading.gradebook.store import Gradebook

ResultsOption = Annotated[
    Path | None,
    typer.Option(
        "--results",
        "-r",
        metavar="FOLDER",
        help="Where the gradebook lies; BOXWRIGHT_RESULTS, or else results/ or this folder.",
    ),
]
RosterOption = Annotated[
    Path | None,
    typer.Option(
        "--roster",
        metavar="FILE",
        help="Who is in the class, as CSV: your own, or that of Canvas, Moodle, Gradescope, GitHub Classroom. "
        "The gradebook remembers it.",
    ),
]
StudentArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="STUDENT", help="A submission, so its whole team; or a student by id, mail, login or name."
    ),
]


def results_folder(named: Path | None) -> Path:
    """The folder of results that a command means."""
    from grading.gradebook.store import NAME

    if named is not None:
        return named
    if os.environ.get("BOXWRIGHT_RESULTS"):
        return Path(os.environ["BOXWRIGHT_RESULTS"])
    return Path() if Path(NAME).exists() and not Path("results", NAME).exists() else Path("results")


def set_(
    student: StudentArgument = None,
    late: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Handed in late by 2d, 36h, …; a day begun counts whole."),
    ] = None,
    handed_in: Annotated[
        str | None,
        typer.Option(
            metavar="MOMENT",
            help="The same, by when it was handed in: 2026-11-03T10:00. The deadline is the course's latest.",
        ),
    ] = None,
    penalty: Annotated[
        str | None, typer.Option(metavar="AMOUNT", help="Take off 10% of the maximum, or 2.5 points.")
    ] = None,
    excused: Annotated[
        bool | None, typer.Option("--excused/--not-excused", help="Needs no mark, or does after all.")
    ] = None,
    points: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=POINTS",
            help="Points by hand: report=8/10, bonus=2, or of a rubric 06.softirq=2. May be repeated.",
        ),
    ] = None,
    score: Annotated[
        str | None, typer.Option(metavar="POINTS", help="Stands for the points of the checks.")
    ] = None,
    remark: Annotated[str | None, typer.Option(metavar="TEXT", help="For the student.")] = None,
    clear: Annotated[
        list[str] | None,
        typer.Option(
            metavar="WHAT",
            help="Take back late, penalty, excused, points, points:NAME, score, remark or all.",
        ),
    ] = None,
    per_day: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="For the class: what a late day costs, 10% or 2 points."),
    ] = None,
    cap: Annotated[
        str | None,
        typer.Option(metavar="AMOUNT", help="For the class: the most that lateness costs, or none."),
    ] = None,
    roster: RosterOption = None,
    results: ResultsOption = None,
) -> None:
    """Set what no check knows: lateness, excuses, points by hand, remarks. Kept when it is graded again.

    [dim]grade set --per-day 10% --cap 50%[/dim] says what lateness costs; [dim]grade set ann --late 2d
    --points report=8/10[/dim] is about one. Percentages are of the maximum; a mark is never below 0.
    """
    from grading.gradebook import agreement, ledger, naming, show

    if handed_in is not None:
        if late is not None:
            raise LabError("Both --late and --handed-in say how late it is", "Give one of them.")
        late = _lateness(results_folder(results), handed_in)
    change = _change(late, penalty, excused, points or [], score, remark, clear or [])
    if student is None and change is not None:
        raise LabError("It is not said whose mark it is", "Name a submission or a student.")
    if student is not None and change is None:
        raise LabError(
            f"It is not said what to set for {student!r}", "`grade set --help` lists what there is."
        )
    if student is None and per_day is None and cap is None and roster is None:
        raise LabError("Nothing is set", "`grade set --help` lists what there is.")
    rows, notes = [], []
    with _opened(results, roster) as gradebook, gradebook.together():
        _late_rule(gradebook, per_day, cap)
        if late is not None and gradebook.late_rule() is None:
            raise LabError(
                "It is not said yet what lateness costs in this class",
                "Say it with `grade set --per-day 10% --cap 50%`; 0 is an answer, too.",
            )
        if student is not None and change is not None:
            before = ledger.of(gradebook)
            kind, key = naming.resolve(before, student)
            agreement.check(before, gradebook.adjustments(), kind, key, change)
            gradebook.adjust(kind, key, change)
            after = ledger.of(gradebook)
            rows, notes = after.rows_of(kind, key), agreement.told(after, change)
        rule = gradebook.late_rule()
    if student is None:
        console.out.print(f"A late day costs {rule or 'nothing yet'}.")
    for row in rows:
        show.summary(console.out, row)
    for note in notes:
        console.err.print(note, markup=False)


def show_(
    submission: Annotated[
        str | None,
        typer.Argument(metavar="SUBMISSION", help="One submission, or a student; the class if none."),
    ] = None,
    roster: RosterOption = None,
    results: ResultsOption = None,
    json_: JsonOption = False,
) -> None:
    """Show the marks of the class, or one submission with everything that failed."""
    from grading.gradebook import ledger, naming, show
    from grading.gradebook.export import document
    from grading.gradebook.export.request import Request

    with _opened(results, roster) as gradebook:
        found = ledger.of(gradebook)
        request = Request(found, Path())
        if submission is None:
            if json_:
                console.print_json(document.document(request))
            else:
                show.the_class(console.out, found)
            return
        kind, key = naming.resolve(found, submission)
        rows = found.rows_of(kind, key)
        if json_:
            console.print_json([document.one(request, row) for row in rows])
            return
        for row in rows:
            show.one(console.out, row, gradebook.history(row.submission))


def export(
    format_: Annotated[
        str,
        typer.Option(
            "--format",
            "-f",
            metavar="FORMAT",
            help="canvas, moodle, gradescope, junit, csv, json or github-classroom.",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="PATH", help="The file; for gradescope and github-classroom a folder."
        ),
    ] = None,
    worksheet: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Moodle's grading worksheet, which is filled in; for canvas its gradebook."
        ),
    ] = None,
    assignment: Annotated[
        str, typer.Option(metavar="TITLE", help="For canvas: the column, as 'Project 1 (12345)'.")
    ] = "",
    out_of: Annotated[
        str | None, typer.Option(metavar="POINTS", help="Scale the marks to another maximum.")
    ] = None,
    missing_as_zero: Annotated[
        bool, typer.Option("--missing-as-zero", help="0 for who handed in nothing, rather than no mark.")
    ] = False,
    roster: RosterOption = None,
    results: ResultsOption = None,
) -> None:
    """Write the marks for a course system. Whoever is not matched is listed, and nobody is left out unsaid."""
    from grading.gradebook import export as exports
    from grading.gradebook import ledger
    from grading.gradebook import roster as rosters
    from grading.gradebook.amounts import Manual
    from grading.gradebook.export.request import Request

    if format_ not in exports.FORMATS:
        raise LabError(f"There is no format {format_!r}", f"There is: {', '.join(exports.FORMATS)}.")
    whole = None if out_of is None else Manual.read(out_of).points
    if whole is not None and whole <= 0:
        raise LabError(f"Marks cannot be out of {out_of}", "Give a maximum above 0.")
    with _opened(results, roster) as gradebook:
        request = Request(
            ledger=ledger.of(gradebook, rosters.read(worksheet) if worksheet else ()),
            output=output or Path(exports.FORMATS[format_]),
            out_of=whole,
            missing_as_zero=missing_as_zero,
            assignment=assignment,
            worksheet=worksheet,
        )
        outcome = exports.export(format_, request)
    for note in outcome.notes:
        console.err.print(note, markup=False)
    files = f"{len(outcome.files)} files in " if len(outcome.files) != 1 else ""
    console.out.print(f"{files}{request.output}", markup=False)


def _lateness(results: Path, moment: str) -> str:
    """How late that is in the course, as `--late` has it."""
    from datetime import datetime

    from grading.gradebook.amounts import days_after
    from grading.gradebook.store import Gradebook

    with Gradebook.open(results) as gradebook:
        due = gradebook.written().due
    if not due:
        raise LabError(
            "There is no deadline in this gradebook",
            "Grade with `grade run FOLDER --course COURSE.toml`, which has one; or say --late 2d.",
        )
    return f"{days_after(datetime.fromisoformat(due), moment)}d"


@contextmanager
def _opened(results: Path | None, roster: Path | None) -> Iterator[Gradebook]:
    """The gradebook with this roster, which it keeps where nothing fails."""
    from grading.gradebook import roster as rosters
    from grading.gradebook.store import Gradebook

    students = None if roster is None else rosters.read(roster)
    with Gradebook.open(results_folder(results)) as gradebook:
        if students is None:
            yield gradebook
            return
        with gradebook.together():
            gradebook.set_roster(students)
            yield gradebook


def _late_rule(gradebook: Gradebook, per_day: str | None, cap: str | None) -> None:
    from grading.gradebook.amounts import Amount
    from grading.gradebook.marks import LateRule

    old = gradebook.late_rule()
    if per_day is None and cap is not None and old is None:
        raise LabError("A cap needs something that it limits", "Give --per-day, too.")
    if per_day is not None:
        old = LateRule(Amount.read(per_day), old.cap if old else None)
    if cap is not None and old is not None:
        old = LateRule(old.per_day, None if cap == "none" else Amount.read(cap))
    if old is not None and (per_day is not None or cap is not None):
        gradebook.set_late_rule(old)


def _change(
    late: str | None,
    penalty: str | None,
    excused: bool | None,
    points: list[str],
    score: str | None,
    remark: str | None,
    clear: list[str],
) -> Change | None:
    """The change that was asked for; None where nothing was."""
    from grading.gradebook import rubrics
    from grading.gradebook.amounts import Amount, Manual, days_late
    from grading.gradebook.marks import Adjustments, Change, without

    changes: dict[str, Any] = {}
    if late is not None:
        changes["late_days"] = days_late(late)
    if penalty is not None:
        changes["penalty"] = Amount.read(penalty)
    if excused is not None:
        changes["excused"] = excused
    if score is not None:
        number = Manual.read(score)
        if number.max_points:
            raise LabError(
                f"The score {score!r} has a maximum", "Write the points alone; the checks say the maximum."
            )
        changes["score"] = number.points
    if remark is not None:
        changes["remark"] = remark
    given: dict[str, Manual] = {}
    for text in points:
        name, equals, value = text.partition("=")
        if not name.strip() or not equals:
            raise LabError(f"{text!r} names no points", "Write --points report=8/10.")
        name, manual = rubrics.points(name.strip(), value)
        given[name] = manual
    for what in clear:
        try:
            without(Adjustments(), what)
        except ValueError as error:
            raise LabError(
                str(error),
                "There is late, penalty, excused, points, points:NAME, score, remark and all.",
            ) from error
    return Change(tuple(clear), changes, given) if changes or given or clear else None
