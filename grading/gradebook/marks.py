"""From a result to a mark: late work, excuses, points by hand, and what the instructor overrides.

    points of the checks, or the score that overrides them
    + points given by hand
    - what lateness costs, at most its cap
    - a fixed penalty

never below 0, and rounded once, at the end, to 2 decimals with halves away from zero: what Canvas and
Moodle show. A percentage taken off is one of the maximum, as in Canvas' late policy
(developerdocs.instructure.com, "Late Policy"): everybody loses the same for the same lateness.

Every mark of a class is out of the same maximum. Where a check could not be decided, which is our
failure, the points of the others count for the share that they are, so that no point is lost by it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Literal

from grading.gradebook.amounts import HUNDRED, Amount, Manual, exact, from_text, plain
from grading.verdicts import MOST, SubmissionResult, typed

Whose = Literal["submission", "student"]
"""Of what an adjustment is: of a submission, so of its whole team, or of one student."""

CENT = Decimal("0.01")


@dataclass(frozen=True)
class LateRule:
    """What lateness costs in a class."""

    per_day: Amount
    cap: Amount | None = None
    """The most that lateness takes off."""

    def deduction(self, days: int, max_points: Decimal) -> Decimal:
        """In points, for days late of work that could earn that many."""
        taken = self.per_day.of(max_points) * days
        return taken if self.cap is None else min(taken, self.cap.of(max_points))

    def __str__(self) -> str:
        return f"{self.per_day} a day" + (f", at most {self.cap}" if self.cap else "")

    def to_json(self) -> dict[str, Any]:
        """For the gradebook."""
        return {"per_day": self.per_day.to_json(), "cap": self.cap and self.cap.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LateRule:
        """Read what `to_json` made."""
        return cls(_amount(value["per_day"]), _amount(value["cap"]) if value["cap"] else None)


@dataclass(frozen=True)
class Adjustments:
    """What an instructor set for a submission or a student; whatever is not set is None or empty."""

    late_days: int | None = None
    penalty: Amount | None = None
    """Taken off whatever the lateness."""
    excused: bool | None = None
    """Needs no mark."""
    points: Mapping[str, Manual] = field(default_factory=dict)
    """By name, as `report`."""
    remark: str = ""
    """For the student."""
    score: Decimal | None = None
    """Stands for the sum of the checks' points."""

    def over(self, other: Adjustments) -> Adjustments:
        """These, and the others where these say nothing: a student's own over the team's."""
        return Adjustments(
            late_days=other.late_days if self.late_days is None else self.late_days,
            penalty=self.penalty or other.penalty,
            excused=other.excused if self.excused is None else self.excused,
            points={**other.points, **self.points},
            remark="\n".join(filter(None, (other.remark, self.remark))),
            score=other.score if self.score is None else self.score,
        )

    def to_json(self) -> dict[str, Any]:
        """For the gradebook and the exports; numbers as text, so that they stay exact."""
        return {
            "late_days": self.late_days,
            "penalty": self.penalty and self.penalty.to_json(),
            "excused": self.excused,
            "points": {
                name: {"points": plain(given.points), "max_points": plain(given.max_points)}
                for name, given in self.points.items()
            },
            "remark": self.remark,
            "score": None if self.score is None else plain(self.score),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Adjustments:
        """Read what `to_json` made. Raises `ValueError`, `KeyError` or `TypeError` where it is damaged."""
        days, excused, remark = value["late_days"], value["excused"], value["remark"]
        if days is not None and not (type(days) is int and 0 <= days <= MOST):
            raise ValueError("late_days is no number of days")
        if excused not in (None, True, False) or not isinstance(remark, str):
            raise ValueError("excused or remark is something else")
        return cls(
            late_days=days,
            penalty=_amount(value["penalty"]) if value["penalty"] else None,
            excused=excused,
            points={
                name: Manual(from_text(given["points"]), from_text(given["max_points"]))
                for name, given in value["points"].items()
            },
            remark=remark,
            score=None if value["score"] is None else from_text(value["score"]),
        )


@dataclass(frozen=True)
class Written:
    """What a course asks for in writing, as the gradebook keeps it."""

    course: str = ""
    """Its name."""
    criteria: Mapping[str, Decimal] = field(default_factory=dict)
    """What each criterion of a rubric counts in the course, by exercise and criterion: `06.softirq`."""
    due: str = ""
    """The latest deadline of its exercises, ISO 8601 with the time zone; empty where there is none."""

    def to_json(self) -> dict[str, Any]:
        """For the gradebook."""
        criteria = {name: plain(most) for name, most in self.criteria.items()}
        return {"course": self.course, "criteria": criteria, "due": self.due}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Written:
        """Read what `to_json` made. Raises `ValueError`, `KeyError` or `TypeError` where it is damaged."""
        criteria = {name: from_text(most) for name, most in value["criteria"].items()}
        found = typed(cls(value["course"], criteria, value["due"]))
        if found.due and datetime.fromisoformat(found.due).tzinfo is None:
            raise ValueError("due has no time zone")
        return found


@dataclass(frozen=True)
class Scale:
    """What there is to earn in a class."""

    checks: Decimal = Decimal(0)
    """By checks: the largest maximum of its results."""
    manual: Mapping[str, Decimal] = field(default_factory=dict)
    """By hand, by name; a bonus has the maximum 0."""
    criteria: Mapping[str, Decimal] = field(default_factory=dict)
    """Of the course's rubrics, what each counts, whatever its own maximum; in `manual`, too."""

    @classmethod
    def of(
        cls,
        results: Iterable[SubmissionResult],
        set_: Iterable[Adjustments],
        criteria: Mapping[str, Decimal] | None = None,
    ) -> Scale:
        """That of a class with these results, in which this was set, with the course's rubrics."""
        criteria = criteria or {}
        manual: dict[str, Decimal] = {}
        for adjustments in set_:
            for name, given in adjustments.points.items():
                manual[name] = max(given.max_points, manual.get(name, Decimal(0)))
        most = max((exact(result.max_score) for result in results), default=Decimal(0))
        return cls(most, {**manual, **criteria}, criteria)

    def counted(self, name: str, given: Manual) -> Decimal:
        """What points by hand count: of a rubric's criterion the share that the course gives it."""
        if name in self.criteria and given.max_points:
            return given.points * self.criteria[name] / given.max_points
        return given.points

    @property
    def total(self) -> Decimal:
        """All of it."""
        return sum(self.manual.values(), self.checks)


@dataclass(frozen=True)
class Mark:
    """What a student gets, and how it came about."""

    points: Decimal | None
    """Rounded to 2 decimals; None where there is nothing to mark, or the student is excused."""
    max_points: Decimal
    excused: bool = False
    provisional: bool = False
    """A check could not be decided: grade again."""
    waiting: tuple[str, ...] = ()
    """Names of points by hand that others have and that were not given here; they count 0."""
    deduction: Decimal = Decimal(0)
    """For lateness and as a penalty."""
    steps: tuple[str, ...] = ()
    """What was added and taken off, for the student."""

    def out_of(self, whole: Decimal) -> Decimal | None:
        """The same share of another maximum, rounded to 2 decimals; more than all of it with a bonus."""
        if self.points is None or not self.max_points or self.max_points == whole:
            return self.points
        return rounded(self.points * whole / self.max_points)


def mark(result: SubmissionResult | None, set_: Adjustments, rule: LateRule | None, scale: Scale) -> Mark:
    """The mark of a result with what the instructor set.

    There is none (`points` is None) where no check was decided and no points were set by hand. A submission
    that was refused has every check decided: its mark is 0, as in the class's figures.
    """
    steps: list[str] = []
    points = _of_checks(result, set_, scale, steps)
    waiting = tuple(name for name, most in sorted(scale.manual.items()) if most and name not in set_.points)
    for name, given in sorted(set_.points.items()):
        counted = scale.counted(name, given)
        points = (points or Decimal(0)) + counted
        weighed = f", which count {plain(rounded(counted))} of {plain(rounded(scale.manual[name]))}"
        steps.append(f"{name}: {given} points{weighed if counted != given.points else ''}")
    deduction = Decimal(0)
    if set_.late_days and rule is not None:
        late = rule.deduction(set_.late_days, scale.total)
        deduction += late
        days = "1 day" if set_.late_days == 1 else f"{set_.late_days} days"
        steps.append(f"{days} late: -{plain(rounded(late))} points ({rule})")
    if set_.penalty is not None:
        taken = set_.penalty.of(scale.total)
        deduction += taken
        steps.append(f"penalty: -{plain(rounded(taken))} points ({set_.penalty})")
    if set_.excused:
        steps.append("excused")
        points = None
    return Mark(
        points=None if points is None else rounded(max(points - deduction, Decimal(0))),
        max_points=scale.total,
        excused=bool(set_.excused),
        provisional=result is not None and bool(result.undecided) and set_.score is None,
        waiting=waiting,
        deduction=rounded(deduction),
        steps=tuple(steps),
    )


def _of_checks(
    result: SubmissionResult | None, set_: Adjustments, scale: Scale, steps: list[str]
) -> Decimal | None:
    """The points of the checks, exact, or what overrides them."""
    points = None
    if result is not None and result.problem and result.undecided:
        # Which checks were still run may be its own doing: who is slow would be judged by the first ones alone.
        steps.append("checks: not all could be run, so there is no mark by them")
    elif result is not None and any(check.verdict != "error" for check in result.checks):
        points, most = exact(result.score), exact(result.max_score)
        steps.append(f"checks: {plain(points)} of {plain(most)} points")
        if most and most != scale.checks:
            points = points * scale.checks / most
            steps.append(f"as a share of {plain(scale.checks)}: {plain(rounded(points))} points")
    if set_.score is not None:
        points = set_.score
        steps.append(f"score set by hand: {plain(points)} points")
    return points


def rounded(value: Decimal) -> Decimal:
    """To 2 decimals, halves away from zero."""
    return value.quantize(CENT, ROUND_HALF_UP)


def without(set_: Adjustments, what: str) -> Adjustments:
    """The adjustments with one of them taken back: a field's name, `points:NAME`, or `all`.

    Raises:
        ValueError: there is no such adjustment.
    """
    kind, colon, name = what.partition(":")
    if what == "all":
        return Adjustments()
    if name and kind == "points":
        left = {key: given for key, given in set_.points.items() if key != name}
        return dataclasses.replace(set_, points=left)
    fields = {"late": "late_days"}
    if colon or (kind not in fields and kind not in Adjustments.__dataclass_fields__):
        raise ValueError(f"{what!r} is nothing that can be set")
    key = fields.get(kind, kind)
    return dataclasses.replace(set_, **{key: getattr(Adjustments(), key)})


@dataclass(frozen=True)
class Change:
    """What one command changes of what is set: first something is taken back, then something is set."""

    clear: tuple[str, ...]
    """As `without` takes them."""
    values: Mapping[str, Any]
    """Fields of `Adjustments`."""
    points: Mapping[str, Manual]
    """Added to those that are there."""

    def __call__(self, old: Adjustments) -> Adjustments:
        """The adjustments after it."""
        for what in self.clear:
            old = without(old, what)
        new = dataclasses.replace(old, **self.values)
        return dataclasses.replace(new, points={**new.points, **self.points})


def percentage(found: Mark) -> Decimal | None:
    """The share of the maximum in per cent, to 2 decimals; None without a mark."""
    if found.points is None or not found.max_points:
        return None
    return rounded(found.points * HUNDRED / found.max_points)


def _amount(text: str) -> Amount:
    return Amount(from_text(text.removesuffix("%")), text.endswith("%"))
