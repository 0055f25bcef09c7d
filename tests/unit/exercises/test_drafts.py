"""`lab exercise new` and `lab exercise region`: what they make can be graded as it is, and nothing is half-made."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from workshop import FREEZER, SUMMARY, Clone

from lab import paths
from lab.errors import LabError
from lab.exercises import drafts

HALF = (paths.CHECKOUT / FREEZER).read_text().splitlines().index("    try:") + 1
"""A line that is half a statement."""


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """One that no test changes."""
    return Clone.make(tmp_path_factory.mktemp("untouched") / "clone")


def test_from_new_to_a_region_without_anything_wrong(clone: Clone) -> None:
    said = clone.lab("exercise", "new", "11_freezer", "--title", 'Standing "still"')
    assert "lab exercise check 11" in said and "BOXWRIGHT_EXERCISES" not in said
    clone.lab("exercise", "region", "11.freeze", clone.lines_of_freeze(), "--summary", SUMMARY)
    [report] = json.loads(clone.lab("exercise", "check", "11", "--json"))
    assert report["title"] == 'Standing "still"'
    assert report["wrong"] == {}
    assert any("guide.md: TODO in line" in each for each in report["open"])
    assert any("no mutant loses control.freezer_tells" in each for each in report["open"])
    text = (clone.top / FREEZER).read_text()
    assert "        # region 11.freeze\n        events = cgroup.open" in text
    assert "            os.close(events)\n        # endregion 11.freeze\n" in text
    guide = (clone.top / "exercises/11_freezer/guide.md").read_text()
    assert f"- **11.freeze**: {SUMMARY}." in guide
    assert "Standing" in clone.lab("guide", "11")


def test_a_second_one_and_a_second_region_come_after_the_first(clone: Clone) -> None:
    for name in ("11_first", "12_second"):
        clone.lab("exercise", "new", name)
    table = (clone.top / "exercises/README.md").read_text()
    assert table.count("### 5.") == 1
    assert (
        table.index("| 5.4 |")
        < table.index("| 5.5 |")
        < table.index("| 5.6 |")
        < table.index("The sentence on the two levels")
    )
    assert table.index("| 11 | `11_first`") < table.index("| 12 | `12_second`")
    clone.lab("exercise", "region", "12.freeze", clone.lines_of_freeze(), "--summary", SUMMARY)
    clone.lab("exercise", "region", "12.hard", "kernel/monitor_policy.h:1-2", "--summary", "does nothing yet")
    guide = (clone.top / "exercises/12_second/guide.md").read_text()
    assert guide.index("**12.freeze**") < guide.index("**12.hard**") < guide.index("`lab check 12`")
    assert (
        (clone.top / "exercises/12_second/stubs/python/hard.c").read_text().startswith("/*\n * Does nothing")
    )
    # The module is the same in both tracks, the engine is not.
    freeze, hard = tomllib.loads((clone.top / "exercises/12_second/regions.toml").read_text())["regions"]
    assert "c" not in freeze and hard["python"] == hard["c"] == "kernel/monitor_policy.h"
    assert clone.run("exercise", "check", "11").returncode == 0


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("exercises/08_scheduler/stubs/python/nice.py", "# Give", "x = (\n# Give", "cannot be imported: SyntaxError"),
        ("exercises/08_scheduler/stubs/python/nice.py", "# Give", "x = 1\n# Give", "begin with a comment"),
        ("runtime/supervisor/container.py", "# endregion 08.nice", "", "region 08.nice has no end"),
        ("runtime/supervisor/container.py", "# region 08.nice\n", "# region 08.nice\n" + "#\n" * 60, "60 are too much"),
        ("runtime/engine", "#!", "import sys\nsys.exit(0)\n#!", "does not answer with its usage"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_sources_is_said(file: str, old: str, new: str, says: str, clone: Clone) -> None:
    path = clone.top / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    done = clone.run("exercise", "check", "08")
    assert done.returncode == 1 and says in done.stdout and "Traceback" not in done.stderr, done.stdout


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["new", "05_other"], "The number 05 is taken by"),
        (["new", "11-freezer"], "is no name of an exercise"),
        (["new", "11_Freezer"], "is no name of an exercise"),
        (["new", "../11_freezer"], "is no name of an exercise"),
        (["new", "11__"], "is no name of an exercise"),
        (["new", "11_freezer", "--in", "nowhere"], "There is no folder nowhere"),
        (["new", "11_freezer", "--title", "a\nb"], "signs that cannot be seen"),
        (["region", "11.freeze", f"{FREEZER}:1-2", "--summary", "x"], "There is no exercise '11'"),
        (["region", "freeze", f"{FREEZER}:1-2", "--summary", "x"], "is no name of a region"),
        (["region", "08.nice", f"{FREEZER}:1-2", "--summary", "x"], "There is a region 08.nice already"),
        (["region", "08.new", f"{FREEZER}:9000-9001", "--summary", "x"], "and no line 9001"),
        (["region", "08.new", f"{FREEZER}:5-4", "--summary", "x"], "names no lines of a file"),
        (["region", "08.new", FREEZER, "--summary", "x"], "names no lines of a file"),
        (["region", "08.new", "lab/cli.py:1-2", "--summary", "x"], "none of the sources of the track"),
        (["region", "08.new", "../x.py:1-2", "--summary", "x"], "none of the sources of the track"),
        (["region", "08.new", f"{FREEZER}:1-2", "--summary", " "], "needs a summary"),
        (["region", "08.new", f"{FREEZER}:8-8", "--summary", "x"], "are empty"),
        (["region", "08.new", f"{FREEZER}:{HALF}-{HALF}", "--summary", "x"], "is no Python"),
        (["region", "08.new", f"{FREEZER}:1-2", "--summary", "x", "--track", "rust"], "There is no track 'rust'"),
        (["check", "77"], "There is no exercise '77'"),
        (["check", "--gate"], "The gate is that of one exercise"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_and_changes_nothing(
    words: list[str], says: str, untouched: Clone
) -> None:
    before = untouched.files()
    assert says in untouched.refused("exercise", *words)
    assert untouched.files() == before


def test_across_another_region_nothing_is_marked(clone: Clone) -> None:
    lines = (clone.top / "runtime/supervisor/preparing.py").read_text().splitlines()
    begin = lines.index("    # region 08.share") + 1
    before = clone.files()
    named = f"runtime/supervisor/preparing.py:{begin + 1}-{begin + 2}"
    assert "inside of 08.share" in clone.refused("exercise", "region", "08.new", named, "--summary", "x")
    assert clone.files() == before


def test_what_cannot_be_written_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text("1")
    monkeypatch.setattr(Path, "replace", lambda self, target: (_ for _ in ()).throw(OSError("full")))
    with pytest.raises(OSError, match="full"):
        drafts._write_all({one: "2", other: "3"})
    assert one.read_text() == "1" and sorted(path.name for path in tmp_path.iterdir()) == ["one"]


def test_a_draft_that_cannot_be_finished_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "_rendered", lambda *_: (_ for _ in ()).throw(LabError("no")))
    with pytest.raises(LabError):
        drafts.create("11_freezer", "", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_courses_own_folder_is_found_by_every_command(clone: Clone, tmp_path: Path) -> None:
    own = tmp_path / "own"
    own.mkdir()
    before = clone.files()
    said = clone.lab("exercise", "new", "11_freezer", "--title", "Standing still", "--in", str(own))
    assert f"export BOXWRIGHT_EXERCISES={own}" in said
    assert clone.files() == before
    assert "There is no exercise '11'" in clone.refused("guide", "11")
    named = {"BOXWRIGHT_EXERCISES": str(own)}
    assert "Standing still" in clone.lab("guide", "11", **named)
    [report] = json.loads(clone.lab("exercise", "check", "11", "--json", **named))
    assert report["wrong"] == {}
    clone.lab("exercise", "region", "11.freeze", clone.lines_of_freeze(), "--summary", SUMMARY, **named)
    [report] = json.loads(clone.lab("exercise", "check", "11", "--json", **named))
    assert report["wrong"] == {}
    clone.lab("init", str(tmp_path / "lab"), **named)
    assert "# region 11.freeze" in (tmp_path / "lab" / FREEZER).read_text()
    assert "[11] # Standing still" in (tmp_path / "lab" / "answers.toml").read_text()
    assert "is taken by" in clone.refused("exercise", "new", "11_x", **named)
    assert "there is no such folder" in clone.refused("guide", "01", BOXWRIGHT_EXERCISES="/nowhere")
    (own / "05_again").mkdir()
    assert "have one number" in clone.refused("guide", "01", **named)


def test_two_scenarios_of_one_name_are_said(clone: Clone) -> None:
    clone.lab("exercise", "new", "11_freezer")
    path = clone.top / "exercises/11_freezer/test_freezer.py"
    path.write_text(path.read_text().replace("def freezer(", "def shares(").replace("(freezer:", "(shares:"))
    said = clone.refused("exercise", "check")
    assert "08_scheduler/test_scheduler.py has a scenario 'shares' already" in said
