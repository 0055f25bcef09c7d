"""What is known once a submission has been checked: a verdict for each check, and the sum.

These few classes are what the runner makes and what the gradebook, the pages and the
exports read. Their JSON form is published as `grading/schema.json`; `SCHEMA` is its version.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA = 1
"""Version of the JSON form; grows when a reader of the old form would be misled."""

Verdict = Literal["passed", "failed", "skipped", "error"]
"""`failed` is the submission's; `skipped`: a check that it builds on did not pass; `error`: ours, no point lost."""

GROUPS = {
    "build": "It builds",
    "client": "The command line",
    "containers": "Containers of their own",
    "metadata": "What ps tells",
    "logs": "Logs through the bounded buffer",
    "control": "Client and supervisor",
    "soft": "The soft limit",
    "hard": "The hard limit",
    "scheduling": "Scheduling",
    "teardown": "Teardown",
    "robustness": "Rude clients and hard times",
    "answers": "Answers to the questions",
}
"""The groups in the order of the reports; from `containers` to `teardown` they are the eight demonstrations."""

ANSWERS = "answers"
"""The group that holds no checks of behaviour, but a verdict on each answer: `answers.08.share_fast`."""


MOST = 10**9
"""Of points, seconds and days; a number beyond it is damage, and arithmetic would fail on it."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "str": (str,),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}
"""By the type of a field, as it is written, the types that its value may have."""


@dataclass(frozen=True)
class CheckResult:
    """One check's verdict on one submission."""

    id: str
    """`group.name`, as `logs.last_line_survives_a_kill`; the same in every run."""
    group: str
    """A key of `GROUPS`."""
    level: int
    """1: what the course asks; 2: the whole contract."""
    verdict: Verdict
    points: float
    """Earned."""
    max_points: float
    """To be earned; 0 in the sum where the verdict is `error`."""
    title: str = ""
    """The first line of the check's docstring."""
    rationale: str = ""
    """Why it is asked for; where it failed, what went wrong and why that matters."""
    expected: str = ""
    actual: str = ""
    hint: str = ""
    parent: str = ""
    """Of a skipped one: the id of the check that did not pass."""
    kernel: tuple[str, ...] = ()
    """Lines of the kernel's log that were pinned on this check: an oops, a warning, a panic."""
    hidden: bool = False
    """Whether the student sees it only in the report."""
    seconds: float = 0.0


@dataclass(frozen=True)
class Part:
    """What was taken of a submission as its engine, or as its monitor, and why."""

    found: bool
    path: str = ""
    """Its folder within the submission; `.` for the top; empty where it is ours."""
    built_by: str = ""
    """As `make`, `make module`, `gcc`, `python`, or `reference` where ours stands in."""
    reasons: tuple[str, ...] = ()
    """Sentences: what else was there, and why this was taken."""


@dataclass(frozen=True)
class SubmissionResult:
    """All verdicts on one submission, and what they were reached with."""

    submission: str
    """The name: its folder or archive, without the ending."""
    checks: tuple[CheckResult, ...]
    engine: Part = field(default_factory=lambda: Part(False))
    monitor: Part = field(default_factory=lambda: Part(False))
    level: int = 1
    image: str = ""
    """The image's key."""
    kernel: str = ""
    """The guest's kernel release."""
    checks_hash: str = ""
    """SHA-256 over the checks' sources: equal hashes mean equal checks."""
    seed: str = ""
    """Of names and numbers used in the checks."""
    started: str = ""
    """ISO 8601, with the time zone."""
    seconds: float = 0.0
    problem: str = ""
    """Empty, or one sentence: why nothing could be run (empty folder, broken archive), or not all (our own failure)."""
    student: str = ""
    """In a course: the id with whose own numbers it was judged; empty where nobody's were."""
    notes: tuple[str, ...] = ()
    """In a course: sentences on what the submission says of itself and the roster does not."""
    advice: str = ""
    """On the problem: a sentence for whoever reads it, the instructor or (see `for_student`) the student."""

    @property
    def why(self) -> str:
        """The problem with the advice."""
        return " ".join(filter(None, (self.problem, self.advice)))

    @property
    def has_verdict(self) -> bool:
        """Whether it counts: there is no problem, or one of its own, so that every check is decided."""
        return not self.problem or (bool(self.checks) and not self.undecided)

    @property
    def refused(self) -> bool:
        """Whether there was nothing to run, which is the submission's own problem: no check of it has a point."""
        return bool(self.problem) and self.has_verdict and not self.score

    @property
    def unopened(self) -> bool:
        """Whether it was refused before anything was looked for in it, so that its checks tell nothing more."""
        parts = (self.engine, self.monitor)
        return self.refused and all(part == Part(False) or part.built_by == "reference" for part in parts)

    @property
    def score(self) -> float:
        """Points earned."""
        return _sum(check.points for check in self.checks)

    @property
    def max_score(self) -> float:
        """Points to be earned: all but those of checks that could not be decided (`error`)."""
        return _sum(check.max_points for check in self.checks if check.verdict != "error")

    @property
    def undecided(self) -> tuple[CheckResult, ...]:
        """The checks with an error of ours; the submission should be graded again."""
        return tuple(check for check in self.checks if check.verdict == "error")

    def to_json(self) -> dict[str, Any]:
        """As a JSON object of schema version `SCHEMA`."""
        found = dataclasses.asdict(self)
        return {
            "schema": SCHEMA,
            "submission": found.pop("submission"),
            "score": self.score,
            "max_score": self.max_score,
            **found,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> SubmissionResult:
        """Read what `to_json` made. Raises `ValueError` where it is of another schema or damaged."""
        if value.get("schema") != SCHEMA:
            raise ValueError(f"a result of schema {value.get('schema')!r}, not {SCHEMA}")
        try:
            checks = tuple(check_from_json(check) for check in value["checks"])
            rest = {
                f.name: value[f.name]
                for f in dataclasses.fields(cls)
                if f.name not in ("checks", "engine", "monitor", "student", "notes", "advice")
            }
            student, notes = str(value.get("student", "")), tuple(map(str, value.get("notes", ())))
            advice = str(value.get("advice", ""))
            engine, monitor = _part(value["engine"]), _part(value["monitor"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"a damaged result: {error}") from error
        return typed(
            cls(
                checks=checks, engine=engine, monitor=monitor, student=student, notes=notes, advice=advice, **rest
            )
        )  # fmt: skip


def check_from_json(value: Mapping[str, Any]) -> CheckResult:
    """A check's verdict as it came from elsewhere: a worker, a bundle, the gradebook.

    Raises:
        ValueError, KeyError or TypeError: it is damaged.
    """
    found = CheckResult(**{**value, "kernel": tuple(value["kernel"])})
    if found.verdict not in get_args(Verdict):
        raise ValueError(f"a check with the verdict {found.verdict!r}")
    return typed(found)


_T = TypeVar("_T", bound="DataclassInstance")


def typed(found: _T) -> _T:
    """An object as it came from elsewhere, made sure of: nobody checked its fields' types when it was made.

    Raises:
        ValueError: a text, truth or number is something else, or a number is none that grading ever has.
    """
    for each in dataclasses.fields(found):
        value, type_ = getattr(found, each.name), str(each.type)
        if type_ in _KINDS and type(value) not in _KINDS[type_]:
            raise ValueError(f"{each.name} is of another type")
        if type_ in ("int", "float") and not abs(value) <= MOST:  # nor is what is no number at all
            raise ValueError(f"{each.name} is larger than there can be, or no number")
        if type_ == "tuple[str, ...]" and not all(isinstance(text, str) for text in value):
            raise ValueError(f"{each.name} are not all text")
    return found


def _part(value: Mapping[str, Any]) -> Part:
    return typed(Part(**{**value, "reasons": tuple(value["reasons"])}))


def _sum(points: Iterable[float]) -> float:
    """Without the dust of binary fractions, so that equal work gives equal marks."""
    return round(math.fsum(points), 6)
