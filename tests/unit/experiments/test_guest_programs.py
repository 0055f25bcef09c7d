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
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from lab.experiments.bench import PACKAGES
from lab.experiments.guest import containers, engine

ENGINE = """#!/bin/bash
echo "$@" >>{folder}/asked
case $1 in
start)
    id=$2; shift 3
    test $id != refused || {{ echo "no such rootfs" >&2; exit 125; }}
    (exec -a $1 sleep $2) </dev/null >/dev/null 2>&1 &
    echo $! >{folder}/pid-$id;;
stop) kill $(cat {folder}/pid-$2);;
ps) echo "ID PID STATE REASON"; echo "{reported}";;
esac
"""


@pytest.fixture
def guest(tmp_path: Path) -> Iterator[Path]:
    """A folder with what is sent to the guest, and the stand-in."""
    for name in PACKAGES:
        for file in resources.files(name).iterdir():
            if file.name == "__init__.py" or (name.endswith(".guest") and file.name.endswith(".py")):
                path = tmp_path / name.replace(".", "/") / file.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read_bytes())
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
