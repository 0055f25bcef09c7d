"""A submission of which nothing can be built is judged without a guest, and each half is told its own reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from grading.guest.vm import Guest
from grading.halves import Half
from grading.run import job as jobs
from grading.run.inside import InsideGrading, judge
from grading.run.job import Job, open_session
from grading.session import Session
from lab import paths


def no_guest() -> Guest:
    raise RuntimeError("a guest was asked for")


def empty_session() -> Session:
    """A session for whose halves nothing was found."""
    return Session(
        open_guest=no_guest, tools=cast("Any", None), tree=None, left_behind=frozenset(),
        engine_half=Half("submission", reasons=("no engine found: why",)),
        module_half=Half("submission", reasons=("no monitor found: why not",)), level=2, seed="x",
    )  # fmt: skip


def test_it_is_judged_without_a_guest() -> None:
    made: list[InsideGrading] = []

    def make(config: pytest.Config, session: Session) -> InsideGrading:
        made.append(InsideGrading(config, session))
        return made[-1]

    verdicts = judge(
        empty_session(), "nothing", frozenset, places=places("00_tour", "06_kernel_monitor"), make=make
    )
    assert len(verdicts) > 20
    failed = {id_: result for id_, result in verdicts.items() if result.verdict != "skipped"}
    assert {id_: result.verdict for id_, result in failed.items()} == {
        "build.engine_builds": "failed", "build.monitor_builds": "failed",
    }  # fmt: skip
    assert failed["build.engine_builds"].actual == "no engine found: why"
    assert failed["build.monitor_builds"].actual == "no monitor found: why not"
    for result in failed.values():
        assert "compiler" not in result.hint and "Nothing was built" in result.hint
    half = {"found": False, "path": "", "built_by": ""}
    assert made[0]._told == {
        "engine": {**half, "reasons": ("no engine found: why",)},
        "monitor": {**half, "reasons": ("no monitor found: why not",)},
    }


def test_where_one_half_is_there_a_guest_is_made() -> None:
    for name in ("engine_half", "module_half"):
        session = empty_session()
        setattr(session, name, Half("submission", "/submission"))
        assert not session.is_empty


def test_each_half_has_its_own_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "tools", lambda *_: None)
    monkeypatch.setattr(jobs, "remove_guest", lambda _: None)
    source = tmp_path / "ann"
    source.mkdir()
    (source / "essay.txt").write_text("words")
    (source / "outside").symlink_to("/etc/passwd")
    job = Job(submission="ann", source=str(source), machine="none")
    try:
        session = open_session(job)
        engine, monitor = session.engine_half.reasons, session.module_half.reasons
    finally:
        job.clean_up()
    assert engine[0].startswith("no engine found") and monitor[0].startswith("no monitor found")
    assert "monitor" not in " ".join(engine) and "engine" not in " ".join(monitor)
    assert engine[1:] == monitor[1:] and "outside" in engine[1]


def places(*names: str) -> list[Path]:
    """The folders of some exercises."""
    return [paths.CHECKOUT / "exercises" / name for name in names]
