"""The bounded buffer: nothing lost, added or reordered, never above its bound, and no deadlock."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from supervisor.buffer import BoundedBuffer


def thread(work: Callable[[], object]) -> threading.Thread:
    one = threading.Thread(target=work, daemon=True)
    one.start()
    return one


def drain(buffer: BoundedBuffer[bytes]) -> bytes:
    data = b""
    while (chunk := buffer.get()) is not None:
        data += chunk
    return data


def blocked(one: threading.Thread) -> bool:
    """Whether a thread is still waiting after a moment in which it could have gone on."""
    one.join(0.05)
    return one.is_alive()


@settings(max_examples=60)
@given(st.lists(st.binary(max_size=40), max_size=60), st.integers(1, 50))
def test_all_bytes_in_order_and_within_bounds(chunks: list[bytes], capacity: int) -> None:
    """Whatever the chunks and however small the buffer."""
    buffer = BoundedBuffer[bytes](capacity)
    most = 0

    def produce() -> None:
        nonlocal most
        for chunk in chunks:
            buffer.put(chunk)
            most = max(most, len(buffer))
        buffer.close()

    producer = thread(produce)
    assert drain(buffer) == b"".join(chunks)
    producer.join(5)
    assert not producer.is_alive()
    assert most <= max([capacity, *map(len, chunks)])


def test_put_waits_while_it_is_full() -> None:
    """And goes on when room is made."""
    buffer = BoundedBuffer[bytes](10)
    buffer.put(b"x" * 8)
    producer = thread(lambda: buffer.put(b"y" * 3))
    assert blocked(producer)
    assert len(buffer) == 8
    assert buffer.get() == b"x" * 8
    producer.join(5)
    assert not producer.is_alive()
    assert buffer.get() == b"y" * 3


def test_exactly_full_is_not_too_full() -> None:
    buffer = BoundedBuffer[bytes](10)
    buffer.put(b"x" * 5)
    buffer.put(b"y" * 5)
    assert len(buffer) == 10


def test_a_chunk_longer_than_the_buffer_goes_in_alone() -> None:
    buffer = BoundedBuffer[bytes](4)
    buffer.put(b"x")
    producer = thread(lambda: buffer.put(b"y" * 100))
    assert blocked(producer)
    assert buffer.get() == b"x"
    producer.join(5)
    assert buffer.get() == b"y" * 100


def test_get_waits_for_bytes() -> None:
    buffer = BoundedBuffer[bytes](10)
    got: list[bytes | None] = []
    consumer = thread(lambda: got.append(buffer.get()))
    assert blocked(consumer)
    buffer.put(b"z")
    consumer.join(5)
    assert got == [b"z"]


def test_close_wakes_both_sides() -> None:
    """The consumer with the end, the producer with an error; what is inside can still be taken."""
    empty, full = BoundedBuffer[bytes](4), BoundedBuffer[bytes](4)
    full.put(b"left")
    got: list[bytes | None] = []
    consumer = thread(lambda: got.append(empty.get()))
    failed = threading.Event()

    def produce() -> None:
        try:
            full.put(b"more")
        except ValueError:
            failed.set()

    producer = thread(produce)
    assert blocked(consumer) and blocked(producer)
    empty.close()
    full.close()
    consumer.join(5)
    producer.join(5)
    assert got == [None] and failed.is_set()
    assert drain(full) == b"left"
    with pytest.raises(ValueError):
        full.put(b"late")


def test_a_slow_consumer_slows_the_producer() -> None:
    """Back pressure: the producer is never more than the capacity ahead."""
    buffer = BoundedBuffer[bytes](100)
    produced = 0

    def produce() -> None:
        nonlocal produced
        for _ in range(50):
            buffer.put(b"x" * 20)
            produced += 20
        buffer.close()

    thread(produce)
    consumed = 0
    while (chunk := buffer.get()) is not None:
        consumed += len(chunk)
        time.sleep(0.001)
        assert produced <= consumed + 100 + 20  # the one being put counts when put() returns
    assert consumed == 1000
