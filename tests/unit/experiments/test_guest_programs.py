"""The measuring programs, run here as they run in the guest: as packages of their own, with a stand-in for the engine.

The stand-in starts processes with the names of the workloads and remembers them; it has no containers.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.demo.facts import Unreadable
from lab.errors import CommandFailed, LabError
from lab.experiments import bench, cpu, settings
from lab.experiments.guest import containers, engine
from lab.machine.protocol import CommandResult

ENGINE = """#!/bin/bash
echo "$@" >>{folder}/asked
echo $PPID >{folder}/asked-by
case $1 in
start)
    id=$2; shift 3
    test $id != refused || {{ echo "no such rootfs" >&2; exit 125; }}
    (exec -a $1 sleep $2) </dev/null >/dev/null 2>&1 &
    # Its beginning uses processor time, which belongs to no measurement.
    while [[ -d /proc/$! && ! ( $(readlink /proc/$!/exe) != $(readlink /proc/$$/exe) &&
        $(cat /proc/$!/stat) == *') S '* ) ]]; do :; done
    echo $! >{folder}/pid-$id;;
stop) kill $(cat {folder}/pid-$2);;
ps) echo "ID PID STATE REASON"; echo "{reported}";;
esac
"""


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Path]:
    """A folder with what is sent to the guest, and the stand-in."""
    for name, content in bench.programs():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    stand_in = tmp_path / "bin/engine"
    stand_in.parent.mkdir()
    stand_in.write_text(ENGINE.format(folder=tmp_path, reported="m 7 exited hard_limit_killed"))
    stand_in.chmod(0o755)
    yield tmp_path
    for file in tmp_path.glob("pid-*"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(file.read_text()), signal.SIGKILL)


def run(guest: Path, program: str, asked: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-s",
            "-m",
            f"lab.experiments.guest.{program}",
            json.dumps({"patience": 10, **asked}),
        ],
        check=False,
        cwd=guest,
        env={"PATH": f"{guest}/bin:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=60,
    )


def container(identifier: str, *argv: str) -> dict[str, object]:
    return {"id": identifier, "rootfs": "/nowhere", "argv": list(argv), "options": []}


def test_shares_of_two(guest: Path) -> None:
    unique = str(os.getpid() % 30000 + 100_000)
    done = run(
        guest, "shares",
        {"containers": [container("a", "/hog-a", unique), container("b", "/hog-b", unique)], "cpus": [0], "seconds": 1},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()[1:]]
    assert [len(row) for row in rows] == [3, 3]
    assert float(rows[-1][0]) == pytest.approx(1, abs=0.5)
    assert (guest / "asked").read_text().splitlines()[-2:] == ["stop a", "stop b"]
    assert all(not containers.alive(int(file.read_text())) for file in guest.glob("pid-*"))


def test_all_are_bound_to_the_cpus(guest: Path) -> None:
    seen = f"grep -h '^Cpus_allowed_list' /proc/$(cat {guest}/pid-$2)/status >>{guest}/seen"
    stand_in = guest / "bin/engine"
    stand_in.write_text(stand_in.read_text().replace("stop)", f"stop) {seen};"))
    unique = str(os.getpid() % 30000 + 300_000)
    wanted = [container(name, f"/hog-{name}", unique) for name in "ab"]
    done = run(guest, "shares", {"containers": wanted, "cpus": [0], "seconds": 0.1})
    assert done.returncode == 0, done.stderr
    assert [line.split()[-1] for line in (guest / "seen").read_text().splitlines()] == ["0", "0"]


def test_those_that_were_stopped_go_on_together() -> None:
    with subprocess.Popen(["sleep", "60"]) as process:
        os.kill(process.pid, signal.SIGSTOP)
        status = Path(f"/proc/{process.pid}/status")
        assert containers.until(lambda: "T (stopped)" in status.read_text(), 5)
        containers.hold([process.pid], [0])
        assert containers.until(lambda: "S (sleeping)" in status.read_text(), 5)
        assert os.sched_getaffinity(process.pid) == {0}
        process.kill()


def test_a_container_that_the_engine_leaves_is_ended_and_told_of(
    guest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{guest}/bin:{os.environ['PATH']}")
    monkeypatch.setattr(containers, "STOP_SECONDS", 0.3)
    with subprocess.Popen(["sleep", "60"]) as process:
        with pytest.raises(containers.Failed, match=f"left processes behind: {process.pid}"):
            containers.stop(["unknown"], [process.pid])
        assert process.wait(5) == -signal.SIGKILL


def test_what_a_broken_measurement_leaves_is_ended(guest: Path) -> None:
    unique = str(os.getpid() % 30000 + 400_000)
    asked = {"containers": [container("a", "/hog-a", unique), container("b", "/hog-b", unique)]}
    environment = {"PATH": f"{guest}/bin:{os.environ['PATH']}"}
    for each in "ab":
        subprocess.run(["engine", "start", each, "/no", f"/hog-{each}", unique], env=environment, check=True)
        assert containers.until(lambda each=each: containers.find([f"/hog-{each}", unique]) is not None, 5)  # type: ignore[misc]
    os.kill(int((guest / "pid-a").read_text()), signal.SIGSTOP)
    for _ in range(2):  # the second time there is nothing left to do
        subprocess.run(
            [sys.executable, "-s", "-m", "lab.experiments.guest.ending"], input=json.dumps(asked), text=True,
            cwd=guest, env=environment, check=True, timeout=60,
        )  # fmt: skip
        assert all(containers.find([f"/hog-{each}", unique]) is None for each in "ab")


def test_an_engine_that_refuses_is_told_of_and_the_others_are_stopped(guest: Path) -> None:
    unique = str(os.getpid() % 30000 + 200_000)
    wanted = [container("a", "/hog-a", unique), container("refused", "/hog-b", unique)]
    done = run(guest, "shares", {"containers": wanted, "cpus": [0], "seconds": 1})
    assert done.returncode == 1
    assert (
        done.stderr.strip()
        == f"`engine start refused /nowhere /hog-b {unique}` ended with 125: no such rootfs"
    )
    assert not containers.alive(int((guest / "pid-a").read_text()))


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="the kernel log cannot be read here")
def test_a_growing_container_is_watched_to_its_end(guest: Path) -> None:
    asked = {"container": container("m", "/grows", "1.25"), "by": "monitor", "seconds": 10, "pause": 0.02}
    done = run(guest, "growth", asked)
    assert done.returncode == 0, done.stderr
    first, *looks, last = map(json.loads, done.stdout.splitlines())
    assert first["began"] <= first["t"]
    assert all(look["rss"] > 0 and look["charged"] is None for look in looks) and len(looks) > 5
    assert (last["end"], last["reason"]) == ("gone", "hard_limit_killed")
    assert 1.0 < last["t"] - first["began"] < 5


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="the kernel log cannot be read here")
def test_who_has_given_back_its_memory_and_not_ended_yet_is_waited_for(guest: Path) -> None:
    with (guest / "lab/demo/guest/memory.py").open("a") as file:
        file.write("\n\ndef resident(pid):\n    return 4096 if now() - beginning(pid) < 0.5 else None\n")
    asked = {"container": container("m", "/ends", "1.5"), "by": "monitor", "seconds": 10, "pause": 0.02}
    done = run(guest, "growth", asked)
    assert done.returncode == 0, done.stderr
    first, *_, last = map(json.loads, done.stdout.splitlines())
    assert last["end"] == "gone" and last["t"] - first["began"] > 1.4
    assert "stop" not in (guest / "asked").read_text()


@pytest.mark.skipif(not os.access("/dev/kmsg", os.R_OK), reason="the kernel log cannot be read here")
def test_one_that_outlives_its_time_is_stopped(guest: Path) -> None:
    asked = {"container": container("m", "/stays", "312.5"), "by": "cgroup", "seconds": 0.3, "pause": 0.02}
    done = run(guest, "growth", asked)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["end"] == "time"
    assert not containers.alive(int((guest / "pid-m").read_text()))


def test_a_program_that_never_runs(guest: Path) -> None:
    stand_in = guest / "bin/engine"
    stand_in.write_text("#!/bin/sh\nexit 0\n")
    done = run(
        guest,
        "shares",
        {"containers": [container("a", "/no", "1")], "cpus": [0], "seconds": 1, "patience": 0.2},
    )
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no process runs /no 1" in done.stderr


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("m 7 exited hard_limit_killed", "hard_limit_killed"),
        ("m 7 exited killed 9", "killed"),
        ("m 7 exited exited 0", "exited"),
        ("m 7 exited stopped TERM", "stopped"),
        ("m 7 running", "unknown"),
        ("mm 7 exited killed", "unknown"),
    ],
)
def test_reasons(said: str, reason: str, guest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (guest / "bin/engine").write_text(ENGINE.format(folder=guest, reported=said))
    monkeypatch.setenv("PATH", f"{guest}/bin:{os.environ['PATH']}")
    assert containers.reason("m", 0.1) == reason


class Here:
    """This host as a machine, with the stand-in as its engine."""

    name = "here"

    def __init__(self, guest: Path) -> None:
        self.environment = {"PATH": f"{guest}/bin:{os.environ['PATH']}"}

    def run(
        self, command: str, *, timeout: float = 60, check: bool = True, stdin: bytes = b""
    ) -> CommandResult:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            check=False,
            env=self.environment,
            capture_output=True,
            timeout=timeout,
        )
        if check and done.returncode:
            raise CommandFailed("it failed", detail=done.stderr.decode())
        return CommandResult(command, done.returncode, done.stdout, done.stderr, 0.0)

    def write(self, destination: str, content: bytes, *, mode: int = 0o644) -> None:
        Path(destination).write_bytes(content)

    def deadline(self, seconds: float) -> float:
        return seconds


@pytest.fixture
def place(guest: Path, monkeypatch: pytest.MonkeyPatch) -> bench.Bench:
    """A bench on this host."""
    monkeypatch.setattr(bench, "FOLDER", str(guest))
    monkeypatch.setattr(cpu, "HOG_SECONDS", os.getpid() % 30000 + 500_000)
    return bench.Bench(Here(guest), SimpleNamespace(rootfs=lambda name: f"/roots/{name}"))  # type: ignore[arg-type]


def test_a_repetition_through_the_bench(place: bench.Bench, guest: Path) -> None:
    values = {**settings.chosen(cpu.SETTINGS, ["nice=-5,10"]), "seconds": 1}
    with pytest.raises(Unreadable):  # sleepers use no processor time
        cpu.repeat(place, values, 1)
    started = [line for line in (guest / "asked").read_text().splitlines() if line.startswith("start")]
    number = cpu.HOG_SECONDS
    assert started == [
        f"start cpu-1-1 /roots/experiment-0 /cpu_hog {number} --nice -5",
        f"start cpu-1-2 /roots/experiment-1 /cpu_hog {number + 1} --nice 10",
    ]
    # Whoever clears the machine ends the program itself by this, not the shell that it came from.
    assert (guest / "measuring").read_text() == (guest / "asked-by").read_text()


def test_a_measurement_that_fails_is_told_in_its_own_words(place: bench.Bench, guest: Path) -> None:
    (guest / "bin/engine").write_text("#!/bin/sh\necho 'no \"id\" $here' >&2; exit 125\n")
    with pytest.raises(LabError, match=r"machine 'here': `engine start .*ended with 125: no \"id\" \$here"):
        cpu.repeat(place, settings.chosen(cpu.SETTINGS, []), 1)


def test_a_digest_of_the_engine(tmp_path: Path) -> None:
    program = tmp_path / "engine"
    program.write_text("x")
    alone = engine.digest(program)
    (tmp_path / "supervisor").mkdir()
    (tmp_path / "supervisor/a.py").write_text("a")
    with_source = engine.digest(program)
    (tmp_path / "supervisor/a.py").write_text("b")
    assert len({alone, with_source, engine.digest(program)}) == 3
    assert len(alone) == 12
