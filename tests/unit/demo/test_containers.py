"""Verdicts 1 to 4 with evidence as a good guest gives it, and with each way in which it can be broken."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lab.demo.control import Conversation, judge_control
from lab.demo.facts import MIB, Container, Unreadable
from lab.demo.logs import expected_log, judge_logs
from lab.demo.model import Verdict
from lab.demo.supervision import judge_metadata, judge_supervision

Fails = Callable[[Verdict, str], None]
SUPERVISOR = 751
NOW = 1_795_509_573


def container(identifier: str, pid: int, **others: Any) -> Container:
    good = Container(
        id=identifier,
        pid=pid,
        state="running",
        started=NOW - 5.2,
        soft_limit=40 * MIB,
        hard_limit=64 * MIB,
        nice=0,
        exit_code=None,
        signal=None,
        reason=None,
        stopped_by=None,
        log=f"/var/log/boxwright/{identifier}.log",
        limits="monitor",
    )
    return replace(good, **others)


ALPHA = container("alpha", 767, nice=-5)
BETA = container("beta", 772, nice=10)
QUICK = container("quick", 793, state="exited", exit_code=7, reason="exited")
KNOWN = {each.id: each for each in (ALPHA, BETA, QUICK)}


# --- 1 ---

STATUS = "Name:\tcpu_hog\nPPid:\t751\nNSpid:\t767\t1\nName:\tcpu_hog\nPPid:\t751\nNSpid:\t772\t1"
NAMESPACES = "751 pid:[1] uts:[2] mnt:[3]\n767 pid:[11] uts:[12] mnt:[13]\n772 pid:[21] uts:[22] mnt:[23]"


def test_supervision_holds() -> None:
    verdict = judge_supervision(SUPERVISOR, KNOWN, STATUS, NAMESPACES)
    assert verdict.holds, verdict.why
    assert "767" in verdict.why and "772" in verdict.why


@pytest.mark.parametrize(
    ("known", "status", "namespaces", "words"),
    [
        ({**KNOWN, "beta": replace(BETA, state="exited")}, STATUS, NAMESPACES, "running"),
        (
            KNOWN,
            STATUS.replace("PPid:\t751\nNSpid:\t772", "PPid:\t1\nNSpid:\t772"),
            NAMESPACES,
            "one supervisor",
        ),
        (KNOWN, STATUS.replace("\t772\t1", "\t772"), NAMESPACES, "process 1"),
        (KNOWN, STATUS.replace("\t767\t1", "\t767\t5"), NAMESPACES, "process 1"),
        (KNOWN, STATUS, NAMESPACES.replace("uts:[22]", "uts:[2]"), "namespaces differ"),
        (KNOWN, STATUS, NAMESPACES.replace("mnt:[23]", "mnt:[13]"), "namespaces differ"),
        (KNOWN, STATUS, NAMESPACES.splitlines()[0], "namespaces differ"),
    ],
)
def test_supervision_can_fail(
    known: dict[str, Container], status: str, namespaces: str, words: str, fails: Fails
) -> None:
    fails(judge_supervision(SUPERVISOR, known, status, namespaces), words)


def test_supervision_without_the_container() -> None:
    with pytest.raises(Unreadable, match="beta"):
        judge_supervision(SUPERVISOR, {"alpha": ALPHA}, STATUS, NAMESPACES)


# --- 2 ---

TABLE = "ID PID STATE\nalpha 767 running\nbeta 772 running\nquick 793 exited"
SEEN = f"    767  -5       5 /cpu_hog 600\n    772  10       4 /cpu_hog 600\nnow: {NOW}"


def test_metadata_holds() -> None:
    verdict = judge_metadata(KNOWN, TABLE, SEEN, run_status=7, logs_exist=True)
    assert verdict.holds, verdict.why


@pytest.mark.parametrize(
    ("known", "table", "seen", "words"),
    [
        (KNOWN, TABLE.replace("beta 772 running", "beta 772 starting"), SEEN, "a line for each"),
        (KNOWN, TABLE, SEEN.replace("/cpu_hog 600\n    772", "sleep 600\n    772"), "processes of /cpu_hog"),
        (KNOWN, TABLE, SEEN.replace("  -5 ", "   0 "), "nice values"),
        ({**KNOWN, "beta": replace(BETA, nice=0)}, TABLE, SEEN, "nice values"),
        ({**KNOWN, "alpha": replace(ALPHA, started=NOW - 60)}, TABLE, SEEN, "start times"),
        ({**KNOWN, "alpha": replace(ALPHA, started=None)}, TABLE, SEEN, "start times"),
        ({**KNOWN, "alpha": replace(ALPHA, hard_limit=64)}, TABLE, SEEN, "limits"),
        ({**KNOWN, "quick": replace(QUICK, exit_code=0)}, TABLE, SEEN, "exit code 7"),
        ({**KNOWN, "quick": replace(QUICK, reason="killed")}, TABLE, SEEN, "exit code 7"),
        ({**KNOWN, "beta": replace(BETA, log="")}, TABLE, SEEN, "log file"),
    ],
)
def test_metadata_can_fail(
    known: dict[str, Container], table: str, seen: str, words: str, fails: Fails
) -> None:
    fails(judge_metadata(known, table, seen, run_status=7, logs_exist=True), words)


def test_metadata_needs_the_status_of_run_and_the_logs(fails: Fails) -> None:
    fails(judge_metadata(KNOWN, TABLE, SEEN, run_status=0, logs_exist=True), "exit code 7")
    fails(judge_metadata(KNOWN, TABLE, SEEN, run_status=7, logs_exist=False), "log file")


# --- 3 ---

LOGS = {
    "alpha": "cpu_hog: 3 s, iterations 9\ncpu_hog: 4 s, iterations 12",
    "beta": "cpu_hog: 2 s, iterations 1",
}
PIPES = (
    "767: pipe:[3047] pipe:[3047]\n772: pipe:[3579] pipe:[3579]\nsupervisor: pipe:[3047] pipe:[3579] pipe:[9]"
)
THREADS = "      7 engine"
DIGEST = hashlib.sha256(expected_log()).hexdigest()
SUMS = f"{DIGEST}  -\n{len(expected_log())}"


def test_logs_hold() -> None:
    verdict = judge_logs(LOGS, PIPES, THREADS, SUMS, f"{DIGEST}  -")
    assert verdict.holds, verdict.why


@pytest.mark.parametrize(
    ("logs", "pipes", "threads", "sums", "words"),
    [
        ({**LOGS, "beta": ""}, PIPES, THREADS, SUMS, "what /cpu_hog printed"),
        ({**LOGS, "beta": "cpu_hog: 2 s\nmemory_hog: 1"}, PIPES, THREADS, SUMS, "what /cpu_hog printed"),
        (LOGS, PIPES.replace("pipe:[3579] pipe:[9]", "pipe:[9]"), THREADS, SUMS, "holds the other ends"),
        (LOGS, PIPES.replace("772: pipe:[3579] pipe:[3579]", "772: /dev/null"), THREADS, SUMS, "other ends"),
        (LOGS, PIPES.replace("3579", "3047"), THREADS, SUMS, "no pipe is shared"),
        (LOGS, PIPES, "      1 engine", SUMS, "threads"),
        (LOGS, PIPES, THREADS, SUMS.replace(DIGEST, "0" * 64), "arrived whole"),
        (LOGS, PIPES, THREADS, f"{DIGEST}  -\n1288894", "arrived whole"),
    ],
)
def test_logs_can_fail(
    logs: dict[str, str], pipes: str, threads: str, sums: str, words: str, fails: Fails
) -> None:
    fails(judge_logs(logs, pipes, threads, sums, f"{DIGEST}  -"), words)


def test_logs_unreadable() -> None:
    with pytest.raises(Unreadable):
        judge_logs(LOGS, PIPES, THREADS, "", f"{DIGEST}  -")


# --- 4 ---

TALK = Conversation(
    listeners='u_str LISTEN 0 512 /run/boxwright/engine.sock 3540 * 0 users:(("engine",pid=751,fd=9))',
    permissions="socket srw------- root",
    after_start=container("delta", 855),
    start_status=0,
    after_stop=container("delta", 855, state="exited", reason="stopped", stopped_by="TERM", exit_code=0),
    stop_status=0,
    log="asked to stop",
    stranger_status=125,
    stranger_answer="engine: there is no container nobody.",
    unreachable_status=125,
    unreachable_answer="engine: no supervisor answers at /run/nowhere/engine.sock.",
)


def test_control_holds() -> None:
    verdict = judge_control(SUPERVISOR, TALK)
    assert verdict.holds, verdict.why


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"listeners": TALK.listeners.replace("pid=751", "pid=7512")}, "listens"),
        ({"listeners": ""}, "listens"),
        ({"permissions": "socket srwxrwxrwx root"}, "only root"),
        ({"permissions": "socket srw------- student"}, "only root"),
        ({"permissions": "fifo prw------- root"}, "only root"),
        ({"start_status": 1}, "`start` was obeyed"),
        ({"after_start": container("delta", 855, state="exited")}, "`start` was obeyed"),
        ({"stop_status": 1}, "`stop` was obeyed"),
        ({"after_stop": TALK.after_start}, "`stop` was obeyed"),
        ({"after_stop": replace(TALK.after_stop, reason="killed")}, "`stop` was obeyed"),
        ({"after_stop": replace(TALK.after_stop, stopped_by="KILL")}, "`stop` was obeyed"),
        ({"log": ""}, "`stop` was obeyed"),
        ({"stranger_status": 0}, "unknown container"),
        ({"stranger_answer": ""}, "unknown container"),
        ({"unreachable_status": 0}, "without the socket"),
        ({"unreachable_answer": ""}, "without the socket"),
    ],
)
def test_control_can_fail(changes: dict[str, Any], words: str, fails: Fails) -> None:
    fails(judge_control(SUPERVISOR, replace(TALK, **changes)), words)
