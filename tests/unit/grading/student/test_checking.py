"""`lab check` between the keeper's answers and the report."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from grading.student import checking, client
from grading.verdicts import CheckResult
from lab.console import NoProgress
from lab.exercises import catalogue
from lab.workspace.state import Workspace


def answers(*arguments: Any) -> Iterator[dict[str, Any]]:
    """What a keeper says of two checks."""
    ids = ("logs.output_is_kept", "control.run_waits")
    yield {"checks": ids, "parents": 0}
    for id_ in ids:
        result = CheckResult(id_, id_.partition(".")[0], 1, "failed", 0, 1, expected="this", actual="that")
        yield {"verdict": {**result.__dict__, "kernel": []}, "exercise": "05", "half": "engine"}
    yield {
        "done": {
            "seconds": 1.0, "built": {}, "tracebacks": [], "notes": [], "replaced": 0, "machine": "m",
            "measured": {"share_fast": 84.0}, "digests": {"engine": "e", "monitor": "m"},
        }
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hidden", "told"),
    [([], [True, True]), (["logs"], [False, True]), (["control.run_waits"], [True, False])],
)
def test_what_the_course_hides_is_not_told(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, hidden: list[str], told: list[bool]
) -> None:
    monkeypatch.setattr(client, "ask", answers)
    (workspace.folder / "course.toml").write_text(
        f'name = "OS"\nseed = "autumn"\nhidden = {hidden}\n[[exercises]]\nnumber = "05"\n'
    )
    found = checking.check(workspace, catalogue.exercise("05"), (), None, NoProgress())
    assert ["expected" in each for each in found.to_json()["checks"]] == told
    assert found.measured == {"share_fast": 84.0}
