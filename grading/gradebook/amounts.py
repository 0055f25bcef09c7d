"""Points and percentages as an instructor writes them: `10%`, `2.5`, `8/10`, `2d`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from grading.verdicts import MOST
from lab.errors import LabError

_NUMBER = r"\d{1,9}(?:[.,]\d{1,6})?"
_AMOUNT = re.compile(rf"\s*({_NUMBER})\s*(%|p|pt|pts|points?)?\s*", re.ASCII | re.IGNORECASE)
_SHARE = re.compile(rf"\s*(-?{_NUMBER})\s*(?:/\s*({_NUMBER}))?\s*", re.ASCII)
_LATENESS = re.compile(
    r"(?:(\d{1,4})\s*d)?\s*(?:(\d{1,5})\s*h)?\s*(?:(\d{1,6})\s*m)?", re.ASCII | re.IGNORECASE
)
HUNDRED = Decimal(100)


@dataclass(frozen=True)
class Amount:
    """A number of points, or a percentage of the points that there are."""

    value: Decimal
    percent: bool

    @classmethod
    def read(cls, text: str) -> Amount:
        """Read `10%`, `3` or `3p`.

        Raises:
            LabError: it is neither, or more than 100 %.
        """
        match = _AMOUNT.fullmatch(text)
        if match is None or (match[2] == "%" and _decimal(match[1]) > HUNDRED):
            raise LabError(
                f"{text!r} is no amount to take off", "Write a percentage such as 10%, or points such as 2.5."
            )
        return cls(_decimal(match[1]), match[2] == "%")

    def of(self, whole: Decimal) -> Decimal:
        """In points."""
        return whole * self.value / HUNDRED if self.percent else self.value

    def __str__(self) -> str:
        return f"{plain(self.value)} %" if self.percent else f"{plain(self.value)} points"

    def to_json(self) -> str:
        """As `read` takes it."""
        return f"{plain(self.value)}{'%' if self.percent else ''}"


@dataclass(frozen=True)
class Manual:
    """Points given by hand for something that no check sees, such as a report."""

    points: Decimal
    max_points: Decimal

    @classmethod
    def read(cls, text: str) -> Manual:
        """Read `8/10`; `2` alone is a bonus, points that nobody had to earn.

        Raises:
            LabError: it is neither, or more than its maximum.
        """
        match = _SHARE.fullmatch(text)
        if match is None:
            raise LabError(f"{text!r} is no number of points", "Write it as 8/10, or 2 for a bonus.")
        points = _decimal(match[1])
        max_points = _decimal(match[2]) if match[2] else Decimal(0)
        if match[2] and points > max_points:
            raise LabError(
                f"{text!r} is more than there is", "Write points/maximum; a bonus is a number alone."
            )
        return cls(points, max_points)

    def __str__(self) -> str:
        return f"{plain(self.points)}/{plain(self.max_points)}" if self.max_points else plain(self.points)


def days_late(text: str) -> int:
    """How many days `2d`, `36h`, `1d12h` or `90m` are; a day that was begun counts whole.

    Raises:
        LabError: it is none of these.
    """
    match = _LATENESS.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise LabError(f"{text!r} is no lateness", "Write days, hours or minutes: 2d, 36h, 1d12h.")
    days, hours, minutes = (int(part or 0) for part in match.groups())
    return -(-(days * 1440 + hours * 60 + minutes) // 1440)


def days_after(due: datetime, text: str) -> int:
    """How many days after a deadline a moment is; a day that was begun counts whole, and before it there are none.

    Args:
        due: with its time zone.
        text: ISO 8601; where it has no time zone, the deadline's is meant.

    Raises:
        LabError: it is no moment.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise LabError(
            f"{text!r} is no moment", "Write it as 2026-11-03T10:00, with the time zone +01:00 or without."
        ) from error
    late = (moment if moment.tzinfo else moment.replace(tzinfo=due.tzinfo)) - due
    return max(0, -(-late // timedelta(days=1)))


def plain(value: Decimal) -> str:
    """Without an exponent and without zeros at the end."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def exact(value: float) -> Decimal:
    """The decimal number that a float is written as, so that 0.1 is a tenth."""
    return Decimal(repr(float(value)))


def from_text(value: Any) -> Decimal:
    """A decimal number from the gradebook. Raises `ValueError` where it is none, or none that there can be."""
    found = Decimal(str(value)) if re.fullmatch(r"-?\d+(\.\d+)?", str(value)) else None
    if found is None or abs(found) > MOST:
        raise ValueError(f"{str(value)[:40]!r} is no number that there can be")
    return found


def _decimal(text: str) -> Decimal:
    return Decimal(text.replace(",", "."))
