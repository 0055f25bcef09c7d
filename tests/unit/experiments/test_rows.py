"""From what the measuring programs print to rows, and from rows to figures."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from lab.demo.facts import MIB, Unreadable
from lab.experiments import cpu, latency, memory
from lab.experiments.guest import wakes
from lab.experiments.kinds import KINDS


def said(*lines: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, lines))


GROWN = (
    {"t": 100.02, "began": 100.0},
    {"t": 100.05, "rss": 5 * MIB, "charged": None, "peak": None},
    {"t": 100.20, "limit": "soft", "rss": 25 * MIB},
    {"t": 100.40, "rss": 50 * MIB, "charged": None, "peak": None},
    {"t": 100.41, "limit": "hard", "rss": 52 * MIB},
    {"t": 100.42, "end": "gone", "reason": "hard_limit_killed"},
)


def test_a_life_becomes_rows() -> None:
    rows = memory.rows(said(*GROWN))
    assert [row["event"] for row in rows] == [None, "soft", None, "hard", "gone"]
    assert rows[0] == {
        "seconds": 0.05, "resident_bytes": 5 * MIB, "charged_bytes": None, "peak_bytes": None,
        "event": None, "reason": None,
    }  # fmt: skip
    assert rows[-1]["reason"] == "hard_limit_killed" and rows[-1]["seconds"] == 0.42
    assert memory.killed_at(rows) == 0.42


@pytest.mark.parametrize("lines", [(), GROWN[:-1], GROWN[1:], (GROWN[0], GROWN[-1])])
def test_half_a_life_is_none(lines: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(Unreadable):
        memory.rows(said(*lines))


def test_overshoot_is_by_the_count_of_who_holds_the_limit(made: Callable[..., Any]) -> None:
    assert memory.overshoot(made("memory", "scan_interval_ms=500"), 0) > 3
    assert memory.overshoot(made("memory", "by=cgroup"), 0) == 0
    over, life = KINDS["memory"].measures(made("memory"))
    assert (over.unit, life.unit, len(over.values)) == ("MiB", "s", 5)


def test_a_container_that_nobody_killed() -> None:
    rows = memory.rows(said(*GROWN[:-1], {"t": 130.0, "end": "time", "reason": "stopped"}))
    assert memory.killed_at(rows) is None


def test_shares_become_rows() -> None:
    rows = cpu.rows(
        "seconds PID 11 PID 12\n  0.000 0.0000 0.0000\n  1.001 0.9500 0.0400\n  2.000 1.9 0.09\n", (-5, 10)
    )
    assert rows[-1] == {"seconds": 2.0, "container": 2, "nice": 10, "cpu_seconds": 0.09}
    assert len(rows) == 6
    for broken in ("", "seconds PID 1\n", "seconds\n0 0 0\n1 0 0\n", "seconds\n0 0\n1 0.5\n", "x\ny z a\n"):
        with pytest.raises(Unreadable):
            cpu.rows(broken, (-5, 10))


def test_measures_of_shares(made: Callable[..., Any]) -> None:
    first, second, off, used = KINDS["cpu"].measures(made("cpu"))
    assert first.values[0] + second.values[0] == pytest.approx(100)
    assert first.values[0] == pytest.approx(96.6, abs=0.5)
    assert max(off.values) < 1
    assert used.values == pytest.approx((1.0,) * 5, abs=1e-3)


# What trace_pipe prints (Documentation/trace/ftrace.rst): task-PID [CPU] flags time: event.
TRACE = """\
          <idle>-0       [000] d.h2.   117.000100: sched_waking: comm=memory_hog pid=812 prio=120 target_cpu=000
         cpu_hog-801     [000] d..2.   117.002600: sched_switch: prev_comm=cpu_hog prev_pid=801 prev_prio=120 \
prev_state=R ==> next_comm=memory_hog next_pid=812 next_prio=120
         cpu_hog-801     [000] d..2.   117.004000: sched_switch: prev_comm=cpu_hog prev_pid=801 prev_prio=120 \
prev_state=R ==> next_comm=memory_hog next_pid=812 next_prio=120
CPU:0 [LOST 3 EVENTS]
         cpu_hog-801     [000] d.h2.   117.020200: sched_waking: comm=memory_hog pid=812 prio=120 target_cpu=000
         cpu_hog-801     [000] d.h2.   117.040200: sched_waking: comm=memory_hog pid=812 prio=120 target_cpu=000
         cpu_hog-801     [000] d..2.   117.040241: sched_switch: prev_comm=cpu_hog prev_pid=801 prev_prio=120 \
prev_state=R ==> next_comm=memory_hog next_pid=812 next_prio=120
"""


def test_a_trace_becomes_wakes() -> None:
    """Set aside and taken up again is no waking; of two wakings the later counts."""
    assert list(wakes.pairs(TRACE.splitlines())) == [(117.0001, 2500.0), (117.0402, 41.0)]


def test_wakes_become_rows(made: Callable[..., Any]) -> None:
    assert latency.rows("0.000000 2500.0\n0.040100 41.0\n")[1] == {"seconds": 0.0401, "late_us": 41.0}
    for broken in ("", "0.0 1.0\n", "0.0 a\n0 1\n"):
        with pytest.raises(Unreadable):
            latency.rows(broken)
    run = made("latency")
    assert latency.milliseconds(run)[0][0] == run.repetitions[0][0]["late_us"] / 1000
    middle, high, highest = KINDS["latency"].measures(made("latency"))
    assert all(a < b < c for a, b, c in zip(middle.values, high.values, highest.values, strict=True))
    assert latency.percentile([float(value) for value in range(101)], 95) == 95


@pytest.mark.parametrize("kind", KINDS)
def test_each_repetition_is_told_in_a_few_words(kind: str, made: Callable[..., Any]) -> None:
    words = KINDS[kind].told(made(kind))
    assert {"memory": "MiB over", "cpu": "due 96.6%", "latency": "p95"}[kind] in words
    assert "\n" not in words
