"""What a failed attempt's words say of the ways of building that are left: some of them must fail, too."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Sequence

from grading.submissions.attempts import Attempt
from grading.submissions.candidates import Half

ERROR = re.compile(r"^(?P<file>[^\s:][^:\n]*):\d+:(?:\d+:)? error: (?P<said>.*)$", re.MULTILINE)
"""As gcc writes it (GNU coding standards, "Formatting Error Messages"). A header that is not found is a
`fatal error`: another way of building may know where it is."""

BY_KBUILD = re.compile(r"^[ \t]*CC \[M\]", re.MULTILINE)
NOT_LINKED = re.compile(r"^ERROR: modpost: ", re.MULTILINE)
"""A symbol that this kernel does not have, or not for such a licence (scripts/mod/modpost.c)."""

WARNING_AS_ERROR = re.compile(r"\[-Werror(?:=([\w+-]+)[^\]]*)?\]$")
KERNELS_OWN = frozenset({
    "implicit-function-declaration", "implicit-int", "return-type", "strict-prototypes", "date-time",
    "incompatible-pointer-types", "designated-init",
})  # fmt: skip
"""Warnings that are errors for every module (the kernel's Makefile, KBUILD_CFLAGS); others are where a submission
says so, and our own Kbuild does not."""


PLACE = re.compile(r"^[^\s:][^:\n]*:(?:\d+:)*[\s(]")
"""What begins a message of the compiler's, or of make's; lines below it belong to it."""

FATAL = re.compile(r"\berror\b|\bundefined reference\b|\*\*\* ", re.IGNORECASE)


def errors_first(said: str, most: int) -> str:
    """What builders said, for the student: where it is long, the errors without what is said beside them.

    Args:
        said: both outputs.
        most: characters.
    """
    said = said.strip()
    if len(said) <= most:
        return said
    kept: list[str] = []
    is_kept = False
    for line in said.splitlines():
        if PLACE.match(line):
            is_kept = bool(FATAL.search(line))
        if is_kept:
            kept.append(line)
    text = "\n".join(kept) or said
    return text if len(text) <= most else f"{text[: most * 2 // 3]} … {text[-most // 3 :]}"


def left(
    half: Half,
    failed: Attempt,
    said: str,
    sources: Collection[str],
    others: Sequence[Attempt],
) -> tuple[Attempt, ...]:
    """The ways of building that are worth trying after one has failed.

    Args:
        half: what is built.
        failed: what was tried.
        said: what it wrote.
        sources: names of the half's files, without folders; none where it is not known.
        others: what is left to try.
    """
    words = [match["said"] for match in ERROR.finditer(said) if posixpath.basename(match["file"]) in sources]
    if half == "monitor":
        hopeless = NOT_LINKED.search(said) or (BY_KBUILD.search(said) and any(map(_is_final, words)))
        return () if hopeless else tuple(others)
    if words and failed.argv[0] == "make":
        # The same Makefile compiles it in the same way for each of its targets.
        return tuple(each for each in others if each.argv[0] != "make" or each.folder != failed.folder)
    return tuple(others)


def _is_final(said: str) -> bool:
    """Whether kbuild's compiler says so whatever a submission's own flags are."""
    warning = WARNING_AS_ERROR.search(said)
    return warning is None or warning[1] in KERNELS_OWN
