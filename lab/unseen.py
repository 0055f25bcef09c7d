"""Text from a guest or a submission, made fit to be shown: what would act on a terminal is seen instead.

An escape sequence may write into the clipboard or repaint what stands above it, and a change of
the writing direction makes a line read as something that it is not.
"""

from __future__ import annotations

import re

_ACTING = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # controls, but tab and newline
    "\u200e\u200f\u202a-\u202e\u2066-\u2069"  # what turns the direction of the text around it
)
_ACTS = re.compile(f"[{_ACTING}]")
_UNSEEN = re.compile(f"[{_ACTING}\ud800-\udfff\ufffe\uffff]")
"""Also what UTF-8 and XML 1.0 (section 2.2) cannot hold."""


def still(text: str) -> str:
    """The text with each character that would act on a terminal replaced by one that shows it.

    Control characters become their pictures (ESC is ␛), others U+FFFD; tab and newline stay, and CR LF
    is a newline.
    """
    return _ACTS.sub(_picture, text.replace("\r\n", "\n"))


def clean(text: str) -> str:
    """The same also of what XML cannot hold. A clean text is left as it is."""
    return _UNSEEN.sub(_picture, text.replace("\r\n", "\n"))


def escaped(json: str) -> str:
    """Text in JSON with JSON's own escapes for what would act on a terminal: it comes back as it was."""
    return _ACTS.sub(lambda match: f"\\u{ord(match[0]):04x}", json)


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code < 0x20:
        return chr(0x2400 + code)  # the block Control Pictures has them in the same order
    return "\u2421" if code == 0x7F else "\ufffd"
