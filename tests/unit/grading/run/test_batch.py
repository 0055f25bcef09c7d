"""A class: every submission gets its result, whatever its worker does, and what is done is not done again."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from grading.gradebook.store import Gradebook
from grading.run import batch, pool
from grading.run.batch import Settings, locked
from grading.submissions.survey import Survey
from lab.errors import LabError
from tests.unit.grading.run.conftest import GOOD, IDS, Class, command


def test_each_has_its_result_and_it_is_in_the_gradebook(a_class: Class) -> None:
    a_class.hand_in("ann")
    a_class.hand_in("bob", "pass build.engine\nfail logs.whole\npass control.code")
    found = a_class.run()
    assert {name: (result.score, result.max_score) for name, result in found.items()} == {
        "ann": (6, 6), "bob": (4, 6),
    }  # fmt: skip
    assert found["bob"].checks[1].verdict == "failed"
    assert (found["ann"].image, found["ann"].checks_hash, found["ann"].kernel) == (
        "image-1",
        "checks-1",
        "6.12",
    )
    with Gradebook.open(a_class.results) as gradebook:
        assert {entry.result.submission: entry.result.score for entry in gradebook.all_latest()} == {
            "ann": 6,
            "bob": 4,
        }
    assert sorted(a_class.seen.names) == ["ann", "bob"]
    assert len(a_class.seen.checks) == 6
    assert not (a_class.results / ".run").exists()


def test_nobody_knows_the_seed_beforehand(a_class: Class) -> None:
    a_class.hand_in("ann")
    a_class.hand_in("bob")
    seeds = {result.seed for result in a_class.run().values()}
    assert len(seeds) == 2 and all(len(seed) >= 16 for seed in seeds)
    assert {result.seed for result in a_class.run(Settings(seed="mine", again=True)).values()} == {"mine"}


def test_what_is_done_is_not_done_again(a_class: Class) -> None:
    a_class.hand_in("ann")
    first = a_class.run()["ann"]
    assert a_class.run()["ann"] == first
    assert a_class.calls("ann") == 1
    assert (a_class.seen.names, a_class.seen.done) == ([], ["ann"])


@pytest.mark.parametrize("what", ["again", "files", "checks", "image", "level", "engine", "only"])
def test_what_is_another_thing_is_done_again(a_class: Class, what: str) -> None:
    submission = a_class.hand_in("ann")
    a_class.run()
    settings = Settings()
    match what:
        case "again":
            settings = Settings(again=True)
        case "files":
            (submission / "engine.c").write_text("int main(void) { return 1; }\n")
        case "checks":
            a_class.ground = dataclasses.replace(a_class.ground, checks_hash="checks-2")
        case "image":
            a_class.ground = dataclasses.replace(a_class.ground, image="image-2")
        case "level":
            settings = Settings(level=2)
        case "engine":
            settings = Settings(engine="src")
        case "only":
            settings = Settings(only=IDS[:1])
    a_class.run(settings)
    assert a_class.calls("ann") == 2


def test_some_of_the_checks_are_no_mark(a_class: Class) -> None:
    a_class.hand_in("ann")
    a_class.run()
    found = a_class.run(Settings(only=("logs.whole",)))["ann"]
    assert [check.id for check in found.checks] == ["logs.whole"]
    with Gradebook.open(a_class.results) as gradebook:
        latest = gradebook.latest("ann")
    assert latest is not None and latest.result.score == 6


def test_a_worker_that_crashes_is_begun_again(a_class: Class) -> None:
    a_class.hand_in("ann", "pass build.engine\nonce signal 9\n" + GOOD)
    a_class.hand_in("bob", "once signal 11\n" + GOOD)
    found = a_class.run()
    assert found["bob"].score == 6 and not found["bob"].problem and a_class.calls("bob") == 2
    said = {graded.result.submission: graded.said for graded in a_class.seen.graded}
    assert "SIGSEGV" in said["bob"]


def test_one_that_crashes_twice_is_undecided_and_loses_no_point(a_class: Class) -> None:
    a_class.hand_in("ann", "pass build.engine\nprint it was me\nsignal 9")
    a_class.hand_in("bob")
    found = a_class.run(places=1)
    ann = found["ann"]
    assert a_class.calls("ann") == 2
    assert "SIGKILL" in ann.problem
    assert [check.verdict for check in ann.checks] == ["passed", "error", "error"]
    assert (ann.score, ann.max_score) == (2, 2)
    assert found["bob"].score == 6
    assert "it was me" in next(g.said for g in a_class.seen.graded if g.result.submission == "ann")


def test_what_is_undecided_is_done_again(a_class: Class) -> None:
    a_class.hand_in("ann", "twice signal 9\n" + GOOD)
    assert a_class.run()["ann"].undecided
    assert a_class.run()["ann"].score == 6
    assert a_class.calls("ann") == 3


def test_one_that_hangs_costs_only_itself(a_class: Class) -> None:
    a_class.ground = dataclasses.replace(a_class.ground, limit=1.0)
    a_class.hand_in("ann", "pass build.engine\nhang")
    a_class.hand_in("bob")
    found = a_class.run()
    assert "did not end within" in found["ann"].problem
    assert found["bob"].score == 6


def test_one_that_writes_nonsense_costs_only_itself(a_class: Class) -> None:
    a_class.hand_in("ann", GOOD + "\nwrite nonsense")
    a_class.hand_in("bob")
    found = a_class.run()
    assert "makes no sense" in found["ann"].problem
    assert found["bob"].score == 6 and not found["bob"].problem


def test_a_verdict_on_a_check_that_is_not_ours_is_no_point(a_class: Class) -> None:
    a_class.hand_in("ann", GOOD + "\npass logs.invented")
    assert a_class.run()["ann"].score == 6


def test_an_empty_folder_and_a_broken_archive_have_no_point_and_the_reason(a_class: Class) -> None:
    a_class.hand_in("bob")
    (a_class.folder / "ann").mkdir()
    (a_class.folder / "cid.zip").write_bytes(b"PK\x03\x04 nothing more")
    found = a_class.run()
    for name in ("ann", "cid"):
        assert (found[name].score, found[name].max_score) == (0, 6)
        assert found[name].problem and name in found[name].problem
        assert [check.verdict for check in found[name].checks] == ["failed", "skipped", "skipped"]
    assert found["bob"].score == 6
    a_class.run()
    assert sorted(a_class.seen.done) == ["ann", "bob", "cid"], "the next run has nothing to add"


def test_what_this_host_cannot_read_is_undecided(a_class: Class, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the student's fault. (Nothing is hidden from root, as whom this may run: the survey is told what to say.)"""
    a_class.hand_in("ann")
    a_class.hand_in("bob")
    real = batch.survey

    def unreadable(*args: Any, **more: Any) -> Survey:
        return dataclasses.replace(
            real(*args, **more), unreadable={"ann": "ann cannot be read: Permission denied"}
        )

    monkeypatch.setattr(batch, "survey", unreadable)
    found = a_class.run()
    assert (found["ann"].max_score, len(found["ann"].undecided), a_class.calls("ann")) == (0, 3, 0)
    assert "Permission denied" in found["ann"].problem and found["bob"].score == 6
    monkeypatch.undo()
    assert a_class.run()["ann"].score == 6


def test_who_does_not_answer_any_more_keeps_the_mark(a_class: Class) -> None:
    """A student's machine that was graded and is off when the others are graded again."""
    submission = a_class.hand_in("ann")
    a_class.hand_in("bob")
    a_class.run()
    submission.rename(submission.parent.parent / "ann")
    many = pool.local(a_class.ground, 1, command=command, clean=a_class.cleaned.append)
    found = batch.run(
        a_class.folder, Settings(), a_class.ground, many, results=a_class.results, watcher=a_class.seen,
        missing={"ann": "Nobody answers.", "cid": "Nobody answers."},
    )  # fmt: skip
    assert {each.submission: bool(each.undecided) for each in found} == {
        "ann": True,
        "bob": False,
        "cid": True,
    }
    with Gradebook.open(a_class.results) as gradebook:
        counts = {each.result.submission: each.result.score for each in gradebook.all_latest()}
        assert counts == {"ann": 6, "bob": 6, "cid": 0}
        assert [each.result.problem for each in gradebook.history("ann")] == ["Nobody answers.", ""]


def test_what_the_worker_has_a_problem_with_has_no_point(a_class: Class) -> None:
    a_class.hand_in("ann", 'about {"problem": "no engine found"}')
    found = a_class.run()["ann"]
    assert (found.problem, found.score, found.max_score) == ("no engine found", 0, 6)


def test_neither_engine_nor_monitor_is_a_problem(a_class: Class) -> None:
    half = {"found": False, "reasons": ["no engine found", "no monitor found"]}
    about = json.dumps({"engine": half, "monitor": half})
    a_class.hand_in("ann", f"about {about}\n" + "\n".join(f"fail {id_}" for id_ in IDS))
    found = a_class.run()["ann"]
    assert (found.problem, found.score, found.max_score) == ("no engine found. no monitor found.", 0, 6)
    a_class.run()
    assert a_class.seen.done == ["ann"]


def test_one_submission_may_be_named_alone(a_class: Class) -> None:
    a_class.folder = a_class.hand_in("ann")
    a_class.results = a_class.folder.parent / "results"
    assert list(a_class.run()) == ["ann"]


def test_an_archive_is_handed_on_as_it_is(a_class: Class) -> None:
    a_class.folder.mkdir()
    with zipfile.ZipFile(a_class.folder / "ann.zip", "w") as archive:
        archive.writestr("engine.c", "int main(void) { return 0; }\n")
    found = a_class.run()["ann"]  # the stand-in cannot read it
    assert "status 1" in found.problem


def test_machines_of_different_places_have_different_names(a_class: Class) -> None:
    for name in ("ann", "bob", "cid", "dan"):
        a_class.hand_in(name)
    a_class.run(places=2)
    assert len(a_class.cleaned) == 4
    assert 1 <= len(set(a_class.cleaned)) <= 2
    assert all(name.startswith(f"grade-{os.getpid()}-") for name in a_class.cleaned)


def test_two_runs_do_not_share_their_results(a_class: Class) -> None:
    a_class.hand_in("ann")
    with locked(a_class.results), pytest.raises(LabError, match="at work"):
        a_class.run()
    assert a_class.run()["ann"].score == 6


def test_what_stops_this_host_stops_the_run_and_keeps_what_is_done(a_class: Class) -> None:
    a_class.hand_in("ann")
    a_class.hand_in("bob")

    def full(machine: str) -> None:
        if len(a_class.cleaned) == 1:
            raise OSError(28, "No space left on device")
        a_class.cleaned.append(machine)

    many = pool.local(a_class.ground, 1, command=command, clean=full)
    from grading.run import batch

    with pytest.raises(OSError, match="No space"):
        batch.run(
            a_class.folder, Settings(), a_class.ground, many, results=a_class.results, watcher=a_class.seen
        )
    a_class.run()
    assert a_class.seen.done == ["ann"]


PROGRAM = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
from pathlib import Path
from tests.unit.grading.run.conftest import Class
a_class = Class(Path(sys.argv[1]))
a_class.run(places=2)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_is_stopped_goes_on_where_it_was(
    a_class: Class, tmp_path: Path, number: signal.Signals
) -> None:
    go_on, begun = tmp_path / "go-on", tmp_path / "begun"
    for name in ("ann", "bob"):
        a_class.hand_in(name)
    a_class.hand_in("cid", f"pass build.engine\ntouch {begun}\nwait {go_on}\n" + GOOD)
    a_class.hand_in("dan", f"wait {go_on}\n" + GOOD)
    run = subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path)], stderr=subprocess.DEVNULL)
    await_true(lambda: begun.exists() and begun.read_text() and recorded(a_class) == {"ann", "bob"})
    run.send_signal(number)
    assert run.wait(30) != 0
    worker = int(begun.read_text())
    if number is signal.SIGINT:
        assert not Path(f"/proc/{worker}").exists(), "its workers have ended before it"
    go_on.write_text("")
    assert recorded(a_class) == {"ann", "bob"}
    found = a_class.run()
    assert [result.score for result in found.values()] == [6, 6, 6, 6]
    assert (a_class.calls("ann"), a_class.calls("bob"), a_class.calls("cid")) == (1, 1, 2)
    assert not (a_class.results / ".run").exists()


def recorded(a_class: Class) -> set[str]:
    with Gradebook.open(a_class.results) as gradebook:
        return {entry.result.submission for entry in gradebook.all_latest()}


def await_true(look: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not look():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def test_what_is_shown_as_done_is_what_counts(a_class: Class) -> None:
    """Also where a trial at another level came between."""

    def levels() -> list[int]:
        with Gradebook.open(a_class.results) as gradebook:
            return [entry.result.level for entry in gradebook.all_latest()]

    a_class.hand_in("ann")
    a_class.run(Settings(level=1))
    a_class.run(Settings(level=2))
    assert levels() == [2]
    assert a_class.run(Settings(level=1))["ann"].level == 1 and a_class.calls("ann") == 2
    assert levels() == [1]
    a_class.run(Settings(level=1))
    with Gradebook.open(a_class.results) as gradebook:
        assert len(gradebook.history("ann")) == 3, "what counts already is not written again"
    a_class.run(Settings(level=2, only=("build.engine",)))
    a_class.run(Settings(level=2, only=("build.engine",)))
    assert levels() == [1], "a part of the checks is no mark"


def test_a_starter_that_is_named_later_makes_another_run(a_class: Class, tmp_path: Path) -> None:
    a_class.hand_in("ann")
    a_class.run()
    starter = tmp_path / "starter"
    starter.mkdir()
    (starter / "engine.c").write_text("int main(void) { return 2; }\n")
    for calls in (2, 2):
        a_class.run(Settings(starter=starter))
        assert a_class.calls("ann") == calls
