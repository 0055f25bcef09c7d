"""`inspect`, `top`, `stats`, `events`, and what `ps` shows to whom: the truth, while it is true."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

SERVER = "trap 'exit 0' TERM; echo up; while :; do sleep 0.1; done"


def begin(supervisor: Supervisor, identifier: str, *options: str, program: str = SERVER) -> int:
    """A container under /srv/<id>, as far as its first line; its PID."""
    supervisor.engine("rm", "-f", identifier, check=False)
    supervisor.engine("start", identifier, f"/srv/{identifier}", *options, "--", "sh", "-c", program)
    supervisor.wait(lambda: supervisor.engine("logs", identifier).text == "up", f"{identifier} is up")
    return int(supervisor.ps(identifier)["pid"])


def on_terminal(machine: Machine, line: str, columns: int, rows: int = 24) -> str:
    """What a command line shows on a terminal of that size."""
    shown = machine.run(
        f"TERM=xterm script -qec 'stty cols {columns} rows {rows}; {line}' /dev/null < /dev/null", check=False
    )
    return shown.stdout.decode().replace("\r\n", "\n")


def plain(text: str) -> str:
    return re.sub(r"\033\[[0-9;]*[A-Za-z]", "", text)


def test_inspect_agrees_with_the_kernel(supervisor: Supervisor, machine: Machine) -> None:
    """Namespaces, cgroup, mounts, limits, environment; null what is no more."""
    pid = begin(supervisor, "a", "--soft-mib", "20", "--hard-mib", "30", "--nice", "4")
    (found,) = json.loads(supervisor.engine("inspect", "a").stdout)
    assert {key: found[key] for key in supervisor.ps("a")} == supervisor.ps("a")
    for name, inode in found["namespaces"].items():
        assert machine.run(f"stat -Lc %i /proc/{pid}/ns/{name}").text == str(inode)
    assert set(found["namespaces"]) >= {"pid", "mnt", "uts", "ipc", "net", "user", "cgroup"}
    assert found["cgroup"] == "/sys/fs/cgroup" + machine.run(f"cut -d: -f3 /proc/{pid}/cgroup").text
    targets = machine.run(f"cut -d' ' -f5 /proc/{pid}/mountinfo").text.splitlines()
    assert [mount["target"] for mount in found["mounts"]] == targets
    assert found["environment"]["HOSTNAME"] == "a" and found["working_directory"] == "/"
    assert found["rlimits"]["RLIMIT_NOFILE"][0] == int(
        machine.run(f"awk '/open files/ {{print $4}}' /proc/{pid}/limits").text
    )
    assert pid in found["usage"]["processes"] and found["usage"]["memory_bytes"] > 0
    supervisor.engine("stop", "a")
    both = supervisor.engine("inspect", "nobody", "a", check=False)
    (found,) = json.loads(both.stdout)
    assert both.exit_status == 125 and "no container nobody" in both.error_text
    assert (found["id"], found["namespaces"], found["usage"]) == ("a", None, None)


def test_top_shows_every_process(supervisor: Supervisor, machine: Machine) -> None:
    """As the host sees them, and those of `exec` too."""
    pid = begin(supervisor, "a", program="echo up; sleep 1111 & exec sleep 2222")
    machine.run(f"({supervisor.line('exec', 'a', 'sleep', '3333')}) > /dev/null 2>&1 &")

    def shown() -> dict[str, Any]:
        found = json.loads(supervisor.engine("top", "a", "--format", "json").stdout)
        return {" ".join(one["command"]): one for one in found}

    supervisor.wait(lambda: "sleep 3333" in shown(), "the last one is there")
    assert set(shown()) == {"sleep 1111", "sleep 2222", "sleep 3333"}
    assert (shown()["sleep 2222"]["pid"], shown()["sleep 2222"]["pid_inside"]) == (pid, 1)
    assert shown()["sleep 1111"]["ppid"] == pid and shown()["sleep 3333"]["ppid"] == supervisor.pid
    for one in shown().values():
        assert machine.run(f"tr '\\0' ' ' < /proc/{one['pid']}/cmdline").text.strip() == " ".join(
            one["command"]
        )
    lines = supervisor.engine("top", "a").text.splitlines()
    assert (
        lines[0].split() == ["PID", "INSIDE", "PPID", "STATE", "RSS", "TIME", "COMMAND"] and len(lines) == 4
    )
    supervisor.engine("kill", "a")
    supervisor.ended("a")
    assert supervisor.engine("top", "a", check=False).exit_status == 125


def test_stats_tell_what_is_used(supervisor: Supervisor, machine: Machine) -> None:
    """A busy one near its share of a CPU, an idle one near none; memory against both limits."""
    begin(supervisor, "a", program="echo up; while :; do :; done")
    begin(supervisor, "b", "--soft-mib", "8", "--hard-mib", "16", program="echo up; exec sleep 999")
    samples = {
        one["id"]: one
        for one in json.loads(supervisor.engine("stats", "--no-stream", "--format", "json").stdout)
    }
    assert samples["a"]["cpu_percent"] > 30 and samples["b"]["cpu_percent"] < 10
    assert samples["b"]["hard_limit_bytes"] == 16 << 20 and 0 < samples["b"]["memory_bytes"] < 16 << 20
    assert samples["a"]["pids"] == samples["b"]["pids"] == 1
    table = supervisor.engine("stats", "--no-stream", "b", "a").text.splitlines()
    assert [line.split()[0] for line in table] == ["ID", "b", "a"]
    assert all(len(line.split()) == len(table[0].split()) for line in table)
    # Live, of one that ends: a line each second, and an end by itself.
    supervisor.engine("stop", "-t", "0", "a")
    begin(supervisor, "a", program="echo up; exec sleep 4")
    lines = supervisor.engine("stats", "--format", "json", "a").text.splitlines()
    assert len(lines) >= 2 and all(json.loads(line)[0]["id"] == "a" for line in lines)
    assert json.loads(lines[-1])[0]["memory_bytes"] is None
    live = on_terminal(machine, f"timeout -s INT 4 env {supervisor.line('stats')}", 60, 10)
    assert live.count("\033[H") >= 2 and "\033[J" in live
    assert "of 8M/16M" in live and max(map(len, plain(live).splitlines())) <= 60
    assert supervisor.engine("stats", "nobody", check=False).exit_status == 125


@pytest.mark.parametrize("limits", ["--hard-mib=64", "--hard-mib=12"])
def test_events_tell_what_happens_in_order(supervisor: Supervisor, machine: Machine, limits: str) -> None:
    """Live, and afterwards; from the start to the removal."""
    supervisor.engine("rm", "-f", "a", check=False)
    earlier = machine.run("date +%s.%N").text
    supervisor.engine("run", "--rm", "a", "/srv/a", "true")
    listen = supervisor.line("events", "--since", earlier, "--filter", "id=a")
    machine.run(f"({listen} > /tmp/live; echo end >> /tmp/live) > /dev/null 2>&1 &")
    supervisor.wait(lambda: '"remove"' in machine.run("cat /tmp/live").text, "it listens")
    began = float(machine.run("date +%s.%N").text)
    if limits == "--hard-mib=12":
        answer = supervisor.engine(
            "run", "a", "/srv/a", "/memory_hog", "1", "50", "--soft-mib=6", limits, check=False
        )
        assert answer.exit_status == 137
        expected = ["start", "soft", "hard", "exit", "remove"]
    else:
        begin(supervisor, "a", limits)
        for words in (
            ["exec", "a", "true"],
            ["pause", "a"],
            ["unpause", "a"],
            ["kill", "-s", "USR1", "a"],
            ["stop", "a"],
        ):
            supervisor.engine(*words)
        expected = ["start", "exec", "exec_exit", "pause", "unpause", "kill", "stop", "exit", "remove"]
    supervisor.engine("rm", "a")
    past = [
        json.loads(line)
        for line in supervisor.engine(
            "events", "--since", f"{began:.6f}", "--until", "0s", "--filter", "name=a"
        ).text.splitlines()
    ]
    assert [event["event"] for event in past if event["event"] in expected] == expected
    assert all(event["id"] == "a" for event in past)
    assert [event["time"] for event in past] == sorted(event["time"] for event in past)
    end = next(event for event in past if event["event"] == "exit")
    assert end["reason"] == ("hard_limit_killed" if limits == "--hard-mib=12" else "stopped")

    def live() -> list[dict[str, object]]:
        whole = machine.run("cat /tmp/live").stdout.decode().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    supervisor.wait(lambda: live()[-len(past) :] == past, "the listener has it all")
    some = supervisor.engine("events", "--since", f"{began:.6f}", "--until", "0s", "--filter", "event=exit")
    assert [json.loads(line)["event"] for line in some.text.splitlines()] == ["exit"]
    machine.run("pkill -INT -f '[e]vents --since'")


def test_ps_filters(supervisor: Supervisor) -> None:
    """Docker's -a, -q and --filter; everything is shown without -a as well."""
    for identifier in ("a", "b", "c"):
        begin(supervisor, identifier)
    supervisor.engine("stop", "b")
    supervisor.engine("kill", "c")
    supervisor.ended("c")

    def ids(*words: str) -> list[str]:
        return supervisor.engine("ps", "-q", *words).text.split()

    everything = ids()
    assert {"a", "b", "c"} <= set(everything) and ids("-a") == everything
    assert ids("--filter", "status=running") == ["a"]
    assert "a" not in ids("-f", "status=exited")
    assert ids("-f", "reason=killed", "-f", "id=c") == ["c"]
    assert set(ids("-f", "reason=killed", "-f", "reason=stopped")) >= {"b", "c"}
    assert ids("-f", "status=running", "-f", "reason=stopped") == []
    assert "c" in ids("-f", "exited=137") and "b" in ids("-f", "exited=0")
    rows = supervisor.engine("ps", "--filter", "name=a").text.splitlines()
    assert rows[0].startswith("ID ") and any(row.startswith("a ") for row in rows)
    for words in (["-f", "status=gone"], ["-f", "colour=red"], ["-f", "status"], ["--format", "xml"], ["a"]):
        assert supervisor.engine("ps", *words, check=False).exit_status == 125, words


def test_ps_on_a_terminal(supervisor: Supervisor, machine: Machine) -> None:
    """Drawn to its width; the plain table for files, for dumb terminals, and where colours are not wanted."""
    begin(supervisor, "a")
    begin(supervisor, "b")
    supervisor.engine("pause", "b")
    begin(supervisor, "c")
    supervisor.engine("stop", "-t", "0", "c")
    table = supervisor.engine("ps").text
    for columns in (200, 80, 40, 10):
        shown = on_terminal(machine, supervisor.line("ps"), columns)
        assert "\033[" in shown and max(map(len, plain(shown).splitlines())) <= columns, columns
    shown = on_terminal(machine, supervisor.line("ps"), 120)
    lines = {line.split()[0]: line for line in plain(shown).splitlines()}
    assert "running" in lines["a"] and "ago" in lines["a"] and "of 40M/64M" in lines["a"]
    assert "paused" in lines["b"] and "stopped by KILL" in lines["c"]
    for environment in ("NO_COLOR=1", "TERM=dumb", "TERM="):
        line = f"env {environment} {supervisor.line('ps')}"
        if environment == "TERM=":
            line = line.replace("env TERM=", "env -u TERM")
        assert on_terminal(machine, line, 80).rstrip("\n") == table
    assert supervisor.engine("ps").text == table and "\033" not in table
    for identifier in ("a", "b", "c"):
        supervisor.engine("rm", "-f", identifier)
