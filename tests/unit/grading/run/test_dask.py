"""Grading on Dask workers: real ones, processes on 127.0.0.1, of which one is killed; only the VM is stood in for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from grading.gradebook.store import Gradebook
from grading.run import batch, dask_client, dask_worker, parcels
from grading.run.batch import Settings
from grading.run.job import Job
from grading.run.single import Graded
from grading.run.worker import Cancel
from lab import paths
from lab.errors import LabError
from tests.unit.grading.run import dask_stand_in
from tests.unit.grading.run.conftest import GOOD, Class, command, made_up_ground

pytestmark = pytest.mark.filterwarnings("default")  # Dask's own, of whatever libraries it finds


class Cluster:
    """A scheduler and workers, each a process as `dask scheduler` and `dask worker` start them."""

    def __init__(self, folder: Path, *, stand_in: bool = True) -> None:
        self.folder = folder
        self._stand_in = stand_in
        self.told = folder / "told"
        self.told.mkdir(parents=True)
        self._file = folder / "scheduler.json"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start(
            "scheduler",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--no-dashboard",
            "--scheduler-file",
            self._file,
        )
        await_true(lambda: self._file.exists() and self._file.read_text())
        self.address = json.loads(self._file.read_text())["address"]

    def worker(self) -> subprocess.Popen[bytes]:
        return self._start(
            "worker", self.address, "--host", "127.0.0.1", "--nthreads", "1", "--no-nanny", "--no-dashboard",
            "--memory-limit", "0", "--local-directory", self.folder,
        )  # fmt: skip

    def _start(self, what: str, *arguments: str | Path) -> subprocess.Popen[bytes]:
        number = len(self._processes)
        environment = {"PYTHONPATH": str(paths.CHECKOUT)}
        if self._stand_in:
            environment |= {
                "STAND_IN_FOLDER": str(self.told),
                "BOXWRIGHT_CACHE": str(self.folder / f"cache-{number}"),
                "BOXWRIGHT_STATE": str(self.folder / f"state-{number}"),
            }
        with (self.folder / f"{what}-{number}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.dask_{what}", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=paths.CHECKOUT,
                env={**os.environ, **environment},
            )
        self._processes.append(process)
        return process

    def workers_of(self, submission: str) -> list[int]:
        """The pids of the workers that began to grade it."""
        file = self.told / submission
        return [int(line) for line in file.read_text().splitlines()] if file.exists() else []

    def end(self) -> None:
        for process in reversed(self._processes):  # the scheduler last
            process.kill()
            process.wait(20)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    for name in ("grade_text", "ground_text"):
        monkeypatch.setattr(dask_worker, name, getattr(dask_stand_in, name))
    monkeypatch.setattr(dask_client, "without_machine", made_up_ground)
    found = Cluster(tmp_path / "cluster")
    yield found
    found.end()


def run(a_class: Class, client: Any, settings: Settings | None = None) -> dict[str, Any]:
    ground = dask_client.ground(client, "x")
    many = dask_client.remote(client, ground)
    found = batch.run(
        a_class.folder, settings or Settings(), ground, many, results=a_class.results, watcher=a_class.seen
    )
    return {result.submission: result for result in found}


def test_a_worker_that_is_killed_loses_nothing_but_time(a_class: Class, cluster: Cluster) -> None:
    workers = {process.pid: process for process in (cluster.worker(), cluster.worker())}
    go_on = cluster.folder / "go-on"
    for name in ("ann", "bob", "cid", "dan"):
        a_class.hand_in(name)
    a_class.hand_in("eve", f"pass build.engine\nwait {go_on}\n" + GOOD)
    killed: list[int] = []
    ended = a_class.seen.ended

    def kill_once(graded: Graded) -> None:
        ended(graded)
        if len(a_class.seen.graded) == 4:  # all but eve, with whom one of them is busy
            await_true(lambda: cluster.workers_of("eve"))
            killed.append(cluster.workers_of("eve")[-1])
            workers[killed[0]].kill()
            go_on.write_text("")

    a_class.seen.ended = kill_once  # type: ignore[method-assign]
    with dask_client.client(cluster.address) as client:
        client.wait_for_workers(2, timeout=30)
        found = run(a_class, client)
    assert {name: (result.score, result.problem) for name, result in found.items()} == {
        name: (6, "") for name in ("ann", "bob", "cid", "dan", "eve")
    }
    assert len(killed) == 1 and cluster.workers_of("eve")[-1] != killed[0], "another one graded it"
    with Gradebook.open(a_class.results) as gradebook:
        assert len(gradebook.all_latest()) == 5
        assert len(gradebook.history("eve")) == 1
    assert found["ann"].image == "image-1" and found["ann"].checks_hash == "checks-1"


def test_a_run_that_is_stopped_stops_the_workers(a_class: Class, cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker()
    begun = tmp_path / "begun"
    a_class.hand_in("ann", f"touch {begun}\nhang")

    with dask_client.client(cluster.address) as client:
        sending = dask_client._Sending(client, made_up_ground(), tmp_path)
        sending.send(Job(submission="ann", source=str(a_class.folder / "ann"), seed="s"), 1)
        await_true(lambda: begun.exists() and begun.read_text())
        sending.stop()
        pid = int(begun.read_text())
        await_true(lambda: not Path(f"/proc/{pid}").exists())


def test_one_that_crashes_on_every_worker_is_undecided(a_class: Class, cluster: Cluster) -> None:
    cluster.worker()
    a_class.hand_in("ann", "signal 9")
    a_class.hand_in("bob")
    with dask_client.client(cluster.address) as client:
        found = run(a_class, client)
    assert "SIGKILL" in found["ann"].problem and found["ann"].max_score == 0
    assert found["bob"].score == 6


def test_one_too_big_to_be_sent_is_undecided(
    a_class: Class, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It can be graded here: no point is lost, and it is not done."""
    cluster.worker()
    a_class.hand_in("ann", "# " + os.urandom(9000).hex())
    a_class.hand_in("bob")
    monkeypatch.setattr(parcels, "MOST_BYTES", 9000)
    with dask_client.client(cluster.address) as client:
        found = run(a_class, client)
    assert "too much to be sent" in found["ann"].problem
    assert found["ann"].undecided and found["ann"].max_score == 0 and found["bob"].score == 6


def test_nobody_at_the_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_client, "CONNECT_SECONDS", 1)
    with pytest.raises(LabError, match="No Dask scheduler"), dask_client.client("tcp://127.0.0.1:9"):
        pass


def here(job: Job, packed: bytes, checks_hash: str = "checks-1") -> Graded:
    text = dask_worker.grade_here(
        parcels.job_to_text(job), packed, '{"digests": [], "runs": []}', checks_hash, Cancel(),
        ground=made_up_ground(), command=command,
    )  # fmt: skip
    return parcels.graded_from_text(text)


def test_what_was_measured_travels_too(a_class: Class, tmp_path: Path) -> None:
    submission = a_class.hand_in("ann", f'write {{"measured": {{"share_fast": 84.5}}}}\n{GOOD}')
    job = Job(submission="ann", source=str(submission), seed="s")
    assert here(job, parcels.pack(job, tmp_path / "work")).measured == {"share_fast": 84.5}


def test_a_submission_travels_as_bytes_and_its_result_as_text(a_class: Class, tmp_path: Path) -> None:
    submission = a_class.hand_in("ann")
    (submission / "src").mkdir()
    (submission / "src" / "a b.c").write_text("int a;\n")
    (submission / "link").symlink_to("/etc/passwd")
    job = Job(submission="ann", source=str(submission), seed="s", only=("logs.whole",))
    packed = parcels.pack(job, tmp_path / "work")
    parcels.unpack(packed, tmp_path / "there")
    assert {path.relative_to(tmp_path / "there").as_posix() for path in (tmp_path / "there").rglob("*")} == {
        "act", "engine.c", "src", "src/a_b.c",
    }  # fmt: skip
    result = here(job, packed).result
    assert (result.score, result.seed, [check.id for check in result.checks]) == (2, "s", ["logs.whole"])


def test_other_checks_are_refused(a_class: Class, tmp_path: Path) -> None:
    job = Job(submission="ann", source=str(a_class.hand_in("ann")))
    with pytest.raises(LabError, match="are others"):
        here(job, parcels.pack(job, tmp_path / "work"), "checks-2")


@pytest.mark.parametrize("packed", [b"", b"no archive", b"\x1f\x8b\x08\x00"])
def test_what_is_damaged_is_said(packed: bytes) -> None:
    with pytest.raises(LabError, match="damaged"):
        here(Job(submission="ann"), packed)


@pytest.mark.parametrize("text", ["", "[]", '{"result": 5}', '{"result": {"schema": 99}, "finished": true}'])
def test_what_makes_no_sense_is_no_result(text: str) -> None:
    with pytest.raises(LabError, match="makes no sense"):
        parcels.graded_from_text(text)


def await_true(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not look():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)
