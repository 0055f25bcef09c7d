"""Demonstration 8: everything ends, and the host is what it was before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.demo.facts import Container, Unreadable, one, trouble
from lab.demo.model import Condition, Verdict
from lab.demo.stage import FOLDER, SOCKET, Stage

SHUTDOWN_SECONDS = 20
"""For the supervisor to stop its containers (3 s of grace each, side by side) and to end."""

Process = tuple[int, int]
"""PID and start in ticks since boot: together never used twice."""


@dataclass(frozen=True)
class Ending:
    """What was seen while everything ended."""

    alpha: Container
    """After `engine stop alpha`."""
    family: Mapping[Process, int]
    """The supervisor and all its descendants before the end, with their threads."""
    before: Mapping[str, Any]
    """The host before the first container, as `guest/traces.py` tells it."""
    after: Mapping[str, Any]
    """The host at the end."""
    defunct: str
    """The zombies in the output of `ps`."""
    words: str
    """What the supervisor printed, and its exit status."""
    socket_gone: bool
    rmmod_status: int
    kernel_log: Sequence[str]
    """From before the module was loaded to the end."""


def show_teardown(stage: Stage) -> Verdict:
    """Stop one container by name, the rest with the supervisor, and unload the module."""
    stage.hogs()
    supervisor = stage.supervisor()
    family = family_of(supervisor, stage.traces()["processes"])
    stage.show("engine stop alpha")
    stage.show("engine ps")
    alpha = one(stage.containers(), "alpha")
    stage.show(f"ps -o pid,ppid,nlwp,stat,args -p {','.join(str(pid) for pid, _ in family)}")
    stage.show(f"kill -TERM {supervisor}")
    stage.until(
        "the supervisor did not end after SIGTERM",
        lambda: "exit status" in stage.look(f"cat {FOLDER}/supervisor.out"),
        SHUTDOWN_SECONDS,
    )
    words = stage.show(f"cat {FOLDER}/supervisor.out").text
    defunct = stage.show("ps -eo pid,ppid,stat,args | grep -w '[d]efunct'").text
    socket = stage.show(f"ls {SOCKET}").exit_status
    stage.show("grep -c boxwright /proc/mounts")
    rmmod = stage.show("rmmod monitor").exit_status
    stage.torn_down()
    stage.show("ls /dev/container_monitor; lsmod | grep -w monitor")
    after = stage.traces()
    stage.show_kernel_log("grep -F '[container_monitor]' | tail -n 3")
    return judge_teardown(
        Ending(alpha, family, stage.before, after, defunct, words, socket != 0, rmmod, stage.kernel_log())
    )


def family_of(pid: int, processes: Sequence[Mapping[str, Any]]) -> dict[Process, int]:
    """A process and all its descendants, with the number of threads of each."""
    family: dict[Process, int] = {}
    wanted = {pid}
    while wanted:
        found = [each for each in processes if each["pid"] in wanted]
        family.update({(each["pid"], each["start"]): each["threads"] for each in found})
        wanted = {each["pid"] for each in processes if each["parent"] in wanted}
    if not family:
        raise Unreadable(f"the supervisor, PID {pid}, is not there")
    return family


def judge_teardown(seen: Ending) -> Verdict:
    """Whether nothing stayed behind."""
    remaining = {(each["pid"], each["start"]) for each in seen.after["processes"]} & set(seen.family)
    zombies = [each for each in seen.after["processes"] if each["state"] == "Z"]
    new_mounts = set(seen.after["mounts"]) ^ set(seen.before["mounts"])
    new_sockets = set(seen.after["sockets"]) - set(seen.before["sockets"])
    threads = sum(seen.family.values())
    bad = trouble(seen.kernel_log)
    spoken = [line for line in seen.kernel_log if "[container_monitor]" in line]
    return Verdict(
        (
            Condition(
                "`engine stop` ended alpha, and `ps` says stopped",
                seen.alpha.ended and seen.alpha.reason == "stopped",
            ),
            Condition("the supervisor ended with status 0", "supervisor exit status: 0" in seen.words),
            Condition(
                f"its {len(seen.family)} processes with their {threads} threads are gone",
                len(seen.family) > 1 and not remaining,
            ),
            Condition(
                f"there is no zombie among {len(seen.after['processes'])} processes, in /proc or in `ps`",
                not zombies and not seen.defunct.strip(),
            ),
            Condition("the mount table is what it was" + _listed(new_mounts), not new_mounts),
            Condition(
                "the control socket is gone" + _listed(new_sockets), seen.socket_gone and not new_sockets
            ),
            Condition(
                "no container's cgroup is left" + _listed(seen.after["cgroups"]), not seen.after["cgroups"]
            ),
            Condition("the hostname is what it was", seen.before["hostname"] == seen.after["hostname"]),
            Condition(
                "the module is unloaded and its device gone",
                seen.rmmod_status == 0
                and not seen.after["module"]
                and not seen.after["device"]
                and spoken[-1:] != []
                and spoken[-1].endswith("Module unloaded."),
            ),
            Condition("the kernel complained of nothing" + _listed(bad[:3]), not bad),
        ),
        f"All {len(seen.family)} processes and {threads} threads of the engine are gone; no zombie, mount, socket "
        "or cgroup stayed, and the module is unloaded.",
        f"{len(seen.family)} processes, {threads} threads: all gone",
    )


def _listed(things: Sequence[str] | set[str]) -> str:
    return f" ({', '.join(sorted(things))})" if things else ""
