"""`stop`, `kill`, `wait`, `rm`, `pause`, `unpause`: what is done to containers, and what is left of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

POLITE = "trap 'echo bye; exit 0' TERM; trap 'echo int; exit 5' INT; echo up; while :; do sleep 0.1; done"
STUBBORN = "trap 'echo no' TERM; echo up; while :; do sleep 0.1; done"


def begin(supervisor: Supervisor, *programs: str) -> list[str]:
    """Containers a, b, c … of these programs, each as far as its first line."""
    ids = ["a", "b", "c"][: len(programs)]
    supervisor.engine("rm", "-f", *ids, check=False)
    for identifier, program in zip(ids, programs, strict=True):
        supervisor.engine("start", identifier, f"/srv/{identifier}", "sh", "-c", program)
    for identifier in ids:
        supervisor.wait(
            lambda one=identifier: supervisor.engine("logs", one).text == "up", f"{identifier} is up"
        )
    return ids


def ends(supervisor: Supervisor, *ids: str) -> list[tuple[object, ...]]:
    """Of each: exit code, signal, reason, and by which signal it was stopped."""
    records = {one["id"]: one for one in json.loads(supervisor.engine("ps", "--format", "json").stdout)}
    keys = ("exit_code", "signal", "reason", "stopped_by")
    return [tuple(records[identifier][key] for key in keys) for identifier in ids]


def test_stop_many_at_once(supervisor: Supervisor) -> None:
    """Each by what it takes; one grace period for all, an unknown one hinders nobody."""
    begin(supervisor, POLITE, STUBBORN, STUBBORN)
    answer = supervisor.engine("stop", "-t", "1", "a", "nobody", "b", "c", check=False)
    assert answer.text.splitlines() == [
        "a stopped by SIGTERM",
        "b stopped by SIGKILL",
        "c stopped by SIGKILL",
    ]
    assert answer.exit_status == 125 and "no container nobody" in answer.error_text
    assert ends(supervisor, "a", "b", "c") == [
        (0, None, "stopped", "TERM"),
        (None, 9, "stopped", "KILL"),
        (None, 9, "stopped", "KILL"),
    ]
    assert supervisor.engine("stop", "a").text == "a has exited already"


def test_stop_with_another_signal_and_no_end_of_patience(supervisor: Supervisor, machine: Machine) -> None:
    """-s asks differently; -t 0 does not wait, -t -1 waits until somebody else ends it."""
    begin(supervisor, POLITE, STUBBORN)
    assert supervisor.engine("stop", "-s", "INT", "a").text == "a stopped by SIGINT"
    assert ends(supervisor, "a") == [(5, None, "stopped", "INT")]
    machine.run(
        f"({supervisor.line('stop', '--time=-1', 'b')} > /tmp/patient; echo $? >> /tmp/patient) > /dev/null 2>&1 &"
    )
    supervisor.wait(lambda: supervisor.engine("logs", "b").text == "up\nno", "it was asked")
    assert machine.run("cat /tmp/patient").text == "" and supervisor.ps("b")["state"] == "running"
    supervisor.engine("stop", "-t0", "b")
    supervisor.wait(
        lambda: machine.run("cat /tmp/patient").text == "b stopped by SIGKILL\n0", "the patient one hears"
    )
    for words in (["-s", "NOSUCH"], ["-t", "x"], ["-s", "0"], ["-t", "-2"]):
        assert supervisor.engine("stop", *words, "a", check=False).exit_status == 125


def test_kill(supervisor: Supervisor) -> None:
    """SIGKILL is the default and reads `killed`; a signal that the program handles is its own affair."""
    begin(supervisor, POLITE, POLITE, STUBBORN)
    assert supervisor.engine("kill", "a").text == "a"
    assert supervisor.engine("kill", "-s", "SIGINT", "b").text == "b"
    assert supervisor.engine("kill", "--signal", "15", "c").text == "c"
    supervisor.ended("a")
    supervisor.ended("b")
    assert ends(supervisor, "a", "b") == [(None, 9, "killed", None), (5, None, "exited", None)]
    supervisor.wait(lambda: supervisor.engine("logs", "c").text == "up\nno", "the third has heard")
    assert supervisor.ps("c")["state"] == "running"
    late = supervisor.engine("kill", "a", check=False)
    assert late.exit_status == 125 and "not running" in late.error_text


def test_wait(supervisor: Supervisor, machine: Machine) -> None:
    """It shows each status, as a shell says it, when it is there; and its own is 0."""
    begin(supervisor, POLITE, POLITE)
    waiter = supervisor.line("wait", "a", "b", "a")
    machine.run(f"({waiter} > /tmp/waiter; echo =$? >> /tmp/waiter) > /dev/null 2>&1 &")
    supervisor.engine("kill", "-s", "INT", "b")
    supervisor.ended("b")
    assert machine.run("cat /tmp/waiter").text == ""
    supervisor.engine("kill", "a")
    supervisor.wait(lambda: machine.run("cat /tmp/waiter").text == "137\n5\n=0", "both are told")
    assert supervisor.engine("wait", "b").text == "5"
    unknown = supervisor.engine("wait", "nobody", "b", check=False)
    assert (unknown.text, unknown.exit_status) == ("5", 125)


def test_rm(supervisor: Supervisor, machine: Machine) -> None:
    """Record and log go, the rootfs stays; a running one only by force."""
    begin(supervisor, POLITE, POLITE)
    supervisor.engine("stop", "a")
    refused = supervisor.engine("rm", "b", "a", check=False)
    assert (refused.text, refused.exit_status) == ("a", 125)
    assert "running" in refused.error_text and "rm -f" in refused.error_text
    assert supervisor.engine("rm", "-f", "b").text == "b"
    known = [one["id"] for one in json.loads(supervisor.engine("ps", "--format", "json").stdout)]
    assert not {"a", "b"} & set(known)
    logs = machine.run(f"ls -A {supervisor.state}/logs").text
    assert "a.log" not in logs and "b.log" not in logs
    assert machine.run("ls /srv/a/bin/sh /srv/b/bin/sh").ok
    assert supervisor.engine("rm", "a", check=False).exit_status == 125
    supervisor.engine("start", "--rm", "a", "/srv/a", "sh", "-c", STUBBORN)
    assert supervisor.engine("rm", "-f", "a").text == "a"


def test_pause(supervisor: Supervisor, machine: Machine) -> None:
    """Nothing in it moves, and it knows nothing of it; `ps` goes on to say `running`."""
    begin(supervisor, "echo up; while :; do echo >> /tmp/steps; done")
    steps = "stat -c %s /srv/a/tmp/steps"
    supervisor.wait(lambda: machine.run(steps, check=False).exit_status == 0, "it makes steps")
    supervisor.engine("pause", "a")
    record = supervisor.ps("a")
    assert (record["state"], record["paused"]) == ("running", True)
    stopped = machine.run(f"{steps}; sleep 0.3; {steps}").text.splitlines()
    assert len(stopped) == 2 and len(set(stopped)) == 1
    for words, said in (
        (["pause", "a"], "paused already"),
        (["exec", "a", "true"], "is paused"),
        (["unpause", "nobody"], "no container"),
    ):
        answer = supervisor.engine(*words, check=False)
        assert answer.exit_status == 125 and said in answer.error_text, words
    supervisor.engine("unpause", "a")
    assert supervisor.ps("a")["paused"] is False
    supervisor.wait(lambda: machine.run(steps).text.strip() != stopped[0], "it goes on")
    again = supervisor.engine("unpause", "a", check=False)
    assert again.exit_status == 125 and "not paused" in again.error_text


def test_a_paused_container_can_be_stopped_and_killed(supervisor: Supervisor) -> None:
    """`stop` lets it hear the first signal; SIGKILL ends it as it stands; another signal waits."""
    begin(supervisor, POLITE, STUBBORN, POLITE)
    supervisor.engine("pause", "a", "b", "c")
    assert supervisor.engine("stop", "a").text == "a stopped by SIGTERM"
    assert supervisor.engine("logs", "a").text == "up\nbye"
    supervisor.engine("kill", "b")
    assert supervisor.engine("wait", "b").text == "137"
    supervisor.engine("kill", "-s", "INT", "c")
    assert supervisor.ps("c")["state"] == "running"
    supervisor.engine("unpause", "c")
    assert supervisor.engine("wait", "c").text == "5"
    assert ends(supervisor, "a", "b", "c") == [
        (0, None, "stopped", "TERM"),
        (None, 9, "killed", None),
        (5, None, "exited", None),
    ]
    assert not any(supervisor.ps(one)["paused"] for one in "abc")


def test_a_shutdown_with_a_paused_container(doomed: Supervisor, machine: Machine) -> None:
    """And with clients that wait for events, for statistics and for the end of a container."""
    doomed.engine(
        "start",
        "ice",
        "/srv/a",
        "sh",
        "-c",
        "trap 'echo bye; exit 0' TERM; echo up; while :; do sleep 0.1; done",
    )
    doomed.wait(lambda: doomed.engine("logs", "ice").text == "up", "it is up")
    doomed.engine("pause", "ice")
    clients = {
        "events": ["events"],
        "all": ["stats", "--format", "json"],
        "one": ["stats", "ice"],
        "wait": ["wait", "ice"],
    }
    machine.run("rm -f /tmp/out-* /tmp/end-*")
    for name, words in clients.items():
        line = doomed.line(*words)
        machine.run(f"({line} > /tmp/out-{name}; echo $? > /tmp/end-{name}) > /dev/null 2>&1 &")
    doomed.wait(lambda: machine.run("test -s /tmp/out-one", check=False).ok, "they are served")
    pid = doomed.pid
    machine.run(f"kill -TERM {pid}")
    doomed.wait(lambda: not machine.run(f"test -d /proc/{pid}", check=False).ok, "it has ended")
    # The supervisor does not wait for its clients: they may still have to write what they were sent.
    ended = " && ".join(f"test -s /tmp/end-{name}" for name in clients)
    doomed.wait(lambda: machine.run(ended, check=False).ok, "its clients have ended")
    assert machine.run(f"cat {doomed.state}/logs/ice.log").text == "up\nbye"
    assert machine.run("cat /tmp/out-wait").text == "0"
    last = machine.run("tail -n 1 /tmp/out-events").text
    assert json.loads(last)["event"] == "exit" and json.loads(last)["reason"] == "stopped"
    assert machine.run("cat /tmp/end-events /tmp/end-all /tmp/end-one").text.split() == ["0", "0", "0"]
