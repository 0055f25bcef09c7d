"""Lines of the monitor's are found by its tag and by whom they name; others can be shown."""

from __future__ import annotations

from typing import Any

import pytest

from grading.api.expectations import Unmet
from grading.api.module import KernelLog
from grading.guest.records import KernelRecord


class Observer:
    """Has received these lines; 0 is the kernel's own facility, 1 that of programs."""

    def __init__(self, *lines: tuple[int, str]) -> None:
        self.kernel = [
            KernelRecord(sequence=at, facility=facility, level=6, seconds=float(at), text=text)
            for at, (facility, text) in enumerate(lines)
        ]

    def proc(self, _path: str) -> str:
        """Whatever."""
        return ""


def log(*lines: tuple[int, str]) -> KernelLog:
    observer: Any = Observer(*lines)
    return KernelLog(observer)


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("[container_monitor] SOFT LIMIT container=soft-4 pid=417 rss=1 limit=2", True),
        ("container_monitor: soft limit of 417", True),
        ("CONTAINER_MONITOR: Soft Limit for soft-4!", True),
        ("[container_monitor] SOFT LIMIT exceeded by container soft-4 (pid 417).", True),
        ("[container_monitor] SOFT LIMIT: warned pid 417.", True),
        ("[container_monitor] SOFT LIMIT exceeded by soft-4. rss=3", True),
        ("[container_monitor] soft limit passed by soft-4, once", True),
        ("[container_monitor] SOFT LIMIT soft-4- rss 3", True),
        ("[container_monitor] SOFT LIMIT soft-4...", True),
        ("[container_monitor] SOFT LIMIT rss=417.5 MiB", False),
        ("[container_monitor] SOFT LIMIT container=soft-4.x", False),
        ("[container_monitor] SOFT LIMIT container=soft-4-x", False),
        ("[container_monitor] SOFT LIMIT container=soft-4..x", False),
        ("monitor: SOFT LIMIT container=soft-4 pid=417", False),  # not its tag
        ("[container_monitor] SOFT LIMIT container=soft-41 pid=4170", False),  # somebody else
        ("[container_monitor] SOFT LIMIT container=x.soft-4", False),
        ("[container_monitor] HARD LIMIT container=soft-4 pid=417", False),
    ],
)
def test_a_line_is_the_monitors_and_names_it(text: str, is_found: bool) -> None:
    found = log((0, text)).about("soft-4", 417, what="SOFT LIMIT")
    assert [line.text for line in found] == [text] * is_found


def test_a_program_cannot_write_one() -> None:
    text = "[container_monitor] SOFT LIMIT container=soft-4 pid=417"
    assert not log((1, text)).about("soft-4", what="SOFT LIMIT")
    with pytest.raises(Unmet, match="no line names it"):
        log((1, text)).expect([], "SOFT LIMIT", "soft-4")


def test_what_names_it_in_other_words_is_shown() -> None:
    other = "monitor: SOFT LIMIT container=soft-4 pid=417"
    with pytest.raises(Unmet) as caught:
        log((0, other), (0, "monitor: loaded")).expect([], "SOFT LIMIT", "soft-4", 417)
    assert caught.value.expected == "a line with container_monitor, SOFT LIMIT and soft-4 or 417"
    assert caught.value.actual == str([other])
