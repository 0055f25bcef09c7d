"""Demonstrations 1 and 2: two containers under one supervisor, and what `ps` knows of them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.demo.facts import MIB, Container, Unreadable, containers, fields, one
from lab.demo.model import Condition, Verdict
from lab.demo.stage import NICE_ALPHA, NICE_BETA, Stage

CLOCK_TOLERANCE = 3.0
"""Seconds: `ps` counts whole ones, and two commands lie between the looks."""


# --- 1: two containers under one supervisor ---


def show_supervision(stage: Stage) -> Verdict:
    """Start alpha and beta, and look at them from outside."""
    hogs = stage.hogs()
    supervisor = stage.supervisor()
    stage.show("engine ps")
    pids = f"{hogs.alpha.pid} {hogs.beta.pid}"
    status = stage.show(
        f"cd /proc; for pid in {pids}; do grep -E '^(Name|PPid|NSpid):' $pid/status; done"
    ).text
    namespaces = stage.show(
        f"cd /proc; for pid in {supervisor} {pids}; do echo $pid $(readlink $pid/ns/pid $pid/ns/uts $pid/ns/mnt); done"
    ).text
    return judge_supervision(supervisor, stage.containers(), status, namespaces)


def judge_supervision(
    supervisor: int, known: Mapping[str, Container], status: str, namespaces: str
) -> Verdict:
    """Whether two isolated containers run under one supervisor.

    Args:
        supervisor: its PID.
        known: what `engine ps` tells.
        status: PPid and NSpid of alpha and of beta, as in /proc/PID/status.
        namespaces: a line for the supervisor, for alpha and for beta: the PID, then its namespaces.
    """
    alpha, beta = one(dict(known), "alpha"), one(dict(known), "beta")
    parents = fields(status, "PPid")
    inner = [value.split() for value in fields(status, "NSpid")]
    links = {line.split()[0]: line.split()[1:] for line in namespaces.splitlines() if line.strip()}
    own = [links.get(str(pid), []) for pid in (supervisor, alpha.pid, beta.pid)]
    apart = all(len(each) == 3 for each in own) and all(
        len({each[kind] for each in own}) == 3 for kind in range(3)
    )
    return Verdict(
        (
            Condition("alpha and beta are running", alpha.state == beta.state == "running"),
            Condition(
                f"both are children of one supervisor, PID {supervisor}", parents == [str(supervisor)] * 2
            ),
            Condition(
                "each is process 1 in a PID namespace of its own",
                [pids[-1:] for pids in inner] == [["1"], ["1"]] and all(len(pids) > 1 for pids in inner),
            ),
            Condition("PID, UTS and mount namespaces differ between alpha, beta and the host", apart),
        ),
        f"alpha (PID {alpha.pid}) and beta (PID {beta.pid}) run side by side under supervisor {supervisor}, "
        "each as process 1 of namespaces of its own.",
        f"PIDs {alpha.pid} and {beta.pid} under {supervisor}",
    )


# --- 2: ps with full metadata ---

QUICK_STATUS = 7


def show_metadata(stage: Stage) -> Verdict:
    """Let a third container end with a status of its own, and hold `ps` against the kernel."""
    hogs = stage.hogs()
    quick = stage.show(
        f"engine run quick {stage.rootfs('gamma')} /bin/sh -c 'exit {QUICK_STATUS}'"
    ).exit_status
    table = stage.show("engine ps").text
    known = containers(stage.show("engine ps --format json").text)
    seen = stage.show(
        f"ps -o pid=,ni=,etimes=,args= -p {hogs.alpha.pid},{hogs.beta.pid}; echo now: $(date +%s)"
    ).text
    logs = stage.show("ls -l " + " ".join(known[name].log for name in sorted(known))).exit_status
    return judge_metadata(known, table, seen, run_status=quick, logs_exist=logs == 0)


def judge_metadata(
    known: Mapping[str, Container], table: str, seen: str, *, run_status: int, logs_exist: bool
) -> Verdict:
    """Whether `ps` tells everything, and the truth.

    Args:
        known: what `engine ps --format json` tells.
        table: what `engine ps` prints.
        seen: the kernel's word, a line each of PID, nice value, seconds since the start, command;
            and `now:` with the time.
        run_status: with what `engine run quick` ended.
        logs_exist: whether all log files are there.
    """
    by_id = dict(known)
    alpha, beta, quick = (one(by_id, name) for name in ("alpha", "beta", "quick"))
    now = fields(seen, "now")
    if not now:
        raise Unreadable("the guest's clock was not told")
    processes = {
        int(match[1]): (int(match[2]), int(now[0]) - int(match[3]), match[4])
        for match in re.finditer(r"^\s*(\d+)\s+(-?\d+)\s+(\d+)\s+(\S+)", seen, re.MULTILINE)
    }
    lines = [line.split() for line in table.splitlines()]
    live = [(alpha, NICE_ALPHA), (beta, NICE_BETA)]
    kernel = [processes.get(container.pid or 0, (99, 0, "")) for container, _ in live]
    return Verdict(
        (
            Condition(
                "`ps` has a line for each container with its id, PID and state",
                all(
                    any({each.id, str(each.pid), each.state} <= set(line) for line in lines)
                    for each in (alpha, beta, quick)
                ),
            ),
            Condition(
                "the PIDs of alpha and beta are processes of /cpu_hog",
                all(command == "/cpu_hog" for _, _, command in kernel),
            ),
            Condition(
                f"nice values are {NICE_ALPHA} and {NICE_BETA}, as the kernel has them",
                all(each.nice == nice for each, nice in live)
                and [nice for nice, _, _ in kernel] == [NICE_ALPHA, NICE_BETA],
            ),
            Condition(
                f"start times agree with the kernel's within {CLOCK_TOLERANCE:.0f} s",
                all(
                    each.started is not None and abs(each.started - began) <= CLOCK_TOLERANCE
                    for (each, _), (_, began, _) in zip(live, kernel, strict=True)
                ),
            ),
            Condition(
                "limits are the defaults, 40 MiB soft and 64 MiB hard",
                all((each.soft_limit, each.hard_limit) == (40 * MIB, 64 * MIB) for each, _ in live),
            ),
            Condition(
                f"quick ended by itself with exit code {QUICK_STATUS}, and `engine run` with the same",
                (quick.state, quick.reason, quick.exit_code, run_status)
                == ("exited", "exited", QUICK_STATUS, QUICK_STATUS),
            ),
            Condition(
                "every log file is where `ps` says", logs_exist and all(each.log for each in by_id.values())
            ),
        ),
        f"`ps` tells ten facts of each container, and those the kernel knows too (PID, nice value, start time) "
        f"agree; quick ended by itself with exit code {quick.exit_code}.",
        f"{len(by_id)} containers, ten facts each",
    )
