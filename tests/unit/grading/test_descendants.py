"""Whose child is whose."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from grading.guest.records import Process, descendants


def process(pid: int, parent: int) -> Process:
    """One of these numbers."""
    return Process(pid, parent, "p", "S", pid, 0, 0, 1, (pid,), 0, {}, ())


def test_children_and_theirs() -> None:
    #  1 ─ 2 ─ 4
    #    │   └ 5 ─ 6
    #    └ 3 ─ 7
    tree = [process(*each) for each in ((1, 0), (2, 1), (3, 1), (4, 2), (5, 2), (6, 5), (7, 3))]
    assert [each.pid for each in descendants(tree, 2)] == [4, 5, 6]
    assert [each.pid for each in descendants(tree, 7)] == []
    assert [each.pid for each in descendants(tree, 99)] == []


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 9)), max_size=12, unique_by=lambda each: each[0]))
def test_it_comes_to_an_end_and_names_nobody_twice(pairs: list[tuple[int, int]]) -> None:
    """Also for what no kernel says: a snapshot is not of one moment, and a number may come again."""
    found = descendants([process(*each) for each in pairs], 1)
    assert len({each.pid for each in found}) == len(found)
