"""One worker, which stands in for that with a VM: whatever it does, it ends and is known by its results file."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from grading.run import worker
from grading.run.job import Job
from grading.run.worker import Cancel, Ending
from tests.unit.grading.run.conftest import GOOD, command

Worked = Callable[..., Ending]


def test_its_verdicts_are_read(worked: Worked) -> None:
    ending = worked(GOOD + "\nfail logs.whole\n")
    assert (ending.status, ending.timed_out, ending.cancelled) == (0, False, False)
    assert {id_: check.verdict for id_, check in ending.written.checks.items()} == {
        "build.engine": "passed", "logs.whole": "failed", "control.code": "passed",
    }  # fmt: skip


def test_what_it_is_about_is_read(worked: Worked) -> None:
    about = {
        "engine": {"found": True, "path": "src", "built_by": "make", "reasons": ["the only one"]},
        "kernel": "6.12",
    }
    written = worked(f"about {json.dumps(about)}").written
    assert written.told
    assert (written.engine.path, written.engine.reasons, written.kernel) == ("src", ("the only one",), "6.12")
    assert not written.monitor.found


def test_verdicts_come_as_they_are_written(tmp_path: Path, worked: Worked) -> None:
    go_on = tmp_path / "go-on"
    ending = worked(
        f"pass build.engine\nwait {go_on}\npass logs.whole", on_check=lambda check: go_on.write_text("")
    )
    assert list(ending.written.checks) == ["build.engine", "logs.whole"]


def test_standard_output_is_no_result(worked: Worked) -> None:
    forged = json.dumps({"id": "build.engine", "verdict": "passed", "points": 1000})
    ending = worked(f"print {forged}")
    assert not ending.written.checks
    assert "1000" in ending.said


def test_a_gigabyte_of_output_is_taken_and_not_kept(worked: Worked) -> None:
    ending = worked("flood 1024\n" + GOOD)
    assert len(ending.written.checks) == 3
    assert len(ending.said) <= worker.KEPT_BYTES


def test_it_has_nothing_to_read(worked: Worked) -> None:
    assert worked("read build.engine").written.checks["build.engine"].actual == "nothing"


def test_one_that_hangs_ends_at_its_limit_with_what_it_left_running(tmp_path: Path, worked: Worked) -> None:
    child = tmp_path / "child"
    ending = worked(f"child {child}\npass build.engine\nhang", limit=1.5)
    assert ending.timed_out and "did not end within" in ending.why
    assert list(ending.written.checks) == ["build.engine"]
    assert gone(int(child.read_text()))


def test_one_that_is_deaf_to_sigterm_is_killed(worked: Worked, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "POLITE_SECONDS", 0.5)
    assert worked("deaf\nhang", limit=1).status == -9


def test_one_that_floods_while_it_is_to_end_is_killed(
    worked: Worked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "POLITE_SECONDS", 0.5)
    assert worked("deaf\nflood 1000000", limit=1).status == -9


@pytest.mark.parametrize(("act", "why"), [("signal 11", "SIGSEGV"), ("exit 3", "status 3")])
def test_how_it_ended_is_told(worked: Worked, act: str, why: str) -> None:
    assert why in worked(act).why


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '"text"',
        "[" * 100_000,
        '{"id": "build.engine"}',
        '{"id": 5, "group": "build", "level": 1, "verdict": "passed", "points": 1, "max_points": 1, "kernel": []}',
        '{"id": "a.b", "group": "a", "level": 1, "verdict": "great", "points": 1, "max_points": 1, "kernel": []}',
        '{"id": "a.b", "group": "a", "level": 1, "verdict": "passed", "points": NaN, "max_points": 1, "kernel": []}',
        '{"about": 5}',
    ],
)
def test_a_line_that_is_no_verdict_is_not_believed(worked: Worked, line: str) -> None:
    assert "makes no sense" in worked(f"write {line}\nhang").written.astray


def test_results_without_end_are_not_believed(worked: Worked) -> None:
    assert "more than verdicts" in worked("grow 5\nhang").written.astray


def test_half_a_line_is_no_verdict_yet(tmp_path: Path, worked: Worked) -> None:
    ending = worked('pass build.engine\nwrite {"id": "logs.wh\nsignal 9')
    assert ending.status == -9
    assert list(ending.written.checks) == ["build.engine"]


def test_it_is_cancelled_with_its_children_and_its_machine(tmp_path: Path) -> None:
    source = tmp_path / "ann"
    source.mkdir()
    child, cleaned, cancel = tmp_path / "child", [], Cancel()
    (source / "act").write_text(f"child {child}\npass build.engine\nhang")
    (tmp_path / "one").mkdir()
    ending = worker.work(
        Job(submission="ann", source=str(source), machine="grade-1-1-0"), tmp_path / "one", cancel,
        limit=60, command=command, clean=cleaned.append, on_check=lambda check: cancel.set(),
    )  # fmt: skip
    assert ending.cancelled and ending.seconds < 30
    assert cleaned == ["grade-1-1-0"]
    assert gone(int(child.read_text()))


def test_its_environment_is_ours_without_pytests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_ADDOPTS", "-x")
    environment = worker._environment()
    assert "PYTEST_ADDOPTS" not in environment
    assert environment["BOXWRIGHT_OWNER"] == str(os.getpid())


def test_cancelling_twice_is_cancelling(tmp_path: Path) -> None:
    cancel = Cancel()
    assert not cancel.is_set
    threads = [threading.Thread(target=lambda: [cancel.set() for _ in range(1000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cancel.is_set
    cancel.close()


def gone(pid: int) -> bool:
    """Whether a process that was killed ends; the kernel takes a moment."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False
