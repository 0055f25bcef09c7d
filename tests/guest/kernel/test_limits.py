"""Containers of every kind against their limits: who is warned, who is killed, who is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from lab.machine.protocol import CommandResult, Machine

pytestmark = pytest.mark.usefixtures("monitor")

MIB = 1 << 20
SOFT, HARD, GONE = 1, 2, 3
SIGKILL = 9
Probe = Callable[..., CommandResult]


@dataclass
class Life:
    """What the probe saw of one container."""

    pid: int = 0
    events: list[dict[str, str]] = field(default_factory=list)
    dead_ms: int = 0
    end: dict[str, str] = field(default_factory=dict)
    limits: tuple[int, int] = (0, 0)

    def types(self) -> list[int]:
        return [int(event["type"]) for event in self.events]


def live(
    probe: Probe,
    behaviour: str,
    mib: int,
    soft_mib: int,
    hard_mib: int,
    *,
    abi: str = "v2",
    namespace: str = "own",
    life_ms: int = 20000,
    prefix: str = "",
) -> Life:
    """Run a container of the probe's to its end."""
    arguments = ("container", behaviour, mib, soft_mib, hard_mib, abi, namespace, life_ms)
    life = Life(limits=(soft_mib * MIB, hard_mib * MIB))
    for line in probe(*arguments, prefix=prefix).text.splitlines():
        kind, _, rest = line.partition(" ")
        facts = dict(re.findall(r"([a-z-]+)=(\S+)", rest))
        if kind == "event":
            life.events.append({"type": rest.split()[0], **facts})
            life.pid = int(facts["pid"])
        elif kind == "dead":
            life.dead_ms = int(facts["after-ms"])
        elif kind == "end":
            life.end = facts
    return life


def assert_killed(life: Life, log: Any, behaviour: str) -> None:
    """Warned once, then killed, both told by event and by log, with figures that agree."""
    assert life.end == {"exit": "-1", "signal": str(SIGKILL), "outlived": "0"}
    assert life.types() == [SOFT, HARD, GONE]
    who = f"container={behaviour} pid={life.pid}"
    soft, hard = life.limits
    warning, kill, gone = life.events
    for event in life.events:
        assert event["id"] == behaviour
        assert event["same-pid"] == "1"
        assert event["lost"] == "0"
    assert int(warning["rss"]) > soft
    assert int(kill["rss"]) > hard
    assert (int(warning["limit"]), int(kill["limit"]), int(gone["limit"])) == (soft, hard, 0)
    assert log.monitor()[-3:] == [
        f"Registering {who} soft={soft} hard={hard}",
        f"SOFT LIMIT {who} rss={warning['rss']} limit={soft}",
        f"HARD LIMIT {who} rss={kill['rss']} limit={hard}",
    ]
    assert int(warning["after-ms"]) <= int(kill["after-ms"]) <= life.dead_ms, (
        "the event comes before the kill"
    )


# idle: grows and sleeps. busy: grows and burns CPU without a pause. child, orphan, nested: the hog is
# a child, a grandchild adopted by PID 1, or in a PID namespace inside the container's. children: four,
# each below the limit. thread: the first thread has ended, another one hogs. stopped: by SIGSTOP.
@pytest.mark.parametrize(
    "behaviour", ["idle", "busy", "child", "children", "orphan", "nested", "thread", "stopped"]
)
def test_a_hog_is_warned_then_killed(probe: Probe, log: Any, behaviour: str) -> None:
    assert_killed(live(probe, behaviour, 40, 10, 30), log, behaviour)


def test_a_jump_past_both_limits_warns_first(probe: Probe, log: Any) -> None:
    life = live(probe, "jump", 48, 10, 30)
    assert_killed(life, log, "jump")
    assert life.events[0]["rss"] == life.events[1]["rss"], "both were found by one look"
    assert int(life.events[0]["rss"]) >= 48 * MIB


def test_version_1_is_served_alike(probe: Probe, log: Any) -> None:
    assert_killed(live(probe, "busy", 40, 10, 30, abi="v1"), log, "busy")


def test_a_busy_hog_on_a_busy_machine(machine: Machine, probe: Probe, log: Any) -> None:
    """Every CPU is taken by others and the hog has the best of nice values; it is killed nevertheless."""
    machine.run(
        "for cpu in 1 2 3 4; do nice -n -5 timeout 60 /srv/boxwright/rootfs-base/cpu_hog 60 >/dev/null & "
        "echo $! >>/tmp/hogs; done 2>/dev/null"
    )
    try:
        machine.run("until [ $(pgrep -c -x cpu_hog) = 4 ]; do sleep 0.1; done")
        life = live(probe, "busy", 40, 10, 30, prefix="nice -n -20")
    finally:
        machine.run("kill $(cat /tmp/hogs); rm /tmp/hogs")
    assert_killed(life, log, "busy")
    late = life.dead_ms - int(life.events[1]["after-ms"])
    assert late < machine.deadline(1) * 1000, f"{late} ms from the event to the end"


def test_one_warning_for_a_container(probe: Probe, log: Any) -> None:
    """Three times over the soft limit and below it again: one warning, and it lives on."""
    life = live(probe, "waves", 20, 10, 30)
    assert life.end == {"exit": "7", "signal": "0", "outlived": "0"}
    assert life.types() == [SOFT, GONE]
    assert [line.split(" container=")[0] for line in log.monitor()[1:]] == ["Registering", "SOFT LIMIT"]


def test_between_the_limits_it_lives_on(probe: Probe) -> None:
    life = live(probe, "quiet", 20, 10, 30)
    assert life.end == {"exit": "7", "signal": "0", "outlived": "0"}
    assert life.types() == [SOFT, GONE]


def test_below_the_limits_nothing_is_said(probe: Probe, log: Any) -> None:
    life = live(probe, "quiet", 20, 30, 40)
    assert life.types() == [GONE]
    assert [line.split(" container=")[0] for line in log.monitor()[1:]] == ["Registering"]


def test_shared_memory_is_counted_once(probe: Probe) -> None:
    """A child between vfork() and exec() runs in its parent's memory: 20 MiB, not 40."""
    life = live(probe, "vfork", 20, 10, 30)
    assert life.end == {"exit": "7", "signal": "0", "outlived": "0"}
    assert life.types() == [SOFT, GONE]


def test_without_a_namespace_a_process_stands_for_itself(probe: Probe, log: Any) -> None:
    assert_killed(live(probe, "busy", 40, 10, 30, namespace="none"), log, "busy")
    life = live(probe, "child", 40, 10, 30, namespace="none", life_ms=3000)
    assert life.end["outlived"] == "1"
    assert life.types() == [GONE]


def test_pids_are_told_in_the_openers_namespace(probe: Probe, log: Any) -> None:
    life = live(probe, "jump", 48, 10, 30, prefix="unshare --pid --fork --mount-proc")
    assert_killed(life, log, "jump")
    assert life.pid < 10
