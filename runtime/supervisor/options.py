"""What a client asked for: the command line, checked and turned into a request.

Options of the engine may stand anywhere: before the command and, as in the course's own
examples, after it. The rules, from left to right:

- before the command, every word that begins with `-` is an option of the engine; `--` ends them;
- after the command, the engine takes only the options it knows; any other word belongs to
  the command; a `--` there belongs to the command too, and so does everything behind it.

So `run a root grep --nice 5` takes --nice away, `run a root -- grep --nice 5` does not.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from supervisor.errors import UsageError
from supervisor.records import MIB

SOFT_MIB, HARD_MIB = 40, 64
MAX_MIB = 1 << 24  # 16 TiB; bytes stay far inside 64 bits
COMMANDS = ("supervisor", "start", "run", "ps", "logs", "stop")

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,30}")
_OPTIONS = {
    "start": ("--soft-mib", "--hard-mib", "--nice", "--cpuset"),
    "run": ("--soft-mib", "--hard-mib", "--nice", "--cpuset"),
    "ps": ("--format",),
    "logs": (),
    "stop": (),
}


@dataclass(frozen=True)
class StartRequest:
    """`start`, or `run` where `attached`."""

    id: str
    rootfs: str
    command: tuple[bytes, ...]
    soft_limit: int = SOFT_MIB * MIB  # bytes
    hard_limit: int = HARD_MIB * MIB  # bytes
    nice: int = 0
    cpuset: str = ""  # as given, such as "0-1,3"; empty for all
    attached: bool = False


@dataclass(frozen=True)
class PsRequest:
    """`ps`."""

    format: str = "table"


@dataclass(frozen=True)
class LogsRequest:
    """`logs`."""

    id: str


@dataclass(frozen=True)
class StopRequest:
    """`stop`."""

    id: str


@dataclass(frozen=True)
class HelpRequest:
    """`--help`, of the engine or of one command."""

    topic: str = ""


Request = StartRequest | PsRequest | LogsRequest | StopRequest | HelpRequest


def parse(arguments: list[bytes]) -> Request:
    """The request that a command line means.

    Raises:
        UsageError: it means none; the text says why and what would be right.
    """
    words = [argument.decode("utf-8", "surrogateescape") for argument in arguments]
    if not words:
        raise UsageError("a command is missing", "Try `engine --help`.")
    name, *rest = words
    if name in ("--help", "-h", "help"):
        return HelpRequest(rest[0] if rest and rest[0] in COMMANDS else "")
    if name not in COMMANDS:
        raise UsageError(f"{show(name)} is not a command of the engine", "Try `engine --help`.")
    if name == "supervisor":
        raise UsageError("`engine supervisor` is the supervisor itself, not a request to it")
    operands, options = split(name, rest)
    if options.pop("--help", None) is not None:
        return HelpRequest(name)
    if name in ("start", "run"):
        return _start(name, operands, options)
    if name == "ps":
        _count(name, operands, 0)
        form = options.get("--format", "table")
        if form not in ("table", "json"):
            raise UsageError(f"--format is table or json, not {show(form)}")
        return PsRequest(form)
    _count(name, operands, 1)
    identifier = check_id(operands[0])
    return LogsRequest(identifier) if name == "logs" else StopRequest(identifier)


def split(name: str, words: list[str]) -> tuple[list[str], dict[str, str]]:
    """Operands and options of a command, by the rules above. An option given twice: the last counts."""
    known = _OPTIONS[name]
    in_command = 3 if name in ("start", "run") else 1 << 30  # so many operands, and the command has begun
    operands: list[str] = []
    options: dict[str, str] = {}
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        begun = len(operands) >= in_command
        key, equals, value = word.partition("=")
        if word == "--":
            operands += words[position - 1 if begun else position :]
            break
        if key in known:
            if not equals:
                if position == len(words):
                    raise UsageError(f"{key} needs a value", f"Try `engine {name} --help`.")
                value = words[position]
                position += 1
            options[key] = value
        elif begun or not word.startswith("-") or word == "-":
            operands.append(word)
        elif word in ("--help", "-h"):
            options["--help"] = ""
        else:
            raise UsageError(f"`engine {name}` has no option {show(word)}", f"Try `engine {name} --help`.")
    return operands, options


def _count(name: str, operands: list[str], wanted: int) -> None:
    if len(operands) == wanted:
        return
    what = "one container id" if wanted else "no operands"
    raise UsageError(f"`engine {name}` takes {what}", f"Try `engine {name} --help`.")


def _start(name: str, operands: list[str], options: dict[str, str]) -> StartRequest:
    if len(operands) < 3:
        missing = ("an id", "the container's rootfs", "a command")[len(operands)]
        raise UsageError(f"`engine {name}` needs {missing} as well", f"Try `engine {name} --help`.")
    identifier, rootfs, *command = operands
    check_id(identifier)
    if not rootfs:
        raise UsageError("the path of the rootfs is empty")
    soft = number("--soft-mib", options, SOFT_MIB, 1, MAX_MIB)
    hard = number("--hard-mib", options, HARD_MIB, 1, MAX_MIB)
    if soft > hard:
        defaults = [key for key in ("--soft-mib", "--hard-mib") if key not in options]
        remedy = f"Give {defaults[0]} as well, its default does not fit." if len(defaults) == 1 else ""
        raise UsageError(f"the soft limit ({soft} MiB) is above the hard limit ({hard} MiB)", remedy)
    cpuset = options.get("--cpuset", "")
    if "--cpuset" in options:
        parse_cpus(cpuset)
    return StartRequest(
        id=identifier,
        rootfs=rootfs,
        command=command_line(command),
        soft_limit=soft * MIB,
        hard_limit=hard * MIB,
        nice=number("--nice", options, 0, -20, 19),
        cpuset=cpuset,
        attached=name == "run",
    )


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


def number(key: str, options: dict[str, str], default: int, low: int, high: int) -> int:
    """The whole number an option holds.

    Raises:
        UsageError: it holds none, or one out of range.
    """
    text = options.get(key)
    if text is None:
        return default
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text) or not low <= int(text) <= high:
        raise UsageError(f"{key} is a whole number from {low} to {high}, not {show(text)}")
    return int(text)


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
    printable = "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in text[:200]
    )
    return f'"{printable}{"…" if len(text) > 200 else ""}"'
