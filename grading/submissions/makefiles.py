"""Reads a Makefile's explicit targets, without make: its `$(shell …)` would run on this host."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

NAMES = ("GNUmakefile", "makefile", "Makefile")
"""In the order in which make looks for them."""

LARGEST = 256 * 1024
"""Bytes; a longer one is not read."""

DEEPEST = 5
"""Variables within variables."""

LONGEST = 4096
"""Characters of what a line becomes; doubling variables would fill the memory."""

MOST = 1024 * 1024
"""Characters of all rules where each target has its own copy; an honest Makefile's are some thousands. A line may
name as many targets as it has room for, and each of them needs as many and has every command."""

MOST_EXPANDED = 2000
"""Lines in which variables are filled in."""

_ASSIGNMENT = re.compile(r"\s*(?:export\s+|override\s+)*([A-Za-z0-9_.-]+)\s*(?::{0,3}|\?|\+)=\s*(.*)")
_VARIABLE = re.compile(r"\$[({]([A-Za-z0-9_.-]+)[)}]")
_CONDITION = re.compile(r"\s*(?:ifn?eq|ifn?def|else|endif|-?include|sinclude|vpath|unexport)\b")


@dataclass(frozen=True)
class Makefile:
    """What matters of one."""

    name: str
    targets: tuple[str, ...] = ()
    """Explicit ones, in order, without patterns and those that begin with a dot."""
    builds_module: bool = False
    """Whether it hands objects to kbuild (`obj-m`)."""


@dataclass(frozen=True)
class Rule:
    """How one target is made."""

    needs: tuple[str, ...]
    """Its prerequisites, with variables filled in; functions such as `$(wildcard …)` stay as they are."""
    commands: tuple[str, ...]


def text_of(folder: Path) -> str:
    """The text of the Makefile that `make` would take in a folder; empty if there is none, or it is too long.

    Raises:
        OSError: it cannot be read.
    """
    for name in NAMES:
        path = folder / name
        if path.is_file():
            return path.read_text("utf-8", "replace") if path.stat().st_size <= LARGEST else ""
    return ""


def read(folder: Path) -> Makefile | None:
    """The Makefile that `make` would take in a folder; None if there is none.

    Raises:
        OSError: it cannot be read.
    """
    for name in NAMES:
        path = folder / name
        if path.is_file():
            text = text_of(folder)
            return Makefile(name, targets(text), bool(re.search(r"^[ \t]*obj-m\b", text, re.MULTILINE)))
    return None


def targets(text: str) -> tuple[str, ...]:
    """The explicit targets of a Makefile's text."""
    return tuple(rules(text))


def includes_others(text: str) -> bool:
    """Whether rules may come from elsewhere than the text."""
    return bool(re.search(r"^[ \t]*(?:-|s)?include\b|\$[({]eval\b", text, re.MULTILINE))


def default_goal(text: str) -> str:
    """What a Makefile's text names as the goal of `make` without one; empty where it is the first target."""
    found = re.findall(r"^[ \t]*\.DEFAULT_GOAL[ \t]*[:?]*=(.*)$", text, re.MULTILINE)
    return found[-1].strip() if found else ""


def rules(text: str) -> dict[str, Rule]:
    """The rules of a Makefile's text by their explicit targets, in order; of all branches of its conditions."""
    variables = _Variables()
    needs: dict[str, list[str]] = {}
    commands: dict[str, list[str]] = {}
    latest: list[str] = []
    in_define = False
    written = 0
    for line in re.sub(r"\\\n[ \t]*", " ", text).splitlines():
        if in_define or re.match(r"\s*(?:override\s+)?define\b", line):
            in_define = not re.match(r"\s*endef\b", line)
            continue
        if written > MOST:
            break
        if line.startswith("\t"):
            line = line[:LONGEST]
            written += (len(line) + 1) * len(latest)
            for name in latest:
                commands[name].append(line.strip())
            continue
        if _CONDITION.match(line):
            continue
        line = line.split("#", 1)[0][:LONGEST]
        if assignment := _ASSIGNMENT.fullmatch(line):
            before = variables.values.get(assignment[1], "") if "+=" in line[: assignment.start(2)] else ""
            variables.values[assignment[1]] = f"{before} {assignment[2]}".strip()[:LONGEST]
            continue
        left, colon, right = line.partition(":")
        if colon and "=" not in left and not right.startswith("="):
            names = variables.expanded(left)
            latest = [
                name for name in names.split() if not name.startswith(".") and not re.search(r"[%$()]", name)
            ]
            below, _, command = right.lstrip(":").partition(";")
            needed = "" if _ASSIGNMENT.fullmatch(below) else variables.expanded(below)
            more = _needs(needed)
            written += len(names) + (len(needed) + len(command)) * max(len(latest), 1)
            for name in latest:
                needs.setdefault(name, []).extend(more)
                commands.setdefault(name, []).extend([command.strip()] if command.strip() else [])
    return {
        name: Rule(
            tuple(dict.fromkeys(needs[name])), tuple(variables.expanded(each) for each in commands[name])
        )
        for name in needs
    }


def _needs(text: str) -> list[str]:
    """Prerequisites; of a static pattern rule none, since they are made from the target's name."""
    return [] if "%" in text else [name for name in text.split() if name != "|"]


class _Variables:
    """What a Makefile's variables hold; they are asked so often, and no more."""

    def __init__(self) -> None:
        self.values = {"MAKE": "make"}
        self._left = MOST_EXPANDED

    def expanded(self, text: str) -> str:
        """A text with their values in their places, as far as `LONGEST`."""
        text = text[:LONGEST]
        if "$" not in text or not self._left:
            return text
        self._left -= 1
        for _ in range(DEEPEST):
            after = self._once(text)
            if after == text:
                break
            text = after
        return text

    def _once(self, text: str) -> str:
        pieces: list[str] = []
        length = at = 0
        for match in _VARIABLE.finditer(text):
            pieces += [text[at : match.start()], self.values.get(match[1], "")]
            length += len(pieces[-1]) + len(pieces[-2])
            at = match.end()
            if length > LONGEST:  # a thousand may stand in one line
                break
        return "".join((*pieces, text[at:]))[:LONGEST]
