"""Reads what a worker writes: a JSON line for each verdict, and one about how it was reached.

Only the results file counts; nothing that is printed does. Texts in it come from the guest and are
data: they are read as JSON, cut where they are too long, and never interpreted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grading.verdicts import CheckResult, Part, check_from_json
from lab.exercises.measurements import MEASUREMENTS

LONGEST_LINE = 4 << 20
"""Bytes; a verdict has some kilobytes."""

MOST_BYTES = 256 << 20
"""Of all lines; a worker that writes more has gone astray."""


@dataclass
class Written:
    """What a worker has written so far."""

    checks: dict[str, CheckResult] = field(default_factory=dict)
    engine: Part = field(default_factory=lambda: Part(False))
    monitor: Part = field(default_factory=lambda: Part(False))
    kernel: str = ""
    problem: str = ""
    advice: str = ""
    """On the problem, for the instructor."""
    measured: dict[str, float] = field(default_factory=dict)
    """For the answers of students, by the name of the measurement."""
    kept: str = ""
    """The machine that is held at the moment of a failure; see `Job.keep`."""
    told: bool = False
    """Whether the line about it has come."""
    astray: str = ""
    """Why it is not believed any more; empty as long as it is."""


class Results:
    """A results file that grows."""

    def __init__(
        self,
        path: Path,
        on_check: Callable[[CheckResult], None] = lambda check: None,
        on_kept: Callable[[str], None] = lambda machine: None,
    ) -> None:
        self._path = path
        self._on_check = on_check
        self._on_kept = on_kept
        self._at = 0
        self._rest = b""
        self.written = Written()

    def read(self) -> Written:
        """Take in what has been added; the same object at each call.

        Raises:
            OSError: this host cannot read it.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._at)
                while not self.written.astray and (piece := file.read(1 << 20)):
                    self._at += len(piece)
                    *lines, self._rest = (self._rest + piece).split(b"\n")
                    for line in lines:
                        self._take(line)
                    if len(self._rest) > LONGEST_LINE or self._at > MOST_BYTES:
                        self.written.astray = "it wrote more than verdicts ever take"
        except FileNotFoundError:
            pass  # it has not come so far
        return self.written

    def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            value = json.loads(line)
            if "about" in value:
                self._about(value["about"])
            elif "measured" in value:
                self.written.measured = measured(value["measured"])
            elif "kept" in value:
                self.written.kept = str(value["kept"])
                self._on_kept(self.written.kept)
            else:
                check = check_from_json(value)
                self.written.checks[check.id] = check
                self._on_check(check)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            self.written.astray = f"a line of its results makes no sense: {error}"

    def _about(self, value: Mapping[str, Any]) -> None:
        written = self.written
        written.told = True
        written.engine = _part(value.get("engine")) or written.engine
        written.monitor = _part(value.get("monitor")) or written.monitor
        written.kernel = str(value.get("kernel") or written.kernel)
        written.problem = str(value.get("problem") or written.problem)
        written.advice = str(value.get("advice") or written.advice)


def measured(value: Mapping[str, Any]) -> dict[str, float]:
    """What was measured, as it came from elsewhere. Raises `ValueError` or `AttributeError` where it was not."""
    for name, number in value.items():
        if name not in MEASUREMENTS or type(number) not in (int, float) or not math.isfinite(number):
            raise ValueError(f"the measurement {name!r}, {number!r}")
    return dict(value)


def _part(value: Mapping[str, Any] | None) -> Part | None:
    if value is None:
        return None
    return Part(
        found=bool(value["found"]),
        path=str(value.get("path", "")),
        built_by=str(value.get("built_by", "")),
        reasons=tuple(str(reason) for reason in value.get("reasons", ())),
    )
