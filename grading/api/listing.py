"""Reads what `engine ps` prints, whatever its form.

The contract leaves the form free; it says what must be told of each container. So an entry is
all text from a line that holds the container's id as a word to the next line with another
container's id, and questions are asked of that text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from grading.guest.records import Finished

WORD = r"(?<![\w.-]){}(?![\w.-])"
RUNNING = re.compile(r"\b(running|up|alive|active)\b", re.IGNORECASE)
"""Also at level 1, where any word will do, the living must not look like the dead."""

ENDED = re.compile(r"exit|stop|kill|dead|done|finish|complet|terminat|hard|limit", re.IGNORECASE)
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
TIME = re.compile(
    r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}:[0-5]\d:[0-5]\d(?:[.,]\d+)?"
    rf"|\b{MONTH} +\d{{1,2}}\b|\b\d{{1,2}} +{MONTH}\b"
)
"""Dates and times of day: their numbers are about nothing but when somebody looked."""

REASON = re.compile(r"\b(hard_limit_killed|stopped|killed|exited)\b")


class Listing:
    """One answer of `ps`.

    Args:
        finished: the client's end.
        level: what is graded; 2 reads the reasons exactly.
        others: all ids that were used: each begins an entry of its own.
    """

    def __init__(self, finished: Finished, level: int, others: Iterable[str] = ()) -> None:
        self.finished = finished
        self.others = frozenset(others)
        self.text = finished.text
        self.level = level

    def entry(self, identifier: str, others: Iterable[str] = ()) -> str:
        """The text about one container; empty where its id does not occur.

        Args:
            identifier: its id.
            others: ids that end the entry.
        """
        begin = re.compile(WORD.format(re.escape(identifier)))
        ids = {*others, *self.others} - {identifier}
        end = [re.compile(WORD.format(re.escape(other))) for other in ids]
        taken: list[str] = []
        for line in self._whole_lines(ids):
            if not taken and begin.search(line):
                taken.append(line)
            elif taken:
                # A table has one line a container; a form has several, until an empty line or another id.
                if not line.strip() or any(other.search(line) for other in end) or _is_like(line, taken[0]):
                    break
                if _is_row(taken[0]) and _is_footer(line):
                    break
                taken.append(line)
        return "\n".join(taken)

    def _whole_lines(self, ids: Iterable[str]) -> list[str]:
        """All lines; without a last one that was cut within the id with which it begins."""
        lines = self.text.splitlines()
        if lines and not self.text.endswith("\n"):
            begin = lines[-1].split()[:1]
            if begin and any(each != begin[0] and each.startswith(begin[0]) for each in ids):
                return lines[:-1]
        return lines

    def runs(self, identifier: str) -> bool:
        """Whether it is told to be running."""
        return bool(RUNNING.search(self._without_id(identifier)))

    def ended(self, identifier: str) -> bool:
        """Whether it is told to have ended."""
        entry = self._without_id(identifier)
        return bool(ENDED.search(entry)) and not RUNNING.search(entry)

    def reason(self, identifier: str) -> str:
        """One of the contract's reasons, exactly as it spells them; empty where there is none.

        A state `exited` stands beside the reason in a table that shows both; so the most special word counts.
        """
        words = REASON.findall(self._without_paths(identifier))
        for word in ("hard_limit_killed", "stopped", "killed", "exited"):
            if word in words:
                return str(word)
        return ""

    def words(self, identifier: str) -> frozenset[str]:
        """The words about it that are not its id, a number, a path or a time: what tells one end from another."""
        return frozenset(re.findall(r"[a-z_]{3,}", self._without_paths(identifier).lower()))

    def numbers(self, identifier: str) -> list[str]:
        """All whole numbers in the entry that are not a time's."""
        return re.findall(r"(?<![\w.])-?\d+(?![\w.])", self.told(identifier))

    def has_number(self, identifier: str, number: int) -> bool:
        """Whether that number stands there, as a word or before a unit, and not as a part of a name."""
        pattern = rf"(?<![\w.-]){re.escape(str(number))}(?!\w*\d|\.\d)"
        return bool(re.search(pattern, self.told(identifier)))

    def has_mib(self, identifier: str, mib: int) -> bool:
        """Whether so many MiB are told, in MiB, KiB or bytes."""
        return any(self.has_number(identifier, mib << shift) for shift in (0, 10, 20)) or bool(
            re.search(rf"(?<![\d.]){mib}(\.0+)?\s*(MiB|MB|M)\b", self.told(identifier), re.IGNORECASE)
        )

    def told(self, identifier: str) -> str:
        """The entry without its id, and without times: the 11th of a month is no signal 11."""
        return TIME.sub(" ", self._without_id(identifier))

    def _without_id(self, identifier: str) -> str:
        return re.sub(WORD.format(re.escape(identifier)), " ", self.entry(identifier))

    def _without_paths(self, identifier: str) -> str:
        return re.sub(r"\S*/\S*", " ", self._without_id(identifier))


def _is_row(line: str) -> bool:
    return len(line.split()) >= 4


def _is_footer(line: str) -> bool:
    """Whether a line below a table tells nothing of a container: a word alone, as `OK` or `END`."""
    return not line[0].isspace() and len(line.split()) == 1 and not re.search("[:=/]", line)


def _is_like(line: str, first: str) -> bool:
    """Whether a line is as another container's first one: a row like that, or with the same label before it."""
    label = first.split()[0]
    if label.endswith((":", "=")) or re.match(r"\W*[A-Za-z ]+[:=]", first):
        return line.split()[0] == label
    return _is_row(first) and _is_row(line)
