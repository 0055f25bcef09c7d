"""The plugins that a worker loads beside the grading one: they find it, whatever the order; no machine is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from grading.run import leash, worker
from grading.run.job import Job
from lab import paths
from tests.unit.grading.run.test_batch import await_true

PROBE = """
import pytest

@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    manager = session.config.pluginmanager
    import threading
    names = [thread.name for thread in threading.enumerate()]
    print("EVIDENCE", manager.get_plugin("boxwright-evidence") is not None, "LEASH", "leash" in names)
    pytest.exit("seen", 0)
"""


WAITS = """
import pathlib, pytest, signal

@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    pathlib.Path("{folder}/waits").write_text("")
    signal.pause()  # until the leash ends it

def pytest_unconfigure(config):
    pathlib.Path("{folder}/cleaned-up").write_text("")
"""

OWNER = """
import os, subprocess, sys
from grading.run import leash
subprocess.Popen(
    sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    env={**os.environ, leash.OWNER: str(os.getpid())}, start_new_session=True,
).wait()
"""


def loaded(tmp_path: Path, job: Job) -> str:
    (tmp_path / "probe_of_tests.py").write_text(PROBE)
    job.write(tmp_path / "job.json")
    command = worker.command(tmp_path / "job.json", tmp_path / "results.jsonl")
    return subprocess.run(
        [*command, "-p", "probe_of_tests"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        cwd=paths.CHECKOUT, timeout=120,
        env={**os.environ, "PYTHONPATH": str(tmp_path), leash.OWNER: str(os.getpid())},
    ).stdout  # fmt: skip


def test_evidence_is_kept_where_the_job_says_so(tmp_path: Path) -> None:
    assert "EVIDENCE True LEASH True" in loaded(tmp_path, Job(machine="grade-1-1-0", evidence=str(tmp_path)))


def test_and_where_a_machine_is_to_be_held(tmp_path: Path) -> None:
    assert "EVIDENCE True" in loaded(tmp_path, Job(machine="grade-1-1-0", keep="build.engine_builds"))


def test_else_nothing_is_kept(tmp_path: Path) -> None:
    assert "EVIDENCE False LEASH True" in loaded(tmp_path, Job(machine="grade-1-1-0"))


def test_a_worker_whose_owner_is_gone_does_not_begin(tmp_path: Path) -> None:
    job = Job(machine="grade-1-1-0")
    job.write(tmp_path / "job.json")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    done = subprocess.run(
        worker.command(tmp_path / "job.json", tmp_path / "results.jsonl"), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False, cwd=paths.CHECKOUT, timeout=120,
        env={**os.environ, leash.OWNER: str(gone.pid)},
    )  # fmt: skip
    assert done.returncode != 0
    results = tmp_path / "results.jsonl"
    assert not results.exists() or not results.read_text()


def test_a_worker_whose_owner_is_killed_cleans_up(tmp_path: Path) -> None:
    """Its output is a pipe that nobody reads any more: that it cannot say how it ended must not be its end."""
    (tmp_path / "waits_for_tests.py").write_text(WAITS.format(folder=tmp_path))
    Job(machine="grade-1-1-0").write(tmp_path / "job.json")
    command = worker.command(tmp_path / "job.json", tmp_path / "results.jsonl")
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, *command, "-p", "waits_for_tests"],
        cwd=paths.CHECKOUT, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{paths.CHECKOUT}"},
    )  # fmt: skip
    await_true((tmp_path / "waits").exists)
    owner.kill()
    owner.wait()
    await_true((tmp_path / "cleaned-up").exists)
