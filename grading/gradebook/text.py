"""Text that a submission wrote, made fit for the formats of others: no control character, no formula.

A submission chooses its folder's name and whatever a check quotes of its output. None of it may act
on who reads the report: not as a terminal's escape sequence, not as a spreadsheet's formula.
"""

from __future__ import annotations

import re

from lab.unseen import clean

_FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def line(text: str) -> str:
    """A text as `clean` makes it, on one line, for a table or an attribute."""
    return clean(text).replace("\n", "␊").replace("\t", " ")


def cell(text: str) -> str:
    """The text for a cell of a CSV file that somebody opens in a spreadsheet.

    What would be taken for a formula is given a leading apostrophe, as OWASP asks (ASVS 5.0, 1.2.10;
    its page "CSV Injection"); a plain number is not a formula.
    """
    cleaned = clean(text)
    return f"'{cleaned}" if _FORMULA.match(cleaned) and not _NUMBER.fullmatch(cleaned) else cleaned
