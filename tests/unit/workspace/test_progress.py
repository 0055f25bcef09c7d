"""What is remembered in a workspace: atomic, and a file that makes no sense is as none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import LabError
from lab.workspace import progress
from lab.workspace.progress import Kept, Progress
from lab.workspace.state import Workspace


def kept(id_: str, verdict: str = "passed", exercise: str = "01") -> Kept:
    return Kept(id_, exercise, verdict, 2.0 if verdict == "passed" else 0.0, 2.0, "A title")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "python", "s1", "seed")


def test_what_is_saved_is_loaded(workspace: Workspace) -> None:
    assert progress.load(workspace) == Progress()
    done = progress.update(
        workspace, lambda p: progress.with_verdicts(p, [kept("b.x"), kept("a.y", "failed")])
    )
    done = progress.update(workspace, lambda p: progress.with_hint(p, "01", "b.x", "nudge"))
    assert progress.load(workspace) == done
    assert done.last == ("b.x", "a.y") and [each.id for each in done.checks] == ["a.y", "b.x"]
    assert not list(workspace.private.glob(".*.json.*"))


def test_a_later_verdict_takes_the_place_of_the_earlier_one() -> None:
    before = progress.with_verdicts(Progress(), [kept("a.x", "failed"), kept("a.y")])
    after = progress.with_verdicts(before, [kept("a.x")])
    assert [each.verdict for each in after.checks] == ["passed", "passed"]
    assert after.last == ("a.x",)


def test_a_hint_counts_once() -> None:
    first = progress.with_hint(Progress(), "01", "a.x", "nudge")
    assert progress.with_hint(first, "01", "a.x", "nudge") is first
    both = progress.with_hint(first, "01", "a.x", "nearly")
    assert both.stages_taken("a.x") == ("nudge", "nearly")


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda each: st.lists(each) | st.dictionaries(
    st.sampled_from(["format", "checks", "last", "hints", "id", "stage"]), each)))  # fmt: skip
def test_nonsense_is_as_nothing(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    workspace = Workspace(tmp_path_factory.mktemp("w"), "python")
    workspace.private.mkdir()
    (workspace.private / progress.FILE).write_text(json.dumps(value))
    assert progress.load(workspace) == Progress()


@pytest.mark.parametrize(
    "text",
    [
        b"", b"\xff", b"[" * 100000,
        b'{"format": 1, "checks": [{"id": 1}], "last": [], "hints": []}',
        json.dumps({"format": 1, "checks": [{**vars(kept("a")), "points": "2"}], "last": [], "hints": []}).encode(),
        *(json.dumps({"format": 1, "checks": [{**vars(kept("a")), "points": points}], "last": [], "hints": []}).encode()
          for points in (float("nan"), float("inf"), 10**400, -1)),
        json.dumps({"format": 2, "checks": [], "last": ["a"], "hints": []}).encode(),
    ],
)  # fmt: skip
def test_a_damaged_file_is_as_none(workspace: Workspace, text: bytes) -> None:
    workspace.private.mkdir()
    (workspace.private / progress.FILE).write_bytes(text)
    assert progress.load(workspace) == Progress()
    progress.update(workspace, lambda p: progress.with_hint(p, "01", "a.x", "nudge"))
    assert progress.load(workspace).stages_taken("a.x") == ("nudge",)


def remember(workspace: Workspace) -> None:
    progress.update(workspace, lambda p: progress.with_hint(p, "01", "a.x", "nudge"))


def test_a_folder_in_the_place_of_the_file_is_told_and_nothing_stays(workspace: Workspace) -> None:
    (workspace.private / progress.FILE).mkdir(parents=True)
    with pytest.raises(LabError, match=r"progress\.json is a folder, where a file should be"):
        remember(workspace)
    assert {each.name for each in workspace.private.iterdir()} == {progress.FILE, f"{progress.FILE}.lock"}


def test_a_file_in_the_place_of_the_folder_is_told(workspace: Workspace) -> None:
    workspace.private.write_text("mine")
    with pytest.raises(LabError, match=r"\.boxwright is no folder.*Move it away"):
        remember(workspace)
    assert workspace.private.read_text() == "mine"


def test_a_full_disk_names_the_file_and_leaves_what_was_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember(workspace)
    before = (workspace.private / progress.FILE).read_bytes()

    def full(path: Path, content: bytes) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError) as caught:
        progress.update(workspace, lambda p: progress.with_hint(p, "01", "a.x", "nearly"))
    assert caught.value.filename == str(workspace.private / progress.FILE)
    assert (workspace.private / progress.FILE).read_bytes() == before
    assert not list(workspace.private.glob(".*"))
