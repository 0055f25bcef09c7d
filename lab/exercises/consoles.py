"""Console blocks of a guide: what is typed where, what must come of it, and how the two are compared.

A block is what a terminal would show. A line with a prompt is a command: `guest# ` for a
root shell in the VM, `host$ ` for a shell in the workspace; `> ` goes on with it. What
follows is its output. There `…` stands for any text in a line, and a line of only `…` for any
number of lines. Spaces at the end of a line do not count, nor do empty lines at the end.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from lab.errors import LabError

Place = Literal["guest", "host"]

PROMPTS: dict[str, Place] = {"guest# ": "guest", "host$ ": "host"}
CONTINUATION = "> "
ANY = "…"


@dataclass(frozen=True)
class Command:
    """One command of a block, and what it must print."""

    text: str
    """As a shell reads it; of several lines where it was continued."""
    expected: tuple[str, ...]
    """Lines of output, with wildcards."""
    line: int
    """Where it stands in the guide, counted from 1."""


@dataclass(frozen=True)
class Block:
    """One console block: one shell, whose variables and folder its commands share."""

    place: Place
    commands: tuple[Command, ...]
    line: int
    """That of its opening fence."""


def parse_block(lines: Sequence[str], line: int, where: str) -> Block:
    """Read a console block.

    Args:
        lines: what stands between the fences.
        line: the number of the opening fence.
        where: the guide, for messages.

    Raises:
        LabError: it does not begin with a prompt, or has prompts of both places.
    """
    commands: list[Command] = []
    places: list[Place] = []
    typed: list[str] = []
    expected: list[str] = []
    first = line

    def finish() -> None:
        if typed:
            commands.append(Command("\n".join(typed), tuple(trimmed(expected)), first))

    for number, text in enumerate(lines, line + 1):
        prompt = next((each for each in PROMPTS if text.startswith(each)), None)
        if prompt:
            finish()
            places.append(PROMPTS[prompt])
            typed, expected, first = [text.removeprefix(prompt)], [], number
        elif not typed:
            raise LabError(
                f"{where}, line {number}: a console block begins with {text!r}",
                "Let it begin with a command behind `guest# ` or `host$ `.",
            )
        elif not expected and (text.startswith(CONTINUATION) or text == CONTINUATION.rstrip()):
            typed.append(text.removeprefix(CONTINUATION.rstrip()).removeprefix(" "))
        else:
            expected.append(text)
    finish()
    if len(set(places)) != 1:
        raise LabError(
            f"{where}, line {line}: a console block {'is empty' if not places else 'has prompts of both places'}",
            "A block is one shell, in the guest or on the host; make two of it.",
        )
    return Block(places[0], tuple(commands), line)


def script(block: Block, mark: str) -> str:
    """The block as one script for bash, which prints `mark` on a line of its own after each command.

    Standard error goes where standard output goes, as on a terminal, and nobody types anything.
    """
    parts = ["exec 2>&1 </dev/null"]
    for command in block.commands:
        parts += [command.text, f"printf '%s\\n' '{mark}'"]
    return "\n".join(parts) + "\n"


def outputs(block: Block, mark: str, said: str) -> list[str | None]:
    """What each command printed; None for those that were not reached, because the shell had ended.

    Args:
        block: what was run.
        mark: as given to `script`; nothing that a command prints by itself.
        said: all that the script printed.
    """
    *parts, rest = said.split(f"{mark}\n")
    found: list[str | None] = list(parts[: len(block.commands)])
    if len(found) < len(block.commands):
        found.append(rest)
    return found + [None] * (len(block.commands) - len(found))


def trimmed(lines: Sequence[str]) -> list[str]:
    """Lines without spaces at their ends, and without empty lines at the end."""
    found = [line.rstrip() for line in lines]
    while found and not found[-1]:
        found.pop()
    return found


def matches(expected: Sequence[str], seen: str) -> bool:
    """Whether an output is what was expected."""
    pattern = "".join("(?:.*\n)*" if line == ANY else f"{_one(line)}\n" for line in expected)
    text = "".join(f"{line}\n" for line in trimmed(seen.split("\n")))
    return re.fullmatch(pattern, text) is not None


def difference(command: Command, seen: str | None) -> str | None:
    """What is wrong with an output, for people; None where nothing is.

    Lines of the output that match a line of the guide are shown as they stand in the guide,
    so that only what differs is marked.
    """
    if seen is None:
        return "(not reached: the shell had ended before)"
    if matches(command.expected, seen):
        return None
    known = [line for line in command.expected if line != ANY]
    shown = [
        next((each for each in known if re.fullmatch(_one(each), line)), line)
        for line in trimmed(seen.split("\n"))
    ]
    return "\n".join(
        line
        for line in difflib.ndiff(list(command.expected), shown)
        if not line.startswith("?") and line != f"- {ANY}"
    )


def _one(line: str) -> str:
    """A line of expected output as a regular expression."""
    return ".*".join(re.escape(part) for part in line.split(ANY))
