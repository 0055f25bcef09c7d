"""Verdict 8, the teardown, of a clean host and of each thing that can stay behind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lab.demo.facts import Container, Unreadable, trouble
from lab.demo.model import Verdict
from lab.demo.teardown import Ending, family_of, judge_teardown

Fails = Callable[[Verdict, str], None]

ALPHA = Container(
    id="alpha",
    pid=767,
    state="running",
    started=1_795_509_573.0,
    soft_limit=40 << 20,
    hard_limit=64 << 20,
    nice=-5,
    exit_code=None,
    signal=None,
    reason=None,
    stopped_by=None,
    log="/var/log/boxwright/alpha.log",
    limits="monitor",
)
LOG = ["[container_monitor] Registering container=alpha pid=767 soft=41943040 hard=67108864"]


def process(pid: int, parent: int, state: str = "S") -> dict[str, Any]:
    return {"pid": pid, "parent": parent, "name": "x", "state": state, "threads": 2, "start": pid * 10}


BEFORE: dict[str, Any] = {
    "processes": [process(1, 0), process(400, 1)],
    "mounts": ["/ on / type ext4", "/ on /proc type proc"],
    "sockets": ["/run/systemd/private"],
    "cgroups": [],
    "module": False,
    "device": False,
    "hostname": "lab",
}
FAMILY = family_of(
    751, [process(1, 0), process(751, 1), process(752, 751), process(767, 751), process(9, 767)]
)
ENDING = Ending(
    alpha=replace(ALPHA, state="exited", reason="stopped"),
    family=FAMILY,
    before=BEFORE,
    after=BEFORE,
    defunct="",
    words="stopped\nsupervisor exit status: 0",
    socket_gone=True,
    rmmod_status=0,
    kernel_log=[*LOG, "[container_monitor] Module unloaded."],
)


def test_family() -> None:
    assert set(FAMILY) == {(751, 7510), (752, 7520), (767, 7670), (9, 90)}
    assert sum(FAMILY.values()) == 8
    with pytest.raises(Unreadable):
        family_of(5, [process(1, 0)])


def test_teardown_holds() -> None:
    verdict = judge_teardown(ENDING)
    assert verdict.holds, verdict.why


@pytest.mark.parametrize(
    ("changes", "after", "words"),
    [
        ({"alpha": ALPHA}, {}, "ended alpha"),
        ({"alpha": replace(ALPHA, state="exited", reason="killed")}, {}, "ended alpha"),
        ({"words": "supervisor exit status: 1"}, {}, "status 0"),
        ({"words": "Traceback"}, {}, "status 0"),
        ({}, {"processes": [*BEFORE["processes"], process(767, 1)]}, "are gone"),
        ({}, {"processes": [*BEFORE["processes"], process(900, 1, "Z")]}, "no zombie"),
        ({"defunct": "900 1 Z [sh] <defunct>"}, {}, "no zombie"),
        ({}, {"mounts": [*BEFORE["mounts"], "/ on /srv/x/proc type proc"]}, "mount table"),
        ({}, {"mounts": BEFORE["mounts"][:1]}, "mount table"),
        ({"socket_gone": False}, {}, "socket is gone"),
        ({}, {"sockets": [*BEFORE["sockets"], "/run/boxwright/engine.sock"]}, "socket is gone"),
        ({}, {"cgroups": ["alpha-1"]}, "cgroup is left"),
        ({}, {"hostname": "alpha"}, "hostname"),
        ({"rmmod_status": 1}, {}, "module is unloaded"),
        ({}, {"module": True}, "module is unloaded"),
        ({}, {"device": True}, "module is unloaded"),
        ({"kernel_log": LOG}, {}, "module is unloaded"),
        ({"kernel_log": ["WARNING: CPU: 0 PID: 1", *ENDING.kernel_log]}, {}, "complained"),
    ],
)
def test_teardown_can_fail(changes: dict[str, Any], after: dict[str, Any], words: str, fails: Fails) -> None:
    fails(judge_teardown(replace(ENDING, **changes, after={**BEFORE, **after})), words)


@pytest.mark.parametrize(
    "line",
    [
        "BUG: kernel NULL pointer dereference, address: 0000000000000000",
        "Oops: 0002 [#1] PREEMPT SMP",
        "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
        "rcu: INFO: rcu_preempt self-detected stall on CPU",
        "INFO: task rmmod:12 blocked; hung task",
    ],
)
def test_trouble_is_seen(line: str) -> None:
    assert trouble([line]) == [line]


def test_ordinary_words_are_no_trouble() -> None:
    assert trouble([*LOG, "monitor: loading out-of-tree module taints kernel."]) == []
