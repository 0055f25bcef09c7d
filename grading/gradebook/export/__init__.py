"""The gradebook in the formats of others, one module a format; each names the specification it follows.

A module has `export(request) -> Outcome`. What a submission wrote is data in all of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from grading.gradebook.export.request import Outcome, Request

FORMATS = {
    "canvas": "canvas.csv",
    "moodle": "moodle.csv",
    "gradescope": "gradescope",
    "junit": "junit.xml",
    "csv": "grades.csv",
    "json": "grades.json",
    "github-classroom": "github-classroom",
}
"""The formats, and where each is written to if nobody says it: a file, or a folder with one a submission."""


def export(name: str, request: Request) -> Outcome:
    """Write the class in one of `FORMATS`.

    Raises:
        LabError: something that the format needs is missing, or the file cannot be written.
    """
    # csv and json have a name of their own, so as not to hide the standard library's.
    module = {"csv": "table", "json": "document"}.get(name, name.replace("-", "_"))
    found = importlib.import_module(f"grading.gradebook.export.{module}")
    return cast(Callable[[Request], Outcome], found.export)(request)
