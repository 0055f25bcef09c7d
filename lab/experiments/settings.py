"""What can be set in an experiment: `--set KEY=VALUE`, its check, and the sentence that explains it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.errors import LabError

Value = int | str | tuple[int, ...]
"""Of a setting: a whole number, a word, or a list of whole numbers."""

Values = Mapping[str, Value]


@dataclass(frozen=True)
class Setting:
    """One of the settings of an experiment; its default tells of what kind its values are."""

    key: str
    default: Value
    text: str
    """For `--help`: what it is, and in which unit."""
    least: int = 0
    most: int = 0
    """Of a number, or of each number in a list."""
    words: tuple[str, ...] = ()
    """The values there are, where they are words."""
    longest: int = 1
    """How many numbers a list may have, at most; two at least."""

    def read(self, text: str) -> Value:
        """The value that a text means.

        Raises:
            LabError: it means none; says which there are.
        """
        if self.words:
            if text not in self.words:
                raise self._wrong(text)
            return text
        parts = text.split(",")
        # Ten digits hold every bound, and int() of a million of them takes its time.
        if not all(re.fullmatch(r"[+-]?[0-9]{1,10}", part.strip()) for part in parts):
            raise self._wrong(text)
        numbers = tuple(int(part) for part in parts)
        lengths = range(2, self.longest + 1) if isinstance(self.default, tuple) else range(1, 2)
        if len(numbers) not in lengths or not all(self.least <= each <= self.most for each in numbers):
            raise self._wrong(text)
        return numbers if isinstance(self.default, tuple) else numbers[0]

    @property
    def allowed(self) -> str:
        """Which values there are, in words."""
        if self.words:
            return " or ".join(self.words)
        span = f"from {self.least} to {self.most}"
        return f"2 to {self.longest} numbers {span}" if isinstance(self.default, tuple) else span

    def _wrong(self, text: str) -> LabError:
        return LabError(f"{self.key}={text[:40]} cannot be", f"It is {self.allowed}: {self.text}.")


def shown(value: Value) -> str:
    """A value as it is written on the command line."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def chosen(settings: Sequence[Setting], texts: Sequence[str]) -> dict[str, Value]:
    """The values of all settings, from the words after `--set` and the defaults.

    Raises:
        LabError: a word is no KEY=VALUE, or there is no such key or value, or a key comes twice.
    """
    known = {each.key: each for each in settings}
    given: dict[str, Value] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or key not in known:
            raise LabError(
                f"There is no setting {text[:40]!r}" if key not in known else f"{key} has no value",
                f"Write KEY=VALUE; there is {', '.join(known)}.",
            )
        if key in given:
            raise LabError(f"{key} is set twice", "Set it once; another value is another run.")
        given[key] = known[key].read(value)
    return {each.key: given.get(each.key, each.default) for each in settings}


def number(values: Values, key: str) -> int:
    """The value of a setting that is a number."""
    value = values[key]
    assert isinstance(value, int)
    return value


def numbers(values: Values, key: str) -> tuple[int, ...]:
    """The value of a setting that is a list of numbers."""
    value = values[key]
    assert isinstance(value, tuple)
    return value
