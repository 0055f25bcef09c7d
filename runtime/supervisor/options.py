"""The rules of every command line: options, operands, ids, numbers. Which ones a command has, it says itself.

Options of the engine may stand anywhere: before the command and, as in the course's own
examples, after it. The rules, from left to right:

- before the command, every word that begins with `-` is an option of the engine; `--` ends them;
- after the command, the engine takes only the long options it knows there; any other word belongs
  to the command; a `--` there belongs to the command too, and so does everything behind it.

So `run a root grep --nice 5` takes --nice away, `run a root -- grep --nice 5` does not.
`Grammar.closed` switches the second rule off: everything after the command belongs to it.
Short options may be joined, to each other and to a value: `-qa`, `-t5` (POSIX, chapter 12.2).
"""

from __future__ import annotations

import re
import shlex
import signal
from dataclasses import dataclass

from supervisor.errors import UsageError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}")


@dataclass(frozen=True)
class Option:
    """An option of a command."""

    names: tuple[str, ...]  # such as ("-t", "--time"); the last is the one it is known by
    text: str  # what it does, in a line
    value: str = ""  # what stands for its value in the help; empty where it takes none
    anywhere: bool = True  # also after the command; where not, there it belongs to the command

    @property
    def key(self) -> str:
        """The name it is known by."""
        return self.names[-1]


@dataclass(frozen=True)
class Grammar:
    """How a command's line is made."""

    options: tuple[Option, ...] = ()
    program_at: int = 1 << 30  # so many operands, and the command line of a container's program begins
    closed: bool = False  # from there on everything belongs to it, also what looks like our option


@dataclass(frozen=True)
class Line:
    """A command line, taken apart."""

    name: str  # of the command
    operands: list[str]
    options: dict[str, list[str]]  # by key; every value given, in order

    def has(self, key: str) -> bool:
        """Whether an option was given."""
        return key in self.options

    def last(self, key: str, default: str = "") -> str:
        """The value of an option; given twice, the last counts."""
        return self.options[key][-1] if key in self.options else default

    def all(self, key: str) -> list[str]:
        """Every value of an option that may be given more than once."""
        return self.options.get(key, [])

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """The whole number an option holds.

        Raises:
            UsageError: it holds none, or one out of range.
        """
        return number(key, self.last(key), low, high) if self.has(key) else default

    def one_of(self, key: str, *choices: str) -> str:
        """One of these words; the first where the option was not given.

        Raises:
            UsageError: it is another.
        """
        value = self.last(key, choices[0])
        if value not in choices:
            raise UsageError(f"{key} is {' or '.join(choices)}, not {show(value)}")
        return value

    def nothing(self) -> None:
        """Check that there are no operands.

        Raises:
            UsageError: there are.
        """
        if self.operands:
            raise self.refuse("takes no operands")

    def id(self) -> str:
        """The one operand: a container's id.

        Raises:
            UsageError: there is none, or more, or it is no id.
        """
        if len(self.operands) != 1:
            raise self.refuse("takes one container id")
        return check_id(self.operands[0])

    def ids(self, *, at_least: int = 1) -> tuple[str, ...]:
        """The operands: ids of containers, each once, in order.

        Raises:
            UsageError: there are too few, or one is no id.
        """
        if len(self.operands) < at_least:
            raise self.refuse("needs the id of a container")
        return tuple(dict.fromkeys(map(check_id, self.operands)))

    def refuse(self, why: str) -> UsageError:
        """The error that says what is wrong with the line as a whole."""
        return UsageError(f"`engine {self.name}` {why}", f"Try `engine {self.name} --help`.")


def split(name: str, grammar: Grammar, words: list[str]) -> Line:
    """Take a command line apart, by the rules above. Asking for help is the option `--help`.

    Raises:
        UsageError: an option is unknown, lacks its value or has one too many.
    """
    known = {each: option for option in grammar.options for each in option.names}
    line = Line(name, [], {})
    rest = list(words)
    while rest:
        word = rest.pop(0)
        begun = len(line.operands) >= grammar.program_at
        if word == "--" or (begun and grammar.closed):
            line.operands.extend([word, *rest] if begun else rest)
            break
        key, equals, value = word.partition("=")
        if key in known and key.startswith("--") and (known[key].anywhere or not begun):
            _take(line, known[key], value if equals else None, rest)
        elif begun or not word.startswith("-") or word == "-":
            line.operands.append(word)
        elif word == "--help" or (word == "-h" and word not in known):
            line.options["--help"] = [""]
        elif word[:2] in known:
            _take_short(line, known, word, rest)
        else:
            raise line.refuse(f"has no option {show(word)}")
    return line


def _take(line: Line, option: Option, value: str | None, rest: list[str]) -> None:
    """Enter an option; its value is joined to it, or is the next word."""
    if option.value and value is None:
        if not rest:
            raise UsageError(f"{option.key} needs a value", f"Try `engine {line.name} --help`.")
        value = rest.pop(0)
    elif not option.value and value is not None:
        raise UsageError(f"{option.key} takes no value", f"Try `engine {line.name} --help`.")
    line.options.setdefault(option.key, []).append(value or "")


def _take_short(line: Line, known: dict[str, Option], word: str, rest: list[str]) -> None:
    """Enter one or more short options: -q, -qa, -t5, -t 5."""
    letters = word[1:]
    while letters:
        option = known.get("-" + letters[0])
        if option is None:
            raise line.refuse(f"has no option {show('-' + letters[0])}")
        letters = letters[1:]
        if option.value:
            _take(line, option, letters.removeprefix("=") if letters else None, rest)
            return
        _take(line, option, None, rest)


# region 04.command_line
def command_line(words: list[str]) -> tuple[bytes, ...]:
    """The program and its arguments. One word alone is split as a shell would split it.

    Raises:
        UsageError: a quotation has no end, or there is no program.
    """
    if len(words) == 1:
        try:
            words = shlex.split(words[0])
        except ValueError as error:
            raise UsageError(f"the command {show(words[0])} cannot be read: {error}") from error
    if not words or not words[0]:
        raise UsageError("the command is empty")
    return tuple(word.encode("utf-8", "surrogateescape") for word in words)


def check_id(identifier: str) -> str:
    """The id, if it is one.

    Raises:
        UsageError: it is not.
    """
    if not _ID.fullmatch(identifier):
        raise UsageError(
            f"{show(identifier)} is not a container id",
            "An id is 1 to 31 characters of A-Z a-z 0-9 . _ - and begins with a letter or a digit.",
        )
    return identifier


def number(key: str, text: str, low: int, high: int) -> int:
    """The whole number that an option's value is.

    Raises:
        UsageError: it is none, or one out of range.
    """
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or not low <= int(text) <= high:
        raise UsageError(f"{key} is a whole number from {low} to {high}, not {show(text)}")
    return int(text)


# endregion 04.command_line


def parse_filters(key: str, values: list[str], known: tuple[str, ...]) -> dict[str, frozenset[str]]:
    """Filters such as `status=running`: what was asked of each key, of which any may hold.

    Raises:
        UsageError: one is not KEY=VALUE with one of the known keys.
    """
    filters: dict[str, frozenset[str]] = {}
    for text in values:
        name, equals, value = text.partition("=")
        if not equals or name not in known:
            raise UsageError(f"{key} takes {', '.join(f'{each}=…' for each in known)}, not {show(text)}")
        filters[name] = filters.get(name, frozenset()) | {value}
    return filters


def parse_signal(key: str, text: str) -> int:
    """The number of a signal: KILL, SIGKILL, RTMIN+1 or 9.

    Raises:
        UsageError: there is no such signal.
    """
    name = text.upper().removeprefix("SIG")
    if match := re.fullmatch(r"RTMIN(?:\+([0-9]{1,2}))?", name):
        number = signal.SIGRTMIN + int(match[1] or 0)
    elif re.fullmatch(r"[0-9]{1,3}", name):
        number = int(name)
    else:
        number = getattr(signal, f"SIG{name}", 0) if name.isalnum() else 0
    if not 0 < number <= signal.SIGRTMAX:
        raise UsageError(f"{key} is a signal such as TERM or 15, not {show(text)}")
    return int(number)


def parse_cpus(text: str) -> list[int]:
    """The CPUs of a list such as `0-1,3`.

    Raises:
        UsageError: it is not such a list.
    """
    cpus: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"([0-9]{1,4})(?:-([0-9]{1,4}))?", part)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise UsageError(f"--cpuset is a list of CPUs such as 0 or 0-1,3, not {show(text)}")
        cpus.update(range(first, last + 1))
    return sorted(cpus)


def show(text: str | bytes) -> str:
    """A user's word in quotation marks, with nothing in it that a terminal would obey."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "surrogateescape")
    return f'"{printable(text[:200])}{"…" if len(text) > 200 else ""}"'


def printable(text: str) -> str:
    """A text with what a terminal would obey written out."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
