"""CSV as it comes from learning platforms and spreadsheets: any usual encoding, any usual separator."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError

LARGEST = 64 << 20
"""Bytes; a roster of ten thousand students has one or two million."""

DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Decoded:
    """A text file and how its bytes become text, so that it can be written back the same."""

    text: str
    encoding: str
    mark: bytes
    """The byte order mark it began with, or nothing."""

    def encoded(self, text: str) -> bytes:
        """Other text in the same encoding; a character that it lacks becomes a question mark."""
        return self.mark + text.encode(self.encoding, "replace")


def read(path: Path, what: str) -> Decoded:
    """Read a text file: by its byte order mark, else UTF-8, else as Windows' Excel writes in the west.

    Raises:
        LabError: there is no such file, it is too large to be `what`, or it is no text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise LabError(f"The {what} {path} cannot be read: {error.strerror or error}") from error
    if len(data) > LARGEST:
        raise LabError(f"The {what} {path} is larger than {LARGEST >> 20} MiB", "Name the right file.")
    found = _decoded(data)
    if found is None:
        raise LabError(f"The {what} {path} is not a text file", "Save it as CSV in UTF-8.")
    if "\0" in found.text:
        raise LabError(
            f"The {what} {path} has NUL characters, as UTF-16 without a byte order mark has",
            "Save it as CSV in UTF-8.",
        )
    return found


def _decoded(data: bytes) -> Decoded | None:
    """As text; None where it is none by its own byte order mark."""
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ):
        if data.startswith(mark):
            try:
                return Decoded(data[len(mark) :].decode(encoding), encoding, mark)
            except UnicodeDecodeError:
                return None
    for encoding in ("utf-8", "cp1252", "latin-1"):
        try:
            return Decoded(data.decode(encoding), encoding, b"")
        except UnicodeDecodeError:
            continue
    raise AssertionError("every byte is a character of Latin-1")


def delimiter(text: str) -> str:
    """The separator: what stands most often, outside quotes, on the first line that is not empty."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = "".join(first.split('"')[::2])
    return max(DELIMITERS, key=outside.count)


def rows(text: str, where: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, each with the number of the line on which it begins.

    Raises:
        LabError: it is not CSV.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter(text))
    begins = 1
    try:
        for row in reader:
            if any(field.strip() for field in row):
                yield begins, row
            begins = reader.line_num + 1
    except csv.Error as error:
        raise LabError(f"{where}, line {begins}, is not CSV: {error}", "Save it as CSV in UTF-8.") from error


def written(table: Sequence[Sequence[str]], *, end: str = "\r\n") -> str:
    """Rows as CSV, as RFC 4180 has it; fields are quoted where they must be."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerows(table)
    return out.getvalue()
