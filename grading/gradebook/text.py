"""Text that a submission wrote, made fit for the formats of others: no control character, no formula.

A submission chooses its folder's name and whatever a check quotes of its output. None of it may act
on who reads the report: not as a terminal's escape sequence, not as a spreadsheet's formula.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but tab and newline
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of the text around it
    "\ud800-\udfff\ufffe\uffff]"  # what UTF-8 and XML 1.0 (section 2.2) cannot hold
)
_FORMULA = re.compile(r"[\s\ufeff\u200b]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")


def clean(text: str) -> str:
    """The text with each character that could act, or that XML cannot hold, replaced by one that shows it.

    Control characters become their pictures (ESC is ␛), others U+FFFD; tab and newline stay, and CR LF
    is a newline. A clean text is left as it is.
    """
    return _UNSEEN.sub(_picture, text.replace("\r\n", "\n"))


def line(text: str) -> str:
    """The same on one line, for a table or an attribute."""
    return clean(text).replace("\n", "␊").replace("\t", " ")


def cell(text: str) -> str:
    """The text for a cell of a CSV file that somebody opens in a spreadsheet.

    What would be taken for a formula is given a leading apostrophe, as OWASP asks (ASVS 5.0, 1.2.10;
    its page "CSV Injection"); a plain number is not a formula.
    """
    cleaned = clean(text)
    return f"'{cleaned}" if _FORMULA.match(cleaned) and not _NUMBER.fullmatch(cleaned) else cleaned


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the block Control Pictures has them in the same order
    return "\u2421" if code == 0x7F else "\ufffd"
