"""What `start` and `run` can be asked for besides: each option does it, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from lab.machine.protocol import Machine

if TYPE_CHECKING:
    from conftest import Supervisor

TABLE = "cat /proc/self/mountinfo; ls /sys/fs/cgroup/boxwright"


@pytest.fixture(autouse=True)
def tidy(supervisor: Supervisor, machine: Machine) -> Iterator[None]:
    """Mounts and cgroups of the host are after each test what they were before; so are the threads."""
    before = supervisor.settled(lambda: machine.run(TABLE).text)
    yield
    supervisor.wait_for_same(lambda: machine.run(TABLE).text, before, "the host is as before")
    assert "Traceback" not in supervisor.output


def shell(supervisor: Supervisor, script: str, *options: str, check: bool = True) -> str:
    """What a shell script in a container says."""
    return supervisor.engine("run", *options, "box", "/srv/a", "sh", "-c", script, check=check).text


def test_hostname_workdir_and_environment(supervisor: Supervisor, machine: Machine) -> None:
    """`-h`, `-w`, `-e` with and without a value, `--env-file`; a folder that is not there is an error."""
    machine.write("/tmp/vars", b"# nothing\nFROM_FILE=1\nMINE\n")
    line = supervisor.line(
        *("run", "-h", "web.lab", "-w", "/etc", "-e", "A=x y", "-e", "MINE", "-e", "UNSET"),
        *("--env-file", "./vars", "box", "/srv/a", "sh", "-c", "hostname; pwd; env"),
    )
    lines = machine.run(f"cd /tmp; export MINE='of the client'; {line}").text.splitlines()
    assert lines[:2] == ["web.lab", "/etc"]
    assert {"HOSTNAME=web.lab", "A=x y", "MINE=of the client", "FROM_FILE=1"} <= set(lines)
    assert not [word for word in lines if word.startswith(("UNSET", "ENGINE_STATE"))]
    answer = supervisor.engine("run", "-w", "/nowhere", "box", "/srv/a", "true", check=False)
    assert answer.exit_status == 125 and "working directory" in answer.error_text


def test_init_reaps_passes_signals_on_and_is_small(supervisor: Supervisor) -> None:
    """Orphans do not stay as zombies, SIGTERM ends a program without a handler, the status is its own."""
    orphans = "(sh -c 'sleep 0.1 & sleep 0.1 &' &) ; sleep 1; ps -o stat= | grep -c Z; echo $$; exit 7"
    answer = supervisor.engine("run", "--init", "reap", "/srv/a", "sh", "-c", orphans, check=False)
    assert (answer.exit_status, answer.text.split()) == (7, ["0", "2"])
    supervisor.engine("start", "--init", "sleeper", "/srv/a", "sleep", "1000")
    assert "SIGTERM" in supervisor.engine("stop", "sleeper").text
    assert supervisor.ps("sleeper")["exit_code"] == 128 + 15
    status = shell(supervisor, "cat /proc/1/status; ls -l /proc/1/exe /proc/1/fd", "--init")
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(values["VmRSS"].split()[0]) < 1024, "what PID 1 takes is taken from the container"
    assert values["CapEff"] == "00000000a80425fb" and values["NoNewPrivs"] == "1"
    assert "/memfd:" in status and status.count("pipe:") == 2
    signals = ("grep", "-E", "SigBlk|SigIgn", "/proc/self/status")
    assert supervisor.engine("run", "--init", "box", "/srv/a", *signals).text.split()[1::2] == ["0" * 16] * 2


def test_a_program_that_cannot_be_executed_under_init(supervisor: Supervisor) -> None:
    """The same answer as without."""
    answer = supervisor.engine("run", "--init", "none", "/srv/a", "/no/such", check=False)
    assert answer.exit_status == 127 and "not found" in answer.error_text
    with pytest.raises(LookupError):
        supervisor.ps("none")


def test_read_only(supervisor: Supervisor, machine: Machine) -> None:
    """Nothing of the rootfs can be changed from inside; a volume can."""
    machine.run("mkdir -p /tmp/data")
    script = "for f in /new /etc/passwd /tmp/x /dev/x /data/x; do (echo x >> $f) 2>/dev/null && echo $f; done; true"
    assert shell(supervisor, script, "--read-only", "-v", "/tmp/data:/data") == "/data/x"
    remount = "mount -o remount,rw / 2>/dev/null && echo rw; true"
    assert shell(supervisor, remount, "--read-only") == ""


def test_cpus_and_pids(supervisor: Supervisor, machine: Machine) -> None:
    """cpu.max and pids.max say so, and the kernel holds to it."""
    supervisor.engine("start", "--cpus", "0.25", "--pids", "5", "few", "/srv/a", "/cpu_hog")
    folder = machine.run("ls -d /sys/fs/cgroup/boxwright/few-*").text
    assert machine.run(f"cat {folder}/cpu.max {folder}/pids.max").text.split() == ["25000", "100000", "5"]
    supervisor.wait(
        lambda: "nr_throttled 0\n" not in machine.run(f"cat {folder}/cpu.stat").stdout.decode(),
        "it is throttled",
    )
    supervisor.engine("stop", "few")
    script = "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait"
    answer = supervisor.engine("run", "--pids-limit", "4", "box", "/srv/a", "sh", "-c", script, check=False)
    assert "can't fork" in answer.error_text


def test_a_timeout_stops(supervisor: Supervisor) -> None:
    """As `stop` does, and the record says why; one that is not reached changes nothing."""
    answer = supervisor.engine(
        "run", "--init", "--timeout", "1", "slow", "/srv/a", "sleep", "1000", check=False
    )
    assert answer.exit_status == 128 + 15
    record = supervisor.ps("slow")
    assert (record["reason"], record["stopped_by"]) == ("stopped", "TERM")
    assert "--timeout" in record["notes"][0]
    assert supervisor.engine("run", "--timeout", "60", "fast", "/srv/a", "true").ok
    assert supervisor.ps("fast")["reason"] == "exited"


def test_rm_takes_record_and_log_away(supervisor: Supervisor, machine: Machine) -> None:
    """With `run` before it returns, output and status all the same; with `start` soon after the end."""
    listing = f"ls -A {supervisor.state}/logs"
    before = machine.run(listing).text
    answer = supervisor.engine("run", "--rm", "brief", "/srv/a", "sh", "-c", "echo x; exit 3", check=False)
    assert (answer.exit_status, answer.stdout) == (3, b"x\n")
    with pytest.raises(LookupError):
        supervisor.ps("brief")
    assert machine.run(listing).text == before
    script = "until [ -e /tmp/brief ]; do sleep 0.1; done"
    supervisor.engine("start", "--rm", "brief", "/srv/a", "sh", "-c", script)
    assert supervisor.ps("brief")["remove"] is True
    machine.run("touch /srv/a/tmp/brief")
    supervisor.wait(lambda: b"brief" not in supervisor.engine("ps").stdout, "the record is gone")
    supervisor.wait(lambda: machine.run(listing).text == before, "the log is gone")


def test_volumes(supervisor: Supervisor, machine: Machine) -> None:
    """Folders and files, to write and to read, one inside the other; no set-user-ID and no devices in them."""
    machine.run(
        "rm -rf /tmp/out /tmp/in; mkdir -p /tmp/out /tmp/in/sub; echo inner > /tmp/in/sub/f; echo f > /tmp/one"
    )
    script = """echo written > /x/y/w; cat /x/y/in/sub/f /one; echo no > /one; echo no > /x/y/in/n
    grep -E ' /(one|x)' /proc/self/mountinfo | cut -d' ' -f5,6"""
    machine.run("mkdir /tmp/out/in")
    answer = supervisor.engine(
        *("run", "-v", "/tmp/in:/x/y/in:ro", "-v", "/tmp/out:/x/y", "-v", "/tmp/one:/one:ro"),
        *("box", "/srv/a", "sh", "-c", script),
    )
    lines = answer.text.splitlines()
    assert lines[:2] == ["inner", "f"]
    assert answer.error_text.count("Read-only") == 2
    assert machine.run("cat /tmp/out/w").text == "written"
    assert all("nosuid,nodev" in line for line in lines[2:]) and len(lines) == 5
    relative = supervisor.line("run", "-v", "./one:/two", "box", "/srv/a", "cat", "/two")
    assert machine.run(f"cd /tmp; {relative}").text == "f"


def test_no_link_in_the_rootfs_leads_a_volume_out_of_it(supervisor: Supervisor, machine: Machine) -> None:
    """Symbolic links, absolute and upward, and links of /proc: the mount stays inside, and nothing is made outside."""
    machine.run(
        "rm -rf /tmp/trap /srv/a/trap; mkdir /tmp/trap /srv/a/trap; touch /tmp/secret; cd /srv/a/trap; "
        "ln -s /tmp/trap abs; ln -s ../../../../../tmp/trap up; ln -s /proc/self/fd/3 proc; ln -s /proc/1/root root; "
        "mkdir -p /srv/a/tmp/trap"
    )
    for target in ("/trap/abs", "/trap/up", "/trap/abs/made"):
        inside = supervisor.engine(
            "run",
            "-v",
            "/tmp/secret:" + target + "/f",
            "box",
            "/srv/a",
            "ls",
            "/tmp/trap",
            "/tmp/trap/made",
            check=False,
        )
        assert "f" in inside.text.split() or "made" in inside.text.split()
        assert machine.run("ls -A /tmp/trap").text == "", target
    for target in ("/trap/proc/x", "/trap/root/tmp/trap/x"):
        answer = supervisor.engine("run", "-v", "/tmp/secret:" + target, "box", "/srv/a", "true", check=False)
        assert answer.exit_status in (0, 125)
        assert machine.run("ls -A /tmp/trap").text == "", target


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["-v", "/nowhere:/x"], "No such file"),
        (["-v", "/etc/hostname:/etc"], "could not be set up"),
        (["-v", "/tmp:/etc/passwd"], "could not be set up"),
        (["-v", "/tmp:/proc/x"], "mounts something there"),
        (["--cpus", "1000"], "--cpus is a number"),
        (["--pids", "0"], "--pids is a whole number"),
        (["-h", "a b"], "not a hostname"),
        (["--timeout", "-1"], "--timeout is a number"),
        (["--env-file", "/nowhere"], "No such file"),
    ],
)
def test_refused_in_a_sentence(supervisor: Supervisor, options: list[str], said: str) -> None:
    """Status 125, nothing on standard output, no record."""
    answer = supervisor.engine("run", *options, "bad", "/srv/a", "true", check=False)
    assert (answer.exit_status, answer.stdout) == (125, b"")
    assert said in answer.error_text and len(answer.error_text.splitlines()) == 1
    with pytest.raises(LookupError):
        supervisor.ps("bad")


def test_a_volume_does_not_open_another_containers_rootfs(supervisor: Supervisor) -> None:
    """While that one lives; read-only it may be seen."""
    supervisor.engine("start", "owner", "/srv/b", "sleep", "1000")
    for source in ("/srv/b", "/srv", "/srv/b/etc"):
        answer = supervisor.engine("run", "-v", f"{source}:/x", "box", "/srv/a", "true", check=False)
        assert answer.exit_status == 125 and "rootfs of container owner" in answer.error_text
    assert supervisor.engine("run", "-v", "/srv/b:/x:ro", "box", "/srv/a", "cat", "/x/etc/hostname").ok
    supervisor.engine("kill", "owner")
