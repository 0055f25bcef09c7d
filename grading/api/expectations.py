"""How a check says that something is not as it must be, and how it waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from grading.guest.patience import Patience

Value = TypeVar("Value")

LOOK_SECONDS = 0.03
"""Between the first two looks at a condition; each costs a round trip to the guest."""

LOOK_SHARE = 1 / 8
"""What has been waited for long is looked at less often: to wait this part of the time longer costs nobody
anything, and looks take the guest's processors from what is waited for."""

LOOK_SECONDS_MOST = 0.25

COST_SHARE = 2
"""So many times as long as a look has taken nobody looks: many wait beside each other, and one that starts a client
at each look would keep the processors from the rest."""

COST_SECONDS_MOST = 1.0

_patience = Patience(1.0)  # replaced by the session


class Unmet(AssertionError):
    """An expectation that was not met: the submission's failure, in words for the student."""

    def __init__(self, expected: str, actual: str, why: str = "", hint: str = "") -> None:
        super().__init__(f"expected {expected}; actually {actual}")
        self.expected = expected
        self.actual = actual
        self.why = why
        self.hint = hint
        """In place of the check's, where that does not fit; see `expect`."""


class Disturbed(Unmet):
    """The same, where it may be others' doing: what was seen beside them counts only if it is seen alone, too."""


def expect(condition: object, expected: str, actual: object = "", *, why: str = "", hint: str = "") -> None:
    """Fail the check unless the condition holds.

    Args:
        condition: anything that is true or false.
        expected: what was to be seen, as "exit code 7".
        actual: what was seen; shown to the student, cut to a readable length.
        why: what this means, where the docstring does not say it.
        hint: where to look, where the check's own hint would lead astray.
    """
    if not condition:
        raise Unmet(expected, shown(actual), why, hint)


def shown(value: object, most: int = 2000) -> str:
    """A value as text for the student, cut in its middle where it is long."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    text = value if isinstance(value, str) else repr(value)
    if len(text) <= most:
        return text
    return f"{text[: most // 2]} … ({len(text) - most} characters left out) … {text[-most // 2 :]}"


def wait_until(
    look: Callable[[], Value],
    seconds: float,
    expected: str = "",
    *,
    actual: Callable[[], object] = lambda: "",
) -> Value:
    """Look until the answer is true, and return it.

    Args:
        look: asked again and again.
        seconds: the deadline on a fast machine; scaled for this one.
        expected: what is waited for; where it is given, its absence fails the check.
        actual: asked at the deadline: what there was instead.

    Returns:
        The first true answer, or the last false one where nothing is expected.
    """
    began = time.monotonic()
    deadline = _patience.deadline(seconds)
    while True:
        looks = time.monotonic()
        value = look()
        if value:
            return value
        cost = time.monotonic() - looks
        left = deadline.left()
        if left <= 0:
            if expected:
                raise Unmet(
                    f"{expected} within {_patience.quiet(seconds):.0f} s",
                    shown(actual()) or "it did not happen",
                )
            return value
        pause = min(max(LOOK_SECONDS, (time.monotonic() - began) * LOOK_SHARE), LOOK_SECONDS_MOST)
        time.sleep(min(max(pause, min(cost * COST_SHARE, COST_SECONDS_MOST)), left))


def look_until(look: Callable[[], Value], holds: Callable[[Value], object], seconds: float) -> Value:
    """Look until what is seen is right, or the time is over; returns what was seen last.

    Args:
        look: asked again and again.
        holds: whether that is what is waited for.
        seconds: the deadline on a fast machine; scaled for this one.
    """
    seen: list[Value] = []

    def is_right() -> object:
        seen[:] = [look()]
        return holds(seen[0])

    wait_until(is_right, seconds)
    return seen[0]


def wait_with(patience: Patience) -> None:
    """From now on, deadlines fit this machine."""
    global _patience
    _patience = patience
