"""JUnit XML: a test suite for each submission, a test case for each check, as CI systems show it.

Followed is the schema that Jenkins publishes, junit-10.xsd of its xUnit plugin, against which pytest
tests its own reports, too (pytest-dev/pytest, testing/example_scripts/junit-10.xsd). XML 1.0 cannot
hold most control characters at all (section 2.2), not even escaped; they are replaced by pictures
of themselves.

It is for the instructor: of a hidden check everything is told.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from xml.etree import ElementTree

from grading.gradebook.amounts import plain
from grading.gradebook.export.request import Outcome, Request, notes
from grading.gradebook.feedback import failure
from grading.gradebook.files import write
from grading.gradebook.ledger import Row
from grading.gradebook.text import line
from grading.verdicts import CheckResult
from lab.unseen import clean


def export(request: Request) -> Outcome:
    """Write all submissions to one file."""
    root = ElementTree.Element("testsuites", name="grade")
    for row in request.ledger.rows:
        if row.result is not None:
            root.append(suite(request, row))
    ElementTree.indent(root, " ")
    write(request.output, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n")
    return Outcome((request.output,), notes(request))


def suite(request: Request, row: Row) -> ElementTree.Element:
    """One submission; its properties say what it was checked with, and its mark."""
    result = row.result
    assert result is not None
    verdicts = Counter(check.verdict for check in result.checks)
    if not result.checks:
        verdicts["error"] = 1
    found = ElementTree.Element(
        "testsuite",
        name=line(row.submission),
        tests=str(len(result.checks) or 1),
        failures=str(verdicts["failed"]),
        errors=str(verdicts["error"]),
        skipped=str(verdicts["skipped"]),
        time=f"{result.seconds:.3f}",
    )
    moment = _moment(result.started)
    if moment:
        found.set("timestamp", moment)
    properties = ElementTree.SubElement(found, "properties")
    for name, value in {
        "score": f"{result.score:g}",
        "max_score": f"{result.max_score:g}",
        "mark": "" if row.mark.points is None else plain(row.mark.points),
        "max_mark": plain(row.mark.max_points),
        "students": "; ".join(student.key for student in row.students),
        "level": str(result.level),
        "image": result.image,
        "kernel": result.kernel,
        "checks_hash": result.checks_hash,
        "seed": result.seed,
        "student": result.student,
    }.items():
        ElementTree.SubElement(properties, "property", name=name, value=line(value))
    for check in result.checks:
        found.append(_case(check))
    if not result.checks:
        case = ElementTree.SubElement(found, "testcase", classname="grade", name="a verdict", time="0.000")
        why = line(result.why) or "there is no verdict"
        ElementTree.SubElement(case, "error", message=why, type="problem")
    elif result.problem:
        ElementTree.SubElement(found, "system-err").text = clean(result.why)
    return found


def _case(check: CheckResult) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        classname=line(check.group),
        name=line(check.id),
        time=f"{check.seconds:.3f}",
    )
    message = line(check.rationale or check.title or check.id)
    if check.verdict == "skipped":
        parent = line(check.parent) or "what it builds on"
        ElementTree.SubElement(case, "skipped", message=f"{parent} did not pass", type="parent")
    elif check.verdict != "passed":
        element = "failure" if check.verdict == "failed" else "error"
        ElementTree.SubElement(case, element, message=message, type=check.verdict).text = failure(check)
    return case


def _moment(text: str) -> str:
    """As the schema's pattern wants it: seconds, and no time zone; UTC. Empty where it is no time."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    except (ValueError, OverflowError):
        return ""
