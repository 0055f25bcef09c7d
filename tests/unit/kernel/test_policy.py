"""What the monitor does at which size: monitor_policy.h, compiled for user space.

The same cases run over broken copies of the policy; each of those must be noticed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

Build = Callable[[str, Path, Path], Path]
Feed = Callable[[Path, list[str]], list[str]]

WARN, KILL = 1, 2
MIB = 1 << 20
TOP = (1 << 64) - 1

HARNESS = """
#include <inttypes.h>
#include <stdio.h>
#include "monitor_policy.h"

int main(void)
{
    uint64_t rss, soft, hard;
    unsigned int done;

    while (scanf("%" SCNu64 "%" SCNu64 "%" SCNu64 "%u", &rss, &soft, &hard, &done) == 4)
        printf("%u\\n", monitor_policy(rss, soft, hard, done));
    return 0;
}
"""

# (rss, soft, hard, done) -> due
CASES = {
    "nothing used": ((0, 10, 30, 0), 0),
    "below both": ((9, 10, 30, 0), 0),
    "at the soft limit is not over it": ((10, 10, 30, 0), 0),
    "one over the soft limit": ((11, 10, 30, 0), WARN),
    "warned before": ((11, 10, 30, WARN), 0),
    "grown since the warning": ((29, 10, 30, WARN), 0),
    "at the hard limit is not over it": ((30, 10, 30, WARN), 0),
    "over the hard limit after a warning": ((31, 10, 30, WARN), KILL),
    "a jump past both warns as well": ((31, 10, 30, 0), WARN | KILL),
    "killed before": ((31, 10, 30, WARN | KILL), 0),
    "shrunk after the warning": ((5, 10, 30, WARN), 0),
    "equal limits, at them": ((10, 10, 10, 0), 0),
    "equal limits, over them": ((11, 10, 10, 0), WARN | KILL),
    "beyond 32 bits": ((5 << 32, 4 << 32, 6 << 32, 0), WARN),
    "the low halves alone would say otherwise": ((1 << 32, MIB, 2 << 32, 0), WARN),
    "beyond 63 bits": ((TOP, TOP - 1, TOP, 0), WARN),
    "the top bit is no sign": ((TOP, 10, 30, 0), WARN | KILL),
    "no limit can be passed": ((TOP, TOP, TOP, 0), 0),
}

# What a student could write instead.
MUTANTS = {
    "soft limit reached counts as passed": ("rss > soft", "rss >= soft"),
    "hard limit reached counts as passed": ("rss > hard", "rss >= hard"),
    "a jump kills without a warning": (
        "if (rss > soft)",
        "if (rss > soft && rss <= hard)",
        "MONITOR_WARN | MONITOR_KILL;",
        "MONITOR_KILL;",
    ),
    "warns every time": ("due & ~done", "due & ~(done & MONITOR_KILL)"),
    "kills every time": ("due & ~done", "due & ~(done & MONITOR_WARN)"),
    "never kills after a warning": ("due & ~done", "done ? 0 : due"),
    "32-bit sizes": ("__u64 rss, __u64 soft, __u64 hard", "__u32 rss, __u32 soft, __u32 hard"),
    "signed sizes": ("__u64 rss, __u64 soft, __u64 hard", "__s64 rss, __s64 soft, __s64 hard"),
    "limits swapped": ("__u64 soft, __u64 hard", "__u64 hard, __u64 soft"),
}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory, build: Build, kernel: Path) -> Path:
    return build(HARNESS, tmp_path_factory.mktemp("policy"), kernel)


def failed_cases(feed: Feed, program: Path) -> list[str]:
    answers = feed(program, [" ".join(map(str, arguments)) for arguments, _ in CASES.values()])
    assert len(answers) == len(CASES)
    return [
        name for (name, (_, due)), answer in zip(CASES.items(), answers, strict=True) if int(answer) != due
    ]


def test_every_case(feed: Feed, policy: Path) -> None:
    assert failed_cases(feed, policy) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_broken_policy_is_noticed(
    name: str, build: Build, feed: Feed, kernel: Path, tmp_path: Path
) -> None:
    header = (kernel / "monitor_policy.h").read_text()
    changes = iter(MUTANTS[name])
    for old, new in zip(changes, changes, strict=True):
        assert header.count(old) == 1, f"the policy has no longer one {old!r}; bring the mutant in step"
        header = header.replace(old, new)
    (tmp_path / "monitor_policy.h").write_text(header)
    assert failed_cases(feed, build(HARNESS, tmp_path, tmp_path))


sizes = st.one_of(st.integers(0, 40), st.integers(0, TOP))


@settings(max_examples=200)
@given(growth=st.lists(sizes, min_size=1, max_size=30), limits=st.tuples(sizes, sizes))
def test_a_life_of_a_container(feed: Feed, policy: Path, growth: list[int], limits: tuple[int, int]) -> None:
    """However it grows and shrinks: at most one warning, at most one kill, the kill not before the warning."""
    soft, hard = sorted(limits)
    done, warned, killed = 0, 0, 0
    for rss in growth:
        due = int(feed(policy, [f"{rss} {soft} {hard} {done}"])[0])
        done |= due
        warned += bool(due & WARN)
        killed += bool(due & KILL)
        assert bool(done & WARN) >= bool(done & KILL)
    assert warned == (max(growth) > soft)
    assert killed == (max(growth) > hard)
