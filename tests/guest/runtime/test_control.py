"""The supervisor's own life, and the clients it meets."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from testinfra.host import Host

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

ARGUMENTS = ["two  words", "", "new\nline", "tab\t", "'\"\\$HOME`*", "--not-ours", "--", "--nice", "5"]

RUDE = """
import os, socket, time
def connect():
    s = socket.socket(socket.AF_UNIX); s.connect("%s/engine.sock"); return s
silent = [connect() for _ in range(300)]
half = connect(); half.sendall(b"bxw2" + (100).to_bytes(4, "big") + b"ab")
for junk in (b"GET / HTTP/1.0\\r\\n\\r\\n", b"bxw2" + b"\\xff" * 4, b"bxw2" + bytes(4), os.urandom(4096),
             b"bxw2\\0\\0\\0\\3abc"):
    s = connect()
    try: s.sendall(junk)
    except OSError: pass
    s.close()
body = b"/\\0\\0ps\\0"
gone = connect(); gone.sendall(b"bxw2" + len(body).to_bytes(4, "big") + body); gone.close()
slow = connect()
for byte in b"bxw2" + len(body).to_bytes(4, "big") + body:
    slow.send(bytes([byte])); time.sleep(0.01)
assert slow.recv(10)[0] == 1
print("done", flush=True)
time.sleep(1000)
"""


def test_arguments_arrive_unchanged(supervisor: Supervisor, machine: Machine) -> None:
    """Spaces, newlines, quotes, empty words, options of others, and everything behind a `--`."""
    script = 'for a in "$@"; do printf "%s\\0" "$a"; done'
    answer = supervisor.engine("run", "args", "/srv/a", "sh", "-c", script, "x", *ARGUMENTS)
    assert answer.stdout.decode().split("\0")[:-1] == ARGUMENTS
    raw = machine.run(supervisor.line("run", "raw", "/srv/a", "printf", "%s") + " \"$(printf 'a\\377b')\"")
    assert raw.stdout == b"a\xffb"


def test_relative_rootfs_and_one_quoted_command(supervisor: Supervisor, machine: Machine) -> None:
    """A relative path begins where the client stands; one word is split as a shell would."""
    assert (
        machine.run(
            f"cd /srv; {supervisor.line('run', 'rel', 'a', chr(39).join(['echo ', 'a  b', ' c']))}"
        ).text
        == "a  b c"
    )


@pytest.mark.parametrize("identifier", ["../x", "", "a" * 32, ".hidden", "a/b", "-x", "a b", "ä"])
def test_a_bad_id_is_refused_and_touches_nothing(
    supervisor: Supervisor, machine: Machine, identifier: str
) -> None:
    """Whatever is not an id is an error, and leaves no file."""
    tree = f"find {supervisor.state} /srv -maxdepth 2"
    before = machine.run(tree).stdout
    answer = supervisor.engine("start", "--", identifier, "/srv/a", "true", check=False)
    assert (answer.exit_status, answer.stdout) == (125, b"")
    assert "is not a container id" in answer.error_text
    assert machine.run(tree).stdout == before


def test_errors_say_what_to_do(supervisor: Supervisor) -> None:
    """No command, an unknown one, an unknown container, limits that contradict each other."""
    assert "Usage:" in supervisor.engine(check=False).error_text
    for words, said in {
        (): "Usage:",
        ("frob",): "not a command",
        ("logs", "nobody"): "engine ps",
        ("stop", "nobody"): "engine ps",
        ("start", "x", "/srv/a", "true", "--soft-mib", "9", "--hard-mib", "8"): "above the hard limit",
        ("start", "x", "/srv/a", "true", "--nice", "20"): "-20 to 19",
        ("start", "x", "/nowhere", "true"): "No such file",
        ("start", "x", "/", "true"): "host's own root",
        ("start", "x", "/srv/a", "true", "--cpuset", "99"): "no CPU 99",
    }.items():
        answer = supervisor.engine(*words, check=False)
        assert (answer.exit_status, answer.stdout) == (125, b""), words
        assert said in answer.error_text, words
    assert supervisor.engine("run", "--help").text.startswith("engine run")


def test_rude_clients_disturb_nobody(supervisor: Supervisor, machine: Machine) -> None:
    """Hundreds of silent ones, half requests, garbage, and one that leaves before the answer."""
    machine.write("/tmp/rude.py", (RUDE % supervisor.state).encode())
    machine.run("systemd-run -q --unit=rude -p StandardOutput=file:/tmp/rude.out python3 /tmp/rude.py")
    supervisor.wait(
        lambda: b"done" in machine.run("cat /tmp/rude.out", check=False).stdout, "they have been rude", 60
    )
    assert supervisor.engine("run", "calm", "/srv/a", "echo fine").stdout == b"fine\n"
    machine.run("systemctl stop rude")
    assert "Traceback" not in supervisor.output


def test_the_socket_is_for_root_only(supervisor: Supervisor, host: Host) -> None:
    """Whoever may start containers is root on the host."""
    socket = host.file(f"{supervisor.state}/engine.sock")
    assert socket.is_socket and socket.user == "root" and socket.mode == 0o600


def test_one_supervisor_a_folder(doomed: Supervisor, machine: Machine) -> None:
    """A second one refuses and changes nothing; after a SIGKILL the next takes over, and nothing is left."""
    second = doomed.engine("supervisor", "/srv/boxwright/rootfs-base", check=False)
    assert second.exit_status == 125 and "another supervisor" in second.error_text
    doomed.engine("start", "orphan", "/srv/a", "sh", "-c", "sleep 1001 & exec sleep 1002")
    zygote = machine.run(f"pgrep -P {doomed.pid} -f zygote_main").text
    machine.run(f"kill -9 {doomed.pid}")
    doomed.wait(lambda: not machine.run(f"test -d /proc/{zygote}", check=False).ok, "the zygote is gone")
    doomed.wait(lambda: not machine.run("pgrep -f 'sleep 100[12]'", check=False).text, "no container is left")
    dead = doomed.engine("ps", check=False)
    assert dead.exit_status == 125 and "no supervisor answers" in dead.error_text
    machine.run(f"systemctl reset-failed {doomed.unit}; systemctl stop {doomed.unit}", check=False)
    doomed.start()
    assert doomed.engine("run", "orphan", "/srv/a", "echo again").stdout == b"again\n"
    doomed.wait(
        lambda: not machine.run("ls -d /sys/fs/cgroup/boxwright/orphan-*", check=False).ok,
        "old cgroups are gone",
    )


def test_an_orderly_shutdown(doomed: Supervisor, machine: Machine) -> None:
    """SIGTERM: containers stopped, logs whole, a waiting `run` told, the socket gone, exit 0."""
    program = "trap 'echo last words; exit 0' TERM; echo up; while :; do sleep 0.1; done"
    doomed.engine("start", "back", "/srv/a", "sh", "-c", program)
    run = doomed.line("run", "front", "/srv/b", "sh", "-c", program)
    machine.run(f"({run} > /tmp/front; echo $? >> /tmp/front) > /dev/null 2>&1 &")
    doomed.wait(lambda: machine.run("cat /tmp/front", check=False).text == "up", "the second is up")
    doomed.wait(lambda: doomed.engine("logs", "back").text == "up", "the first is up")
    pid = doomed.pid
    machine.run(f"kill -TERM {pid}")
    doomed.wait(lambda: not machine.run(f"test -d /proc/{pid}", check=False).ok, "it has ended")
    assert machine.run(f"systemctl show -P ExecMainStatus {doomed.unit}").text == "0"
    assert machine.run(f"cat {doomed.state}/logs/back.log").text == "up\nlast words"
    doomed.wait(lambda: machine.run("cat /tmp/front").text.endswith("\n0"), "the waiting client has ended")
    assert machine.run("cat /tmp/front").text == "up\nlast words\n0"
    assert not machine.run(f"ls {doomed.state}/engine.sock", check=False).ok
    assert not machine.run(
        "ls -d /sys/fs/cgroup/boxwright/back-* /sys/fs/cgroup/boxwright/front-*", check=False
    ).ok


def test_ps_for_people_and_for_programs(supervisor: Supervisor) -> None:
    """One line a container, one word a column; the same in JSON."""
    supervisor.engine("run", "seen", "/srv/a", "true", "--soft-mib", "5", "--hard-mib", "6", "--nice", "3")
    table = supervisor.engine("ps").text.splitlines()
    line = next(line for line in table if line.startswith("seen "))
    cells = dict(zip(table[0].split(), line.split(), strict=True))
    record = supervisor.ps("seen")
    assert [cells[key] for key in ("PID", "STATE", "SOFT", "HARD", "NICE", "EXIT", "REASON")] == [
        str(record["pid"]),
        "exited",
        "5M",
        "6M",
        "3",
        "0",
        "exited",
    ]
    assert cells["LOG"] == record["log"] == f"{supervisor.state}/logs/seen.log"
    assert record["soft_limit_bytes"] == 5 << 20 and record["started"].startswith(cells["STARTED"][:-1])
    assert json.loads(supervisor.engine("ps", "--format", "json").stdout)
