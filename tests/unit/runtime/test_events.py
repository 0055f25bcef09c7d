"""The ring of events and the bell: many readers, bounded memory, and nobody waits for a slow one."""

from __future__ import annotations

import os
import select
import threading

from hypothesis import given
from hypothesis import strategies as st
from supervisor.bell import Bell
from supervisor.events import Journal


def rings(listener: int) -> bool:
    return bool(select.select([listener], [], [], 0)[0])


@given(st.integers(1, 20), st.lists(st.integers(0, 12), max_size=20), st.integers(1, 8))
def test_a_reader_sees_every_event_once_or_is_told(length: int, bursts: list[int], most: int) -> None:
    """However many come between its looks."""
    journal = Journal(length)
    position, seen, lost, count = 0, [], 0, 0
    for burst in bursts:
        for _ in range(burst):
            journal.add("start", str(count))
            count += 1
        events, position, gone = journal.read(position, most)
        assert len(events) <= min(most, length)
        lost += gone
        seen += [int(event.id) for event in events]
    while True:
        events, position, gone = journal.read(position, most)
        lost += gone
        seen += [int(event.id) for event in events]
        if not events:
            break
    assert seen == sorted(set(seen)) and len(seen) + lost == count == journal.next


def test_a_reader_from_now_on_sees_nothing_old() -> None:
    journal = Journal()
    journal.add("start", "a")
    position = journal.next
    assert journal.read(position) == ([], position, 0)
    journal.add("exit", "a", exit_code=3)
    ((event,), position, _) = journal.read(position)
    assert (event.kind, event.id, event.details) == ("exit", "a", {"exit_code": 3})


def test_writers_and_readers_at_the_same_time() -> None:
    """Each reader has every event, in the order of the others."""
    journal = Journal(100_000)
    results: list[list[str]] = [[], [], []]

    def write(name: str) -> None:
        for number in range(500):
            journal.add("start", f"{name}{number}")

    def read(into: list[str]) -> None:
        position = 0
        with journal.bell.heard() as bell:
            while len(into) < 2000:
                events, position, _ = journal.read(position)
                into += [event.id for event in events]
                if not events and select.select([bell], [], [], 10)[0]:
                    os.eventfd_read(bell)

    threads = [threading.Thread(target=read, args=(result,)) for result in results]
    threads += [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results[0] == results[1] == results[2] and len(set(results[0])) == 2000


def test_a_bell_is_heard_by_all_who_listen_and_no_others() -> None:
    bell = Bell()
    bell.ring()
    with bell.heard() as one, bell.heard() as other:
        assert not rings(one)
        bell.ring()
        bell.ring()
        assert rings(one) and rings(other)
        os.eventfd_read(one)
        assert not rings(one)
    bell.ring()


def test_the_end_of_the_journal_rings() -> None:
    journal = Journal()
    with journal.bell.heard() as bell:
        journal.close()
        assert rings(bell) and journal.closed
