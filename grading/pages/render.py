"""The pages as HTML, each whole in one file: no request leaves it.

A Content-Security-Policy in the page allows our own style and script by their hash and
nothing else, so that mark-up which slipped through the escaping would still be dead.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from importlib import resources

import jinja2
from markupsafe import Markup

from grading.gradebook.ledger import Ledger, Row
from grading.gradebook.marks import Adjustments
from grading.gradebook.rubrics import told
from grading.pages import diff, text
from grading.pages.model import Similar, for_student
from grading.pages.statistics import ClassFigures, Tally, groups_of, share
from grading.pages.student_view import StudentView
from grading.verdicts import GROUPS, Part, SubmissionResult

GENERATOR = "Boxwright grade"
"""Stands in every page's head; by it a folder of ours is told from another."""
NOTHING = "\N{EN DASH}"
"""Stands where there is no figure."""
PASSAGES_MOST = 6
"""Similar passages that are shown for a pair of submissions."""


def student_page(
    result: SubmissionResult,
    *,
    rows: Sequence[Row] = (),
    to_hand_out: bool = True,
    class_link: str = "",
    copy_link: str = "",
) -> str:
    """The page of one submission.

    Args:
        result: its verdicts.
        rows: its marks, as the gradebook's ledger has them: one, or one for each member of a team whose
            marks differ. Members are not told each other's.
        to_hand_out: the student's copy, where hidden checks tell only title, verdict and points.
        class_link: relative URL of the class page; only for the instructor's copy.
        copy_link: relative URL of the student's copy; only for the instructor's.
    """
    shown = for_student(result) if to_hand_out else result
    return _page(
        "student.html.j2",
        script="",
        view=StudentView(shown),
        result=shown,
        rows=[] if to_hand_out and len(rows) > 1 else [row for row in rows if _was_marked(row)],
        to_hand_out=to_hand_out,
        class_link=class_link,
        copy_link=copy_link,
    )


def class_page(
    results: Sequence[SubmissionResult],
    *,
    title: str,
    links: Mapping[str, str],
    ledger: Ledger | None = None,
    similar: Sequence[Similar] = (),
) -> str:
    """The instructor's page of the whole class.

    Args:
        results: one for each submission.
        title: what the class is called.
        links: relative URL of each submission's page, by its name.
        ledger: whose they are, and their marks.
        similar: pairs of submissions with much in common, the most similar first.
    """
    rows = rows_of(ledger)
    return _page(
        "class.html.j2",
        script=_file("class.js"),
        figures=ClassFigures(results),
        title=title,
        links=links,
        ledger=ledger,
        rows=rows,
        excused={name for name, members in rows.items() if all(row.mark.excused for row in members)},
        marked=any(_was_marked(row) for members in rows.values() for row in members),
        similar=similar,
        passages_most=PASSAGES_MOST,
    )


def rows_of(ledger: Ledger | None) -> dict[str, list[Row]]:
    """The rows of each submission: one, or several where members of a team have marks of their own."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in ledger.rows if ledger else ():
        if row.submission:
            found[row.submission].append(row)
    return found


def _was_marked(row: Row) -> bool:
    """Whether there is more to tell than the points of the checks."""
    return row.adjustments != Adjustments() or bool(row.mark.waiting)


def _page(template: str, *, script: str, **given: object) -> str:
    css = _file("base.css") + _file("print.css")
    policy = {
        "default-src": "'none'",
        "style-src": _source(css),
        "script-src": _source(script) if script else "'none'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    return (
        _environment()
        .get_template(template)
        .render(
            css=Markup(css),
            script=Markup(script),
            policy=Markup("; ".join(f"{what} {source}" for what, source in policy.items())),
            generator=GENERATOR,
            **given,
        )
    )


def _source(inline: str) -> str:
    """How a policy names an inline style or script; the browser hashes what stands between the tags."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


@cache
def _file(name: str) -> str:
    return (resources.files("grading.pages") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("grading.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "plain": text.plain,
        "name": text.name,
        "line": text.line,
        "block": text.block,
        "heading": text.heading,
        "sentence": text.sentence,
        "points": points,
        "percent": percent,
        "duration": duration,
        "moment": moment,
        "heat": heat,
        "tally": Tally.of,
    }
    environment.globals |= {
        "GROUPS": GROUPS,
        "share": share,
        "nothing_taken": Part(found=False),
        "groups_of": groups_of,
        "rubric": told,
        "is_brief": diff.is_brief,
        "diff_rows": diff.rows,
        "diff_is_worth_it": diff.is_worth_it,
    }
    return environment


def points(value: float | Decimal) -> str:
    """Points without needless zeros: `7`, `7.5`, `0.33`."""
    return f"{value:.2f}".rstrip("0").rstrip(".").replace("-0", "0", value == 0)


def percent(value: float | None) -> str:
    """A share, 0 to 1, in whole percent; only what is whole is called 100, and only nothing 0."""
    if value is None:
        return NOTHING
    whole = round(value * 100)
    if 0 < value < 1:
        whole = max(1, min(99, whole))
    return f"{whole} %"


def duration(seconds: float | None) -> str:
    """A time that people read: `41 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s".removesuffix(" 0 s")
    return f"{whole // 3600} h {whole % 3600 // 60} min".removesuffix(" 0 min")


def moment(iso: str) -> str:
    """A time of day from ISO 8601; what cannot be read stays as it is."""
    try:
        found = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    zone = found.strftime(" %Z") if found.tzinfo else ""
    return f"{found:%-d %B %Y at %H:%M}{zone}"


def heat(value: float | None) -> str:
    """The class of a cell by the share of points that it shows: from `full` to `most` of them lost."""
    if value is None:
        return "none"
    for least, tone in ((1, "full"), (0.75, "little"), (0.5, "some"), (0.25, "much")):
        if value >= least:
            return tone
    return "most"
