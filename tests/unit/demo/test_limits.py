"""Verdicts 5 and 6, the limits, with good evidence and with each way in which it can be broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from lab.demo.facts import MIB, Container, Unreadable, limit_events
from lab.demo.memory import judge_hard_limit, judge_soft_limit, read_run
from lab.demo.model import Verdict
from lab.demo.stage import HogRun

Fails = Callable[[Verdict, str], None]

LOG = [
    "[ 1418.2] [container_monitor] Registering container=gamma pid=880 soft=10485760 hard=31457280",
    "[ 1419.7] [container_monitor] SOFT LIMIT container=gamma pid=880 rss=11091968 limit=10485760",
    "[ 1422.4] [container_monitor] HARD LIMIT container=gamma pid=880 rss=31932416 limit=31457280",
]
RUN = HogRun(
    pid=880,
    began=1418.0,
    samples=[(1418.5 + step / 4, (2 + 2 * step) * MIB) for step in range(15)],
    soft_at=1419.7,
    hard_at=1422.4,
    ps_after_warning="ID     PID  STATE\nalpha  767  running\ngamma  880  running",
    end="gone",
    ended_at=1422.4,
)
GAMMA = Container(
    id="gamma",
    pid=880,
    state="exited",
    started=1_795_509_573.0,
    soft_limit=10 * MIB,
    hard_limit=30 * MIB,
    nice=0,
    exit_code=None,
    signal=9,
    reason="hard_limit_killed",
    stopped_by=None,
    log="/var/log/boxwright/gamma.log",
    limits="monitor",
)


def test_soft_limit_holds() -> None:
    verdict = judge_soft_limit(RUN, limit_events(LOG, "gamma"))
    assert verdict.holds, verdict.why
    assert verdict.fact == "warned at 10.6 MiB"


@pytest.mark.parametrize(
    ("run", "log", "words"),
    [
        (RUN, [LOG[1].replace("pid=880", "pid=881")], "names gamma"),
        (RUN, [LOG[1].replace("limit=10485760", "limit=10")], "names gamma"),
        (RUN, [LOG[1].replace("rss=11091968", "rss=10485760")], "names gamma"),
        (replace(RUN, ps_after_warning="gamma  880  exited"), LOG, "says running"),
        (replace(RUN, ps_after_warning="gamma  881  running"), LOG, "says running"),
        (replace(RUN, ps_after_warning=""), LOG, "says running"),
        (replace(RUN, samples=[each for each in RUN.samples if each[0] < 1420.1]), LOG, "lived on"),
        (replace(RUN, samples=[(at, 12 * MIB) for at, _ in RUN.samples]), LOG, "lived on"),
        (replace(RUN, soft_at=None), LOG, "lived on"),
    ],
)
def test_soft_limit_can_fail(run: HogRun, log: list[str], words: str, fails: Fails) -> None:
    fails(judge_soft_limit(run, limit_events(log, "gamma")), words)


@pytest.mark.parametrize("log", [[LOG[1], LOG[1]], [], [LOG[2]]])
def test_soft_limit_is_told_once(log: list[str]) -> None:
    verdict = judge_soft_limit(RUN, limit_events(log, "gamma"))
    assert not verdict.conditions[0].holds


def test_hard_limit_holds() -> None:
    verdict = judge_hard_limit(RUN, limit_events(LOG, "gamma"), GAMMA, gone=True)
    assert verdict.holds, verdict.why
    assert "hard_limit_killed" in verdict.why


@pytest.mark.parametrize(
    ("run", "log", "gamma", "gone", "words"),
    [
        (RUN, [LOG[1], LOG[2].replace("pid=880", "pid=1")], GAMMA, True, "names gamma"),
        (RUN, [LOG[1], LOG[2].replace("rss=31932416", "rss=20")], GAMMA, True, "names gamma"),
        (RUN, [LOG[2], LOG[1]], GAMMA, True, "warning came first"),
        (RUN, [LOG[2]], GAMMA, True, "warning came first"),
        (replace(RUN, end="time"), LOG, GAMMA, True, "process is gone"),
        (RUN, LOG, GAMMA, False, "process is gone"),
        (RUN, LOG, replace(GAMMA, reason="killed"), True, "hard_limit_killed"),
        (RUN, LOG, replace(GAMMA, reason="stopped"), True, "hard_limit_killed"),
        (RUN, LOG, replace(GAMMA, signal=15), True, "hard_limit_killed"),
        (RUN, LOG, replace(GAMMA, pid=881), True, "hard_limit_killed"),
    ],
)
def test_hard_limit_can_fail(
    run: HogRun, log: list[str], gamma: Container, gone: bool, words: str, fails: Fails
) -> None:
    fails(judge_hard_limit(run, limit_events(log, "gamma"), gamma, gone=gone), words)


def test_hard_limit_is_told_once() -> None:
    assert not judge_hard_limit(RUN, limit_events([LOG[1]], "gamma"), GAMMA, gone=True).holds
    assert not judge_hard_limit(RUN, limit_events([*LOG, LOG[2]], "gamma"), GAMMA, gone=True).holds


def test_events_of_others_do_not_count() -> None:
    assert limit_events([line.replace("gamma", "gamma2") for line in LOG], "gamma") == []


def test_the_watch_is_read() -> None:
    text = "\n".join(
        [
            '{"t": 1.0, "ready": true}',
            '{"t": 2.0, "began": 1.9, "pid": 880}',
            '{"t": 2.1, "rss": 1048576}',
            '{"t": 2.2, "log": "[container_monitor] SOFT LIMIT container=gamma pid=880"}',
            '{"t": 2.3, "ps": "gamma 880 running"}',
            '{"t": 3.0, "end": "gone"}',
        ]
    )
    run = read_run(text)
    assert (run.pid, run.began, run.soft_at, run.hard_at, run.end) == (880, 1.9, 2.2, None, "gone")
    assert list(run.samples) == [(2.1, 1048576)]
    for broken in ("", "Traceback", '{"t": 1.0, "ready": true}', '{"t": 9, "end": "time"}'):
        with pytest.raises(Unreadable):
            read_run(broken)
