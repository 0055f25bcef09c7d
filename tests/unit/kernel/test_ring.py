"""Where events wait until they are read: monitor_ring.h, compiled for user space.

The program does as it is told: `put N` (an event whose pid is N), `take`, `fail` (take, and say
that it did not reach its reader), `has`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Build = Callable[[str, Path, Path], Path]
Feed = Callable[[Path, list[str]], list[str]]

SIZE = 1024

HARNESS = """
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#define READ_ONCE(x) (x)
#define WRITE_ONCE(x, value) ((x) = (value))
#include "monitor_ring.h"

/* Counters start just below the point where they wrap. */
static struct monitor_ring ring = { .head = -700u, .tail = -700u };

int main(void)
{
    struct monitor_event event;
    char word[8];

    while (scanf("%7s", word) == 1) {
        memset(&event, 0, sizeof(event));
        if (!strcmp(word, "put")) {
            if (scanf("%d", &event.pid) != 1)
                return 1;
            ring_put(&ring, &event);
        } else if (!strcmp(word, "has")) {
            puts(ring_has_events(&ring) ? "yes" : "no");
        } else if (!ring_take(&ring, &event)) {
            puts("nothing");
        } else {
            printf("%d %u\\n", event.pid, event.lost);
            if (!strcmp(word, "fail"))
                ring_give_up(&ring, &event);
        }
    }
    return 0;
}
"""

MUTANTS = {
    "the newest is dropped": (
        "WRITE_ONCE(ring->tail, ring->tail + 1);\n\t}",
        "return;\n\t}",
    ),
    "a loss is not counted": ("\t\tring->lost++;\n", ""),
    "a loss is told again and again": ("\tring->lost = 0;\n", ""),
    "a failed copy is forgotten": ("ring->lost += event->lost + 1", "ring->lost += event->lost"),
    "a failed copy forgets earlier losses": ("event->lost + 1", "0 * event->lost + 1"),
    "one slot too many": ("== RING_SIZE", "== RING_SIZE + 1"),
}


class Model:
    """The same in Python, where nothing can go wrong."""

    def __init__(self) -> None:
        self.events: deque[int] = deque()
        self.lost = 0

    def do(self, command: str) -> list[str]:
        verb, _, number = command.partition(" ")
        if verb == "put":
            if len(self.events) == SIZE:
                self.events.popleft()
                self.lost += 1
            self.events.append(int(number))
            return []
        if verb == "has":
            return ["yes" if self.events else "no"]
        if not self.events:
            return ["nothing"]
        line = f"{self.events.popleft()} {self.lost}"
        self.lost = self.lost + 1 if verb == "fail" else 0
        return [line]


def expected(commands: list[str]) -> list[str]:
    model = Model()
    return [line for command in commands for line in model.do(command)]


LIFE = [
    *("has", "take", "put 1", "put 2", "has", "take", "take", "take"),
    *(f"put {number}" for number in range(SIZE + 3)),
    *("fail", "fail", "take", "take"),
    *(f"put {number}" for number in range(7)),
    *(["take"] * SIZE),
]


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory, build: Build, kernel: Path) -> Path:
    return build(HARNESS, tmp_path_factory.mktemp("ring"), kernel)


def test_a_life_of_a_ring(feed: Feed, ring: Path) -> None:
    assert feed(ring, LIFE) == expected(LIFE)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_ring_is_noticed(name: str, build: Build, feed: Feed, kernel: Path, tmp_path: Path) -> None:
    old, new = MUTANTS[name]
    header = (kernel / "monitor_ring.h").read_text()
    assert header.count(old) == 1, f"the ring has no longer one {old!r}; bring the mutant in step"
    (tmp_path / "monitor_ring.h").write_text(header.replace(old, new))
    (tmp_path / "monitor_ioctl.h").write_text((kernel / "monitor_ioctl.h").read_text())
    assert feed(build(HARNESS, tmp_path, tmp_path), LIFE) != expected(LIFE)


bursts = st.one_of(
    st.sampled_from([["take"], ["fail"], ["has"], ["take"] * 500]),
    st.integers(1, 1500).map(lambda count: [f"put {number}" for number in range(count)]),
)


@settings(max_examples=60)
@given(st.lists(bursts, max_size=8))
def test_any_life_of_a_ring(feed: Feed, ring: Path, script: list[list[str]]) -> None:
    commands = [command for burst in script for command in burst]
    assert feed(ring, commands) == expected(commands)
