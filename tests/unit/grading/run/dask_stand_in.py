"""What Dask workers of the tests are sent: as in earnest, but that the worker in a VM is stood in for."""

from __future__ import annotations

import json
import os
from pathlib import Path

from grading.run import dask_worker
from tests.unit.grading.run.conftest import command, made_up_ground


def ground_text(suite: str) -> str:
    ground = made_up_ground()
    return json.dumps({"checks": ground.checks_hash, "image": f"image-{suite}", "kernel": "6.12"})


def grade_text(job: str, packed: bytes, starters: str, checks_hash: str) -> str:
    if folder := os.environ.get("STAND_IN_FOLDER"):
        name = json.loads(job)["submission"]
        with Path(folder, name).open("a") as told:
            told.write(f"{os.getpid()}\n")
    with dask_worker._unless_unwanted() as cancel:
        return dask_worker.grade_here(
            job, packed, starters, checks_hash, cancel, ground=made_up_ground(), command=command
        )
