"""Demonstration 3: both containers' output goes through the bounded buffer, and no byte is lost."""

from __future__ import annotations

import hashlib
import re
from functools import cache, partial

from lab.demo.facts import Unreadable
from lab.demo.model import Condition, Verdict
from lab.demo.stage import Stage

LINES = 200_000
"""Written by one container as fast as it can, half to standard output and half to standard error."""


@cache
def expected_log() -> bytes:
    """What that container writes."""
    return b"".join(b"%d\n" % number for number in range(1, LINES + 1))


def show_logs(stage: Stage) -> Verdict:
    """Read two logs, follow the pipes, and count a flood byte by byte."""
    hogs = stage.hogs()
    supervisor = stage.supervisor()
    logs = {}
    for name in ("alpha", "beta"):
        stage.until(f"{name} wrote nothing", partial(_has_log, stage, name), 10)
        logs[name] = stage.show(f"engine logs {name} | tail -n 4").text
    pipes = stage.show(
        "cd /proc; "
        f"for pid in {hogs.alpha.pid} {hogs.beta.pid}; do echo $pid: $(readlink $pid/fd/1 $pid/fd/2); done; "
        f"echo supervisor: $(readlink {supervisor}/fd/* | grep pipe: | sort -u)"
    ).text
    threads = stage.show(f"cat /proc/{supervisor}/task/*/comm | sort | uniq -c").text
    half = LINES // 2
    flood = f"seq 1 {half}; seq {half + 1} {LINES} >&2"
    root = stage.rootfs("gamma")
    stage.show(f"engine run flood {root} /bin/sh -c '{flood}' >/dev/null 2>&1", timeout=60)
    sums = stage.show("engine logs flood 2>&1 | sha256sum; engine logs flood 2>&1 | wc -c").text
    own = stage.show(f"({flood}) 2>&1 | sha256sum").text
    return judge_logs(logs, pipes, threads, sums, own)


def _has_log(stage: Stage, name: str) -> bool:
    return bool(stage.look(f"engine logs {name} | head -c 1"))


def judge_logs(logs: dict[str, str], pipes: str, threads: str, sums: str, own: str) -> Verdict:
    """Whether every byte arrived, through pipes into the supervisor.

    Args:
        logs: the ends of the logs of alpha and beta.
        pipes: a line for each container with where its standard output and error lead, and one
            for the supervisor with all its pipes.
        threads: names of the supervisor's threads.
        sums: SHA-256 and length of the flood's log.
        own: SHA-256 of the same bytes written without an engine.
    """
    ends: dict[str, set[str]] = {}
    for line in pipes.splitlines():
        name, _, rest = line.partition(":")
        ends[name] = set(re.findall(r"pipe:\[\d+\]", rest))
    held = ends.pop("supervisor", set())
    expected = expected_log()
    digest = hashlib.sha256(expected).hexdigest()
    words = sums.split()
    if len(words) < 3:
        raise Unreadable("the sum of the flood's log was not told")
    count = sum(int(number) for number in re.findall(r"^\s*(\d+)", threads, re.MULTILINE))
    return Verdict(
        (
            Condition(
                "alpha and beta have each a log with what /cpu_hog printed",
                len(logs) == 2 and all(map(_of_cpu_hog, logs.values())),
            ),
            Condition(
                "standard output and error of both are pipes, and the supervisor holds the other ends",
                len(ends) == 2 and all(each and each <= held for each in ends.values()),
            ),
            Condition(
                "no pipe is shared by the two",
                len(set().union(*ends.values())) == sum(map(len, ends.values())),
            ),
            Condition(
                f"the supervisor has {count} threads: a producer and a consumer for each log, and its own",
                count >= 5,
            ),
            Condition(
                f"a flood of {LINES:,} lines arrived whole: {len(expected):,} bytes, none lost, added or reordered",
                words[0] == digest and own.split()[:1] == [digest] and words[2] == str(len(expected)),
            ),
        ),
        f"Both logs hold what their container wrote; a flood of {len(expected):,} bytes came through the "
        "bounded buffer with the very checksum it has without an engine.",
        f"{len(expected):,} bytes, none lost",
    )


def _of_cpu_hog(log: str) -> bool:
    lines = log.splitlines()
    return bool(lines) and all("cpu_hog" in line for line in lines)
