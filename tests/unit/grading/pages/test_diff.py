"""Expected and actual, compared."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from grading.pages import diff

FEW_LINES = st.lists(st.sampled_from(["alpha", "beta", "gamma beta"]), min_size=1, max_size=4)
"""So few that no equal ones are left out."""


def shown(expected: str, actual: str) -> list[tuple[str, str]]:
    return [(row.kind, str(row.shown)) for row in diff.rows(expected, actual)]


def test_what_is_missing_and_what_is_there_instead() -> None:
    assert shown("a\nb\nc", "a\nx\nc\nd") == [
        ("same", "a"),
        ("expected", "b"),
        ("actual", "x"),
        ("same", "c"),
        ("actual", "d"),
    ]


def test_the_part_that_differs_is_marked() -> None:
    assert shown("state: running\nz", "state: exited\nz")[:2] == [
        ("expected", "state: <mark>running</mark>"),
        ("actual", "state: <mark>exited</mark>"),
    ]
    assert shown("count 10 of 20\nz", "count 10 of 2\nz")[0] == ("expected", "count 10 of 2<mark>0</mark>")


def test_equal_lines_far_from_a_difference_are_counted() -> None:
    same = "\n".join(map(str, range(20)))
    rows = shown(f"{same}\nx", f"{same}\ny")
    assert rows[0] == ("note", "… 17 equal lines")
    assert [words for _, words in rows[1:4]] == ["17", "18", "19"]


def test_of_equal_texts_both_ends_are_shown() -> None:
    same = "\n".join(map(str, range(20)))
    assert [words for _, words in shown(same, same)] == ["0", "1", "2", "… 14 equal lines", "17", "18", "19"]


def test_a_newline_at_the_end_is_told() -> None:
    assert shown("a\nb", "a\nb\n") == [
        ("same", "a"),
        ("same", "b"),
        ("note", "… only the actual text ends with a newline"),
    ]
    assert shown("a\nb\n", "a\nb")[-1] == ("note", "… only the expected text ends with a newline")


def test_mark_up_is_text() -> None:
    rows = shown("<i>a</i> <b>\nz", "<i>a</i> <u>\nz")
    assert rows[0] == ("expected", "&lt;i&gt;a&lt;/i&gt; &lt;<mark>b</mark>&gt;")


def test_long_texts_are_compared_in_part() -> None:
    rows = shown("a\n" * 5_000, "b\n" * 4_000)
    assert rows[-1] == ("note", "… 4,700 more lines are not compared")
    assert len(rows) == 601


@given(FEW_LINES, FEW_LINES)
def test_both_texts_can_be_read_off_the_rows(expected: list[str], actual: list[str]) -> None:
    rows = [
        (kind, re.sub("</?mark>", "", words)) for kind, words in shown("\n".join(expected), "\n".join(actual))
    ]
    assert [words for kind, words in rows if kind in ("same", "expected")] == expected
    assert [words for kind, words in rows if kind in ("same", "actual")] == actual


def test_when_a_comparison_is_shown() -> None:
    assert diff.is_worth_it("a\nb", "a\nc\n")
    assert not diff.is_worth_it("a\n", "b\n")
    assert not diff.is_worth_it("a", "b\nc")
