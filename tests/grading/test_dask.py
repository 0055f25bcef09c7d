"""`grade run --dask` with two workers that have real machines; one of the workers is killed while it grades."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.machine.record import machine_names
from tests.grading.test_run import await_true, hand_in
from tests.unit.grading.run.test_dask import Cluster

pytestmark = [pytest.mark.vm, pytest.mark.slow]

NAMES = ("ann", "bob", "cid")


def test_a_worker_that_is_killed_loses_nothing_but_time_and_leaves_no_machine(tmp_path: Path) -> None:
    for name in NAMES:
        hand_in(tmp_path / "class", name)
    cluster = Cluster(tmp_path / "cluster", stand_in=False)
    workers = [cluster.worker(), cluster.worker()]
    try:
        run = subprocess.Popen(
            [sys.executable, "-c", "from grading.__main__ import main; main()", "run", str(tmp_path / "class"),
             "--dask", cluster.address, "--only", "build.engine_builds", "--json", "-o", str(tmp_path / "results")],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

        def machines(pid: int) -> list[str]:
            return [name for name in machine_names() if name.startswith(f"grade-{pid}-")]

        await_true(lambda: machines(workers[0].pid), 300)
        workers[0].kill()
        said, complained = run.communicate(timeout=1500)
        assert run.returncode == 0, complained
        verdicts = {
            each["submission"]: [check["verdict"] for check in each["checks"]] for each in json.loads(said)
        }
        assert verdicts == {name: ["passed"] for name in NAMES}
        await_true(lambda: not machines(workers[0].pid) and not machines(workers[1].pid))
    finally:
        cluster.end()
