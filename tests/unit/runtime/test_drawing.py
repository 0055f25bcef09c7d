"""What terminals are shown: it fits, whatever the width; and what it says is right."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from supervisor import drawing
from supervisor.commands.stats import Sample, StatsRequest, render
from supervisor.drawing import Cell, Column
from supervisor.protocol import Terminal
from supervisor.text import duration, size
from supervisor.usage import Usage

words = st.text("abcXYZ 0123", max_size=40)


def plain(text: str) -> str:
    return re.sub(r"\033\[[0-9;]*[A-Za-z]", "", text)


@given(st.lists(st.tuples(words, words, st.floats(0, 2), words), max_size=6), st.integers(1, 160))
def test_no_line_is_wider_than_the_terminal(rows: list[tuple[str, str, float, str]], width: int) -> None:
    table = drawing.table(
        [
            Column("ID", [Cell(row[0], drawing.BOLD) for row in rows], least=8),
            Column("GAUGE", [drawing.gauge(row[1], row[2], 0.5, 1.0) for row in rows]),
            Column("MORE", [Cell(row[3]) for row in rows], needed=False),
            Column("LAST", [Cell(row[3]) for row in rows], needed=False, least=5),
        ],
        width,
    )
    assert len(table) == len(rows) + 1
    assert all(len(plain(line)) <= width for line in table)


def test_what_does_not_fit_goes_first_what_is_needed_stays() -> None:
    columns = [
        Column("ID", [Cell("a-long-identifier")], least=8),
        Column("STATE", [Cell("running")]),
        Column("PID", [Cell("123456")], needed=False),
        Column("COMMAND", [Cell("sleep 1000000 and more")], needed=False, least=10),
    ]
    assert (
        plain(drawing.table(columns, 80)[1]) == "a-long-identifier  running  123456  sleep 1000000 and more"
    )
    assert "123456" in plain(drawing.table(columns, 50)[1]) and ">" in drawing.table(columns, 50)[1]
    narrow = plain(drawing.table(columns, 20)[1])
    assert "running" in narrow and "123456" not in narrow and narrow.startswith("a-lo")


@pytest.mark.parametrize(
    ("used", "full", "colour"),
    [
        (0, 0, drawing.GREEN),
        (30, 3, drawing.GREEN),
        (60, 6, drawing.YELLOW),
        (95, 10, drawing.RED),
        (300, 10, drawing.RED),
    ],
)
def test_a_gauge_is_filled_as_far_as_it_says(used: int, full: int, colour: str) -> None:
    drawn = drawing.gauge("0123456789", used, 50, 100).draw(10)
    assert plain(drawn) == "0123456789"
    assert drawn == drawing.paint("0123456789"[:full], drawing.BLACK_ON[colour]) + "0123456789"[full:]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-5, "just now"),
        (0.9, "just now"),
        (1, "1 second ago"),
        (59, "59 seconds ago"),
        (60, "1 minute ago"),
        (7199, "1 hour ago"),
        (200000, "2 days ago"),
    ],
)
def test_ages(seconds: float, said: str) -> None:
    assert drawing.age(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0B"),
        (999, "999B"),
        (1000, "1.0K"),
        (10240, "10K"),
        (1 << 20, "1.0M"),
        (64 << 20, "64M"),
        (5 << 40, "5120G"),
    ],
)
def test_sizes(count: int, said: str) -> None:
    assert size(count) == said


def test_durations() -> None:
    assert [duration(seconds) for seconds in (0, 0.004, 59.999, 61.5, 6000)] == [
        "0:00.00",
        "0:00.00",
        "1:00.00",
        "1:01.50",
        "100:00.00",
    ]


def samples(count: int) -> list[Sample]:
    return [
        Sample(f"c{number}", 40 << 20, 64 << 20, False, Usage(12 << 20, 1.0, 2), 0.5)
        for number in range(count)
    ]


def test_stats_redraw_in_place_and_never_scroll() -> None:
    """A screen that is too low says how many it does not show."""
    request = StatsRequest(())
    shown = render(samples(30), request, Terminal(70, 10))
    assert shown.startswith(drawing.HOME) and shown.endswith(drawing.CLEAR_BELOW)
    lines = plain(shown).splitlines()
    assert len(lines) == 9 and lines[-1] == "... and 23 more"
    assert "c0" in lines[1] and "12M of 40M/64M" in lines[1] and max(map(len, lines)) <= 70
    assert len(plain(render(samples(3), request, Terminal(70, 10))).splitlines()) == 4


def test_stats_for_files() -> None:
    gone = Sample("gone", 40 << 20, 64 << 20, False, None, None)
    rows = [line.split() for line in render([*samples(1), gone], StatsRequest(()), None).splitlines()]
    assert rows[1:] == [
        ["c0", "50.0%", "12M", "40M", "64M", "18.8%", "2"],
        ["gone", "-", "-", "40M", "64M", "-", "-"],
    ]
