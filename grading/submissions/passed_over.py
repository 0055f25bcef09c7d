"""Names the files that may have been meant for a half and were not taken: why not, and how they would be."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from grading.submissions.candidates import (
    ENOUGH,
    Half,
    commands,
    is_called,
    is_called_engine,
    is_module_of,
    is_workload,
)
from grading.submissions.making import Making
from grading.submissions.sources import Source
from grading.submissions.starters import Starters

MOST = 3
"""Files that are named for one half."""


def passed_over(
    half: Half, held: Sequence[Source], taken: Collection[Source], making: Making, starters: Starters
) -> str:
    """What to say of the files that were not taken, without a full stop; empty where there are none.

    Args:
        half: what was looked for.
        held: the sources among which it was.
        taken: those of the candidates.
        making: what the Makefiles say.
        starters: the skeleton, of which nobody needs to be told.
    """
    left = [source for source in held if source not in taken and not starters.untouched(source)]
    found = sorted((_engines if half == "engine" else _monitors)(left, making))
    if not found:
        return ""
    said = [why for _, why in found[:MOST]]
    more = f"; and {len(found) - MOST} more" if len(found) > MOST else ""
    return f"{'; '.join(said)}{more}; `--{half} PATH` or a submission.toml takes it all the same"


Weighed = tuple[tuple[int, int, int, str], str]
"""The likeliest is the least; then why it was not taken."""


def _engines(left: Sequence[Source], making: Making) -> Iterator[Weighed]:
    for source in left:
        called = is_called_engine(source, making)
        known = commands(source)
        if source.is_program and not is_workload(source):
            words = ", ".join(known)
            why = f"knows of the commands only {words}" if known else "knows none of the commands"
            if len(known) < ENOUGH:
                yield _weight(source, called, len(known)), f"{source.path} is a program, but {why}"
        elif called and not source.is_program:
            missing = (
                "has no main()" if source.language == "c" else "is not meant to be run: no #!, no __main__"
            )
            yield _weight(source, called, len(known)), f"{source.path} {missing}"


def _monitors(left: Sequence[Source], making: Making) -> Iterator[Weighed]:
    for source in left:
        called = is_called("monitor", source)
        if not source.path.endswith(".c"):
            continue
        if is_module_of(source, making):
            why = "is a kernel module, but not called monitor, and has neither ioctls nor container_monitor in it"
            yield _weight(source, called, 1), f"{source.path} {why}"
        elif called or source.is_kernel:
            why = "has neither a licence (MODULE_LICENSE) nor a beginning (module_init)"
            yield _weight(source, called, 0), f"{source.path} {why}"


def _weight(source: Source, called: bool, signs: int) -> tuple[int, int, int, str]:
    return (not called, -signs, -len(source.tokens), source.path)
