"""Reads what `engine ps` prints, whatever its form.

The contract leaves the form free; it says what must be told of each container. So an entry is
all text from a line that holds the container's id as a word to the next line with another
container's id, or that is about all of them, and questions are asked of that text. Colours are
taken away before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from grading.guest.records import Finished

WORD = r"(?<![\w.-]){}(?![\w.-])"
COLOUR = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
"""A control sequence of terminals (ECMA-48, 5.4)."""

NEGATED = r"(?<!not[ _-])(?<!longer )(?<!was )"
IS_SO = r"(?![\"']?\s*[:=]\s*[\"']?(?:false|no|0)\b)"
RUNNING = re.compile(rf"{NEGATED}\b(running|up|alive|active)\b{IS_SO}", re.IGNORECASE)
"""Also at level 1, where any word will do, the living must not look like the dead."""

RUNNING_AT_1 = re.compile(
    rf"{RUNNING.pattern}|{NEGATED}(?<![^\W_])(running|alive|active)(?![^\W_]|[_ ]?time){IS_SO}", re.IGNORECASE
)
"""A constant of the program's, as `CONTAINER_RUNNING`, is such a word, too."""

STARTED = re.compile(
    rf"{NEGATED}(?<![^\W_])(started|live)(?![^\W_]|[_ ]?(?:at|time)\b|[\"']?\s*[:=])", re.IGNORECASE
)
"""What may be a state, or stand before a time: it is a state where nothing says that the container has ended."""

LABEL = re.compile(r"(?<![\w-])[\w-]+(?: (?:limit|code|status|signal|requested))?[\"']?\s*[:=]")
"""The name of a value: `exit code: -`, `hard_limit=64` are told of the living, too."""

ENDED = re.compile(r"exit|stop|kill|dead|done|finish|complet|terminat|hard|limit", re.IGNORECASE)
MONTH = r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*"
TIME = re.compile(
    r"\d{4}-\d\d-\d\d|\d{1,2}[./]\d{1,2}[./]\d{4}|\d{1,2}:[0-5]\d:[0-5]\d(?:[.,]\d+)?"
    rf"|\b{MONTH} +\d{{1,2}}\b|\b\d{{1,2}} +{MONTH}\b"
)
"""Dates and times of day: their numbers are about nothing but when somebody looked."""

OFTEN = frozenset(
    ("second", "seconds", "sec", "secs", "minute", "minutes", "min", "mins", "hour", "hours", "ago")
)
"""Words of a time that has passed."""

COUNTED = r"running|active|alive|stopped|exited|killed|finished|ended|dead"
SUMMARY = re.compile(
    rf"\W*(?:(?:total|count|summary|number of)\b|(?:(?:{COUNTED}) )?containers?(?:\(s\))?[\w ]*[:=]\s*\d"
    rf"|\d+ (?:(?:{COUNTED}) )?containers?\b)",
    re.IGNORECASE,
)
"""A line about all containers."""

COUNT = re.compile(rf"\W*(?:{COUNTED})\s*[:=]\s*\d+\s*$", re.IGNORECASE)
"""The same below a table; in a form it may be about one."""

LONGEST = 128 << 10
"""Characters of a listing that are read: a thousand lines."""

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
        self.text = COLOUR.sub("", finished.text[:LONGEST])
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
        lines = self._whole_lines(ids)
        first = next((at for at, line in enumerate(lines) if begin.search(line)), len(lines))
        taken = lines[first : first + 1]
        labels = Counter(map(_label, lines))
        of_others = [at for at, line in enumerate(lines) if any(other.search(line) for other in end)]
        below = next((at for at in of_others if at > first), len(lines))
        for at, line in enumerate(lines[first + 1 :], first + 1):
            # A table has one line a container; a form has several, until an empty line or another id.
            if not line.strip() or at == below or _is_like(line, taken[0]):
                break
            if SUMMARY.match(line) or (_is_row(taken[0]) and _is_footer(line, taken[0])):
                break
            # What the last row alone has below it, where there are several, is about none of them.
            is_last = bool(of_others) and of_others[0] < first and of_others[-1] <= at
            if is_last and _is_row(taken[0]) and not _is_deeper(line, taken[0]) and labels[_label(line)] == 1:
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
        entry = self._without_id(identifier)
        if self.level == 2:
            return bool(RUNNING.search(entry))
        has_started = STARTED.search(entry) and not ENDED.search(LABEL.sub(" ", entry))
        return bool(RUNNING_AT_1.search(entry) or has_started)

    def ended(self, identifier: str) -> bool:
        """Whether it is told to have ended."""
        return bool(ENDED.search(self._without_id(identifier))) and not self.runs(identifier)

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
        return frozenset(re.findall(r"[a-z_]{3,}", self._without_paths(identifier).lower())) - OFTEN

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
        """The entry without its id, and without names that hold it, as that of a log: they differ anyway."""
        return re.sub(rf"(?<![\w.-])[\w.-]*{re.escape(identifier)}[\w.-]*", " ", self.entry(identifier))

    def _without_paths(self, identifier: str) -> str:
        return re.sub(r"(?<!\S)\S*/\S*", " ", self._without_id(identifier))


def _is_row(line: str) -> bool:
    words = line.split()
    return len(words) >= 4 or (len(words) == 3 and any(re.fullmatch(r"\d{2,}", word) for word in words))


def _is_deeper(line: str, first: str) -> bool:
    return len(line) - len(line.lstrip()) > len(first) - len(first.lstrip())


def _is_footer(line: str, first: str) -> bool:
    """Whether a line below a table tells nothing of a container: words alone, as `OK` or `END`, or a count."""
    return bool(COUNT.match(line)) or (not _is_deeper(line, first) and not re.search("[:=/]", line))


def _label(line: str) -> str:
    """What a line begins with: the name of a value, or a word."""
    return re.split("[:=]", line.strip())[0].strip() if re.search("[:=]", line) else "".join(line.split()[:1])


def _is_like(line: str, first: str) -> bool:
    """Whether a line is as another container's first one: a row like that, or with the same label before it."""
    label = first.split()[0]
    if label.endswith((":", "=")) or re.match(r"\W*[A-Za-z ]+[:=]", first):
        return line.split()[0] == label
    return _is_row(first) and _is_row(line)
