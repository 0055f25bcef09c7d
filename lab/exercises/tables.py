"""TOML of ours, read strictly: every error names the file and the key, and no key is ignored."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from lab.errors import LabError

WORD = re.compile(r"[a-z][a-z0-9_]*")


class Table:
    """A table of a file; each value is taken by key and type, and what is left at the end is an error.

    Args:
        content: the table.
        where: the file, and where in it, for messages.
    """

    def __init__(self, content: dict[str, Any], where: str) -> None:
        self._left = dict(content)
        self.where = where

    def error(self, key: str, what: str) -> LabError:
        """What is wrong with a key."""
        return LabError(f"{self.where}: {key}: {what}", "Correct the file.")

    def has(self, key: str) -> bool:
        """Whether a key is there and was not taken yet."""
        return key in self._left

    def _take(self, key: str, kinds: tuple[type, ...], called: str, default: Any) -> Any:
        if key not in self._left:
            if default is None:
                raise self.error(key, "it is missing")
            return default
        value = self._left.pop(key)
        if type(value) not in kinds:
            raise self.error(key, f"it must be {called}, not {value!r}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text that is not empty.

        Raises:
            LabError: it is missing and has no default, or is something else.
        """
        value: str = self._take(key, (str,), "a text", default)
        if not value.strip() and default is None:
            raise self.error(key, "it is empty")
        return value

    def word(self, key: str) -> str:
        """An id: a word of small letters, digits and `_`.

        Raises:
            LabError: it is missing, or is none.
        """
        value = self.text(key)
        if not WORD.fullmatch(value):
            raise self.error(key, f"{value!r} is no id; small letters, digits and `_` make one")
        return value

    def number(self, key: str) -> float:
        """A number, not negative.

        Raises:
            LabError: it is missing, or something else.
        """
        value = self._take(key, (int, float), "a number", None)
        if not 0 <= value < 1e9:
            raise self.error(key, f"{value} is not from 0 upwards")
        return float(value)

    def whole(self, key: str) -> int:
        """A whole number above 0.

        Raises:
            LabError: it is missing, or something else.
        """
        value: int = self._take(key, (int,), "a whole number", None)
        if value < 1:
            raise self.error(key, f"{value} is not above 0")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """`true` or `false`.

        Raises:
            LabError: it is something else.
        """
        value: bool = self._take(key, (bool,), "true or false", default)
        return value

    def moment(self, key: str) -> datetime:
        """A date and a time with a time zone.

        Raises:
            LabError: it is missing, has no time zone, or is something else.
        """
        value: datetime = self._take(key, (datetime,), "a moment such as 2026-11-02T23:59:00+01:00", None)
        if value.tzinfo is None:
            raise self.error(key, f"{value.isoformat()} has no time zone; write +01:00, or Z, behind it")
        return value

    def scalar(self, key: str, default: str) -> str:
        """A text or a number, as text.

        Raises:
            LabError: it is something else.
        """
        return str(self._take(key, (str, int, float), "a text or a number", default))

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of texts.

        Raises:
            LabError: it is missing and has no default, or is something else.
        """
        value = self._take(key, (list,), "a list", None if default is None else list(default))
        if not all(isinstance(each, str) and each for each in value):
            raise self.error(key, "it must be a list of texts")
        return tuple(value)

    def table(self, key: str) -> dict[str, Any]:
        """A table; empty where it is missing.

        Raises:
            LabError: it is something else.
        """
        value: dict[str, Any] = self._take(key, (dict,), "a table", {})
        return value

    def tables(self, key: str, *, optional: bool = True) -> list[Table]:
        """An array of tables, `[[key]]`.

        Raises:
            LabError: it is something else, or is missing and not optional.
        """
        value = self._take(key, (list,), f"an array of tables, [[{key}]]", [] if optional else None)
        if not all(isinstance(each, dict) for each in value):
            raise self.error(key, f"it must be an array of tables, [[{key}]]")
        return [Table(each, f"{self.where}: [[{key}]] number {at}") for at, each in enumerate(value, 1)]

    def close(self) -> None:
        """Make sure that nothing is left.

        Raises:
            LabError: there is a key that nobody knows.
        """
        if self._left:
            raise self.error(min(self._left), "this key is not known here")


def read(path: Path) -> Table:
    """A file.

    Raises:
        LabError: it cannot be read, or is no TOML.
    """
    return Table(content(path), str(path))


def content(path: Path, remedy: str = "Correct the file.", called: str = "") -> dict[str, Any]:
    """What a file says, whoever wrote it: some editors begin it with a byte order mark.

    Args:
        path: of the file.
        remedy: what to do where it is no TOML; an imperative sentence.
        called: its name in messages, where that is not its path.

    Raises:
        LabError: it cannot be read, or is no TOML.
    """
    name = called or str(path)
    try:
        return copy.deepcopy(_parsed(path.read_text(encoding="utf-8-sig")))
    except OSError as error:
        raise LabError(f"{name} cannot be read: {error.strerror}") from error
    except ValueError as error:  # also what is no text, and a number of thousands of digits
        why = str(error).partition("; use sys.")[0]
        raise LabError(f"{name} is not valid TOML: {why}", remedy) from error
    except RecursionError as error:
        raise LabError(
            f"{name} is not valid TOML: it has brackets in brackets without end", remedy
        ) from error


@lru_cache(maxsize=64)
def _parsed(text: str) -> dict[str, Any]:
    """What a text says: the same few files are read by nearly each command, and several times by most."""
    return tomllib.loads(text)


def written(value: object) -> str:
    """A value as TOML writes it: a number as it is, anything else as a basic string, which JSON's nearly is."""
    if type(value) in (int, float):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
