"""How containers end, and that the engine tells exactly how."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from testinfra.host import Host

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

FAULT = b"int main(void) { *(volatile int *)0 = 1; return 0; }"


def test_run_ends_with_the_programs_own_status(supervisor: Supervisor) -> None:
    """Its exit code, its output and its standard error, each where it belongs, and nothing of ours."""
    answer = supervisor.engine(
        "run", "seven", "/srv/a", "sh", "-c", "echo out; echo err >&2; exit 7", check=False
    )
    assert (answer.exit_status, answer.stdout, answer.stderr) == (7, b"out\n", b"err\n")
    record = supervisor.ps("seven")
    assert (record["state"], record["reason"]) == ("exited", "exited")
    assert (record["exit_code"], record["signal"], record["stopped_by"]) == (7, None, None)


@pytest.mark.parametrize(
    ("command", "status", "word"),
    [
        (["/no/such"], 127, "not found"),
        (["nosuch"], 127, "not found"),
        (["/lost"], 127, "interpreter"),
        (["/etc"], 126, "cannot be executed"),
        (["/etc/passwd"], 126, "executable"),
        (["/text"], 126, "cannot be executed"),
    ],
)
def test_a_program_that_did_not_start_is_no_success(
    supervisor: Supervisor, machine: Machine, command: list[str], status: int, word: str
) -> None:
    """`start` says why, with the statuses everybody uses, and leaves no record behind."""
    machine.run("cd /srv/a; echo '#!/no/interpreter' > lost; echo hello > text; chmod 755 lost text")
    answer = supervisor.engine("start", "never", "/srv/a", *command, check=False)
    assert (answer.exit_status, answer.stdout) == (status, b"")
    assert word in answer.error_text
    with pytest.raises(LookupError):
        supervisor.ps("never")


def test_a_failed_start_keeps_the_old_record_and_its_log(supervisor: Supervisor) -> None:
    """Until the new container has begun, the one before it is what `ps` and `logs` show."""
    supervisor.engine("run", "keep", "/srv/a", "echo first")
    assert supervisor.engine("start", "keep", "/srv/a", "/no/such", check=False).exit_status == 127
    assert supervisor.ps("keep")["reason"] == "exited"
    assert supervisor.engine("logs", "keep").stdout == b"first\n"


def test_stopped_by_term_or_by_kill(supervisor: Supervisor) -> None:
    """A program that handles SIGTERM ends by it; one that does not is killed after the grace period."""
    supervisor.engine(
        "start", "polite", "/srv/a", "sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.1; done"
    )
    supervisor.engine("start", "deaf", "/srv/b", "sleep", "1000")
    assert "SIGTERM" in supervisor.engine("stop", "polite").text
    assert "SIGKILL" in supervisor.engine("stop", "deaf").text
    polite, deaf = supervisor.ps("polite"), supervisor.ps("deaf")
    assert [polite[key] for key in ("reason", "stopped_by", "exit_code", "signal")] == [
        "stopped",
        "TERM",
        3,
        None,
    ]
    assert [deaf[key] for key in ("reason", "stopped_by", "exit_code", "signal")] == [
        "stopped",
        "KILL",
        None,
        9,
    ]


def test_killed_from_outside_and_by_its_own_fault(supervisor: Supervisor, machine: Machine) -> None:
    """SIGKILL from the host is `killed`; a fault of its own is `exited`, with the signal."""
    machine.write("/tmp/fault.c", FAULT)
    machine.run("cc -static -o /srv/a/fault /tmp/fault.c")
    assert supervisor.engine("run", "fault", "/srv/a", "/fault", check=False).exit_status == 128 + 11
    supervisor.engine("start", "victim", "/srv/a", "sleep", "1000")
    machine.run(f"kill -9 {supervisor.ps('victim')['pid']}")
    fault, victim = supervisor.ps("fault"), supervisor.ended("victim")
    assert (fault["reason"], fault["signal"], fault["exit_code"]) == ("exited", 11, None)
    assert (victim["reason"], victim["signal"], victim["stopped_by"]) == ("killed", 9, None)


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_a_signal_to_run_stops_the_container(supervisor: Supervisor, machine: Machine, signal: str) -> None:
    """`run` passes it on as `stop`, goes on waiting, and ends with the container's status."""
    program = "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    line = supervisor.line("run", "fore", "/srv/a", "sh", "-c", program)
    # From a script of its own, so that SIGINT is not ignored as it is for background jobs.
    script = f"""import os, signal, subprocess
run = subprocess.Popen("exec env " + {line!r}, shell=True, stdout=subprocess.PIPE, preexec_fn=os.setsid)
assert run.stdout.readline() == b'ready\\n'
os.killpg(run.pid, signal.SIG{signal})
print(run.stdout.read(), run.wait())"""
    machine.write("/tmp/fore.py", script.encode())
    assert machine.run("exec python3 /tmp/fore.py").text.endswith("b'bye\\n' 5")
    assert supervisor.ps("fore")["reason"] == "stopped"


def test_no_zombie_though_nobody_calls(supervisor: Supervisor, machine: Machine, host: Host) -> None:
    """Twenty containers that end at once are reaped at once; none is missed, none stays."""
    for number in range(4):
        machine.run(
            "; ".join(
                supervisor.line("start", f"quick{number}{i}", "/srv/a", "true")
                + " || "
                + supervisor.line("run", f"quick{number}{i}", "/srv/a", "true")
                for i in range(3)
            )
        )
    supervisor.engine("start", "parent", "/srv/b", "sh", "-c", "sleep 0.1 & sleep 0.3; exit 4")
    supervisor.wait(lambda: "sleep" not in machine.run("ps -eo comm").text, "its children have ended")
    children = host.process.filter(ppid=supervisor.pid)
    assert children and not [child.args for child in children if child.stat.startswith("Z")]
    assert supervisor.ended("parent")["exit_code"] == 4
    assert supervisor.ps("quick00")["exit_code"] == 0


def test_hard_limit_by_the_cgroup(supervisor: Supervisor) -> None:
    """Without the module, memory.max kills, and `ps` says that it was the hard limit."""
    supervisor.engine(
        "start", "fat", "/srv/a", "/memory_hog --child 2 20", "--soft-mib", "10", "--hard-mib", "30"
    )
    record = supervisor.ended("fat")
    assert (record["limits"], record["reason"], record["signal"]) == ("cgroup", "hard_limit_killed", 9)
    assert record["soft_limit_hit"] and record["hard_limit_hit"]
    total = int(supervisor.engine("logs", "fat").text.split()[-2])
    assert 10 < total <= 30


def test_limits_by_the_monitor(supervisor: Supervisor, machine: Machine) -> None:
    """With the module, the soft limit warns and the container lives on; the hard limit kills, and says so."""
    machine.run("insmod /usr/local/src/boxwright-monitor/monitor.ko")
    supervisor.engine("start", "warned", "/srv/a", "/memory_hog --max 16 4 50", "--soft-mib", "10")
    supervisor.engine("start", "greedy", "/srv/b", "/memory_hog 4 50", "--soft-mib", "10", "--hard-mib", "30")
    greedy = supervisor.ended("greedy")
    supervisor.wait(lambda: supervisor.ps("warned")["soft_limit_hit"], "the soft limit was passed")
    assert supervisor.ps("warned")["state"] == "running"
    machine.run(f"kill -9 {supervisor.ps('warned')['pid']}")
    assert (greedy["limits"], greedy["reason"], greedy["signal"]) == ("monitor", "hard_limit_killed", 9)
    warned = supervisor.ended("warned")
    assert (warned["reason"], warned["hard_limit_hit"]) == ("killed", False), (
        "not every SIGKILL is the limit's"
    )
    log = [line for line in machine.kernel_log() if f"container=greedy pid={greedy['pid']} " in line]
    assert ["Registering" in log[0], "SOFT LIMIT" in log[1], "HARD LIMIT" in log[2]] == [True] * 3
