"""What a command is: its line, its help, and the function that answers it.

Each module of this folder is one command, or a small family: first the frozen request,
then how its line becomes one, then the answer, and last the `Command` that the table in
`__init__.py` lists. From that table usage, help, completion and the man page are made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from supervisor.options import Grammar, Line

if TYPE_CHECKING:
    from supervisor.control import Reply
    from supervisor.lifecycle import Engine

Request = TypeVar("Request")

NO_OPTIONS = Grammar()
STATUS = """\
Exit status: 125 the engine could not do it, 126 the command cannot be executed,
127 there is no such command.
"""


@dataclass(frozen=True)
class Command(Generic[Request]):
    """A command of the engine."""

    name: str
    usage: str  # what follows the name
    summary: str  # one line
    text: str  # the rest of its help: paragraphs, before the options
    parse: Callable[[Line], Request]
    grammar: Grammar = NO_OPTIONS
    after: str = ""  # paragraphs after the options
    answer: Callable[[Engine, Request, Reply], None] | None = None
    """Does it, in a worker thread of the supervisor, up to the end of the reply."""
    tell: Callable[[Request], str] | None = None
    """In its place for what is only a text, and needs no supervisor."""
    completes: str = ""  # what its operands are, for completion; see completion.py

    @property
    def line(self) -> str:
        """How it is called."""
        return f"engine {self.name} {self.usage}".rstrip()

    def help(self) -> str:
        """What `--help` shows."""
        parts = [self.line + "\n", self.text, options(self.grammar), self.after]
        return "\n".join(part for part in parts if part)


def options(grammar: Grammar) -> str:
    """The options of a command, one a line."""
    rows = [
        (", ".join(option.names) + (f" {option.value}" if option.value else ""), option.text)
        for option in grammar.options
    ]
    width = max((len(left) for left, _ in rows), default=0)
    return "".join(f"  {left.ljust(width)}  {right}\n" for left, right in rows)
