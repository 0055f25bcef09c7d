"""A submission's sources as streams of tokens: what remains when layout and comments do not count.

The lexer is one regular expression that looks at each byte once, whatever is written
there; a general highlighter's can be made to take minutes by a file made for it.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

Language = Literal["c", "python"]

ENDINGS: dict[str, Language] = {".c": "c", ".h": "c", ".py": "python"}

LARGEST = 512 * 1024
"""Bytes of a source that is still read; the Linux kernel's longest driver file is about as long."""

MOST = 500
"""Sources of one submission."""

LARGEST_SUM = 8 * 1024 * 1024
"""Bytes of all of them; those nearest to the top are read first."""

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_BEGINS = re.compile(
    r"\b(?:module_init|init_module|\w+_initcall(?:_sync)?|module_(?:\w+_)?(?:driver|device))[ \t]*\("
)
"""Where a module begins: a macro of linux/module.h, or of a bus; or the function that these make, by its own name."""

_LICENCE = re.compile(r"\bMODULE_LICENSE[ \t]*\(")
_KERNEL = re.compile(
    r"^[ \t]*#[ \t]*include[ \t]*<linux/(?:module|kernel|init|slab|miscdevice)\.h>", re.MULTILINE
)

PARAMETERS = 60
"""Tokens between the parentheses of a `main`."""

_C = re.compile(
    r"""(?P<none>\s+|/\*.*?(?:\*/|\Z)|//(?:\\\n|[^\n])*|\\\n)
    |(?P<text>"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>\.?\d[\w.]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)
_PYTHON = re.compile(
    r"""(?P<none>\s+|\#[^\n]*|\\\n)
    |(?P<text>\"{3}(?:\\.|[^\\])*?(?:\"{3}|\\?\Z)|'{3}(?:\\.|[^\\])*?(?:'{3}|\\?\Z)
      |"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<number>\.?\d[\w.]*)
    |(?P<mark>.)""",
    re.VERBOSE | re.DOTALL,
)


class Token(NamedTuple):
    """One word, number, mark or quoted text."""

    kind: str
    """`word`, `number`, `mark` or `text`."""
    text: str
    line: int
    """From 1."""


@dataclass(frozen=True)
class Source:
    """One file with code."""

    path: str
    """Within the submission, POSIX."""
    text: str
    language: Language

    @functools.cached_property
    def tokens(self) -> tuple[Token, ...]:
        """Its tokens, in order."""
        return tuple(tokens(self.text, self.language))

    def forget_tokens(self) -> None:
        """Hold the tokens no longer, some hundred bytes each; they are read again when they are asked for."""
        vars(self).pop("tokens", None)

    @functools.cached_property
    def digest(self) -> str:
        """Equal for files that differ only in layout and comments."""
        summed = hashlib.sha256()
        for token in self.tokens:
            summed.update(token.text.encode("utf-8", "replace") + b"\0")
        return summed.hexdigest()

    @functools.cached_property
    def lines(self) -> int:
        """How many lines it has."""
        return self.text.count("\n") + (not self.text.endswith("\n"))

    @functools.cached_property
    def includes(self) -> tuple[str, ...]:
        """What it includes in quotes."""
        return tuple(_INCLUDE.findall(self.text)) if self.language == "c" else ()

    @functools.cached_property
    def text_words(self) -> frozenset[str]:
        """Lower-case words in its quoted texts."""
        quoted = " ".join(token.text for token in self.tokens if token.kind == "text")
        return frozenset(re.findall(r"[a-z]+", quoted))

    @functools.cached_property
    def is_program(self) -> bool:
        """Whether it defines `main`, or is a Python file that is meant to be run."""
        if self.language == "python":
            runs = self.text.startswith("#!") or "__main__" in self.text or self.name == "__main__.py"
            return runs and not self.name.startswith(("test_", "conftest"))
        return self.path.endswith(".c") and any(
            token.text == "main" and _is_definition(self.tokens, at) for at, token in enumerate(self.tokens)
        )

    @functools.cached_property
    def is_kernel(self) -> bool:
        """Whether it is code for the kernel, or a header with such code."""
        return self.is_module or bool(_KERNEL.search(self.text))

    @functools.cached_property
    def is_module(self) -> bool:
        """Whether it has two of what makes a module one: kernel headers, where it begins, and a licence.

        Two, since a program may speak of one: it loads modules with `init_module()`, say.
        """
        signs = (_KERNEL, _BEGINS, _LICENCE)
        return sum(bool(sign.search(self.text)) for sign in signs) >= 2 and not self.is_program

    @property
    def folder(self) -> str:
        """Its folder within the submission; `.` for the top."""
        return self.path.rpartition("/")[0] or "."

    @property
    def name(self) -> str:
        """The last component of its path."""
        return self.path.rpartition("/")[2]


def _is_definition(tokens: tuple[Token, ...], at: int) -> bool:
    """Whether a name begins a function's definition: `name ( … ) {`."""
    if at + 1 >= len(tokens) or tokens[at + 1].text != "(":
        return False
    for place in range(at + 2, min(at + 2 + PARAMETERS, len(tokens) - 1)):
        if tokens[place].text == ")":
            return tokens[place + 1].text == "{"
    return False


def tokens(text: str, language: Language) -> Iterable[Token]:
    """The tokens of a text; nothing in it is an error."""
    line = 1
    for match in (_C if language == "c" else _PYTHON).finditer(text):
        if match.lastgroup != "none":
            yield Token(str(match.lastgroup), match.group(), line)
        line += match.group().count("\n")


def source(path: str, content: bytes) -> Source | None:
    """A file as a source; None if it is none, or too long to be one."""
    suffix = os.path.splitext(path)[1].lower()  # noqa: PTH122 -- a path of the submission, not of this host
    language = ENDINGS.get(suffix)
    if language is None and not suffix and re.match(rb"#![^\n]*\bpython", content):
        language = "python"
    if language is None or len(content) > LARGEST or path.endswith(".mod.c"):
        return None
    text = content.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return Source(path, text, language)


def sources(root: Path) -> tuple[Source, ...]:
    """The sources below a folder that `tree.opened` made, by path.

    Raises:
        OSError: one cannot be read.
    """
    found: list[Source] = []
    total = 0
    for path in sorted(root.rglob("*"), key=lambda path: (len(path.parts), path)):
        inside = path.relative_to(root).as_posix()
        suffix = path.suffix.lower()
        if (suffix and suffix not in ENDINGS) or not path.is_file() or path.stat().st_size > LARGEST:
            continue
        read = source(inside, path.read_bytes())
        if read is not None:
            total += len(read.text)
            if len(found) == MOST or total > LARGEST_SUM:
                break
            found.append(read)
    return tuple(sorted(found, key=lambda source: source.path))
