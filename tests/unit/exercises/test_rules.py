"""Every exercise of the kit held to the rules, and every rule seen to find what it is for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from grading.api.scenarios import KNOWN
from grading.author import rules, sources
from grading.author.rules import Held, broken
from grading.author.subject import Row, Subject, subjects
from grading.run.catalogue import all_checks
from lab.exercises import catalogue, drafts

NUMBERS = list(catalogue.folders())
EVERY = (*rules.RULES, *sources.RULES)

CHECK = "control.freezer_tells_how_it_ended"
ALT = "A client asks the supervisor, the supervisor starts the container, and the status comes back the same way."
SECTION = 'section = "1. What a status is"\n'
REGION = '[[regions]]\nname = "11.freeze"\nsummary = "x"\npython = "runtime/supervisor/freezer.py"\n'
HINTS = '[[hints]]\nfor = "11.freeze"\nnudge = "a"\npointer = "b"\nnearly = "c"\n'
STEP = "**Explain.** TODO: why it is so.\n"


@cache
def of_the_kit() -> dict[str, Subject]:
    return {each.exercise.number: each for each in subjects()}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("held", EVERY, ids=lambda held: held.name)
def test_the_kits_exercises_keep_the_rules(held: Held, number: str) -> None:
    assert broken(held, of_the_kit()[number]) == []


@pytest.fixture
def top(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an exercise as `lab exercise new` makes it, and one before it."""
    monkeypatch.delitem(KNOWN, "freezer", raising=False)  # of the test before, in another folder
    (tmp_path / "01_before").mkdir()
    (tmp_path / "01_before/exercise.toml").write_text('title = "B"\npoints = 0\nneeds = []\nminutes = 1\n')
    drafts.create("11_freezer", "Standing still", tmp_path)
    return tmp_path


def read(top: Path) -> Subject:
    checks = all_checks(top / "11_freezer")
    homes = {each.id: "11" for each in checks} | {"containers.starts": "01", "build.engine_builds": "12"}
    return Subject(catalogue.exercise("11", top), checks, homes, (), {})


def said(subject: Subject) -> list[str]:
    """What all rules that read the exercise alone have to say."""
    return [sentence for held in rules.RULES for sentence in broken(held, subject)]


def test_a_draft_keeps_them(top: Path) -> None:
    assert said(read(top)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("guide.md", "# 11 · Standing still", "# 12 · Standing still", "has the title 12"),
        ("guide.md", "# 11 · Standing still", "# 11 · Sitting still", "exercise.toml says 'Standing still'"),
        ("guide.md", "## Traps", "## Pitfalls", "they are Predict, do, observe, explain, Your task, Traps"),
        ("guide.md", "```console", "```console2", "step '1. What a status is' has no console block"),
        ("guide.md", "```console\n", "```console\nls\n", "begins with 'ls'"),
        ("guide.md", STEP, "", "step '1. What a status is' lacks one of"),
        ("guide.md", "### 2. What", "#### 2. What", "has 2 steps"),
        ("guide.md", "(picture.svg)", "(other.svg)", "picture.svg is shown nowhere"),
        ("guide.md", "(picture.svg)", "(other.svg)", "other.svg is missing"),
        ("guide.md", ALT, "A client", "say in words what is seen"),
        ("guide.md", "TODO: what is built here", "{{ beaver }} is built here", "{{ beaver }} is used"),
        ("guide.md", "- `reason`:", "- `cause`:", "guide.md lists the questions status, cause"),
        ("guide.md", "`grep -rn", "11.freeze `grep -rn", "a region 11.freeze, which regions.toml has not"),
        ("guide.md", "TODO: what is built here", "`control.nothing`", "names the check control.nothing"),
        ("picture.svg", "<desc>", "<metadata>", "is no SVG"),
        ("picture.svg", "viewBox", "viewbox", "no SVG with a viewBox"),
        ("picture.svg", "<title>Standing still</title>", "", "has no <title>"),
        ("picture.svg", "prefers-color-scheme: dark", "print", "no colours for the dark"),
        ("picture.svg", "</svg>", "<image/></svg>", "has <image"),
        ("exercise.toml", 'word = {', 'wood = { words = ["a", "b"] }\nword = {', "the parameter wood"),
        ("exercise.toml", 'answer = "{{ code }}"', 'answer = "x"', "the answer 'x'"),
        ("exercise.toml", '"the client\'s"', '"{{ \'the shell\' }}\'s"', "two choices are \"the shell's\""),
        ("exercise.toml", '"the client\'s"', '"both of these"', "none can say 'both of these'"),
        ("exercise.toml", '"the client\'s"', '"a and c"', "none can say 'a and c'"),
        ("exercise.toml", '"the client\'s"', '"Neither"', "none can say 'Neither'"),
        ("exercise.toml", "Whose child is a container?", "Whose child? a: this; b: that.", "its text has letters"),
        ("exercise.toml", '"0: no evidence"', '"1: no evidence"', "the levels of why are not"),
        ("exercise.toml", '"0: no evidence"', '"none: no evidence"', "the levels of why are not"),
        ("exercise.toml", f'for = "{CHECK}"', 'for = "11.freeze"', f"no [[hints]] for {CHECK}"),
        ("exercise.toml", f'for = "{CHECK}"', 'for = "11.freeze"', "has hints for 11.freeze"),
        ("exercise.toml", SECTION, "", f"the hints for {CHECK} have no `section`; it is one of 1. What"),
        ("exercise.toml", SECTION, SECTION.replace("1.", "4."), "have a `section` '4. What a status is' that guide"),
        ("exercise.toml", SECTION, 'section = "Questions"\n', "have a `section` 'Questions' that guide.md lacks"),
        ("guide.md", "### 1. What a status is", "### 1. What is a status", "'1. What a status is' that guide.md lacks"),
        ("exercise.toml", "points = 7", "points = 8", "write points = 7"),
        ("exercise.toml", "points = 7", "points = 7\npoints_at_1 = 6", "write points_at_1 = 7"),
        ("test_freezer.py", "points=2,", "points=2, level=2,", "write points_at_1 = 5"),
        ("test_freezer.py", '["containers.starts"]', '["containers.ends"]', "there is no such check"),
        ("test_freezer.py", '["containers.starts"]', '["build.engine_builds"]', "in a later exercise, 12"),
    ],
)  # fmt: skip
def test_each_rule_finds_what_it_is_for(file: str, old: str, new: str, says: str, top: Path) -> None:
    path = top / "11_freezer" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    found = said(read(top))
    assert any(says in sentence for sentence in found), found


def test_questions_of_one_kind_and_too_few_of_them(top: Path) -> None:
    path = top / "11_freezer/exercise.toml"
    head, _, rest = path.read_text().partition('[[questions]]\nid = "reason"')
    path.write_text(head + rest[rest.index("[[rubric]]") :])
    found = said(read(top))
    assert any("1 questions; three to five" in each for each in found)
    assert any("all questions are of one kind" in each for each in found)
    path.write_text(head)
    assert any("has no [[rubric]]" in each for each in said(read(top)))


def test_a_region_that_the_task_does_not_name(top: Path) -> None:
    (top / "11_freezer/regions.toml").write_text(REGION)
    assert any("says nothing of region 11.freeze" in each for each in said(read(top)))


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ('track = "python"\nnearly = "d"\n', []),
        (
            'track = "c"\nnearly = "d"\n',
            ["exercise.toml has hints for 11.freeze in the track c, which has no such region"],
        ),
    ],
)
def test_a_region_is_hinted_at_only_in_the_tracks_that_have_it(more: str, says: list[str], top: Path) -> None:
    (top / "11_freezer/regions.toml").write_text(REGION)
    hints = top / "11_freezer/exercise.toml"
    hints.write_text(f'{hints.read_text()}\n{HINTS}\n[[hints]]\nfor = "11.freeze"\n{more}')
    assert broken(Held("", rules.hints), read(top)) == says
    assert broken(Held("", rules.explained), read(top)) == []


def test_a_region_is_explained_by_no_section(top: Path) -> None:
    (top / "11_freezer/regions.toml").write_text(REGION)
    hints = top / "11_freezer/exercise.toml"
    hints.write_text(f"{hints.read_text()}\n{HINTS}{SECTION}")
    [sentence] = broken(Held("", rules.explained), read(top))
    assert "the hints for 11.freeze have a `section`; only those for a check have one" in sentence


def test_a_check_without_a_row_of_its_exercise() -> None:
    subject = of_the_kit()["02"]
    [bare] = broken(Held("", rules.in_the_table), replace(subject, checks=subject.checks[:1], rows=()))
    assert f"no row for {subject.checks[0].id}" in bare
    rows = (Row("1.1", "x", ("01",), (subject.checks[0].id,)),)
    [elsewhere] = broken(Held("", rules.in_the_table), replace(subject, checks=subject.checks[:1], rows=rows))
    assert "names exercise 02" in elsewhere


def test_a_check_that_no_mutant_loses() -> None:
    subject = of_the_kit()["08"]
    assert list(rules.mutants(subject)) == []
    assert len(list(rules.mutants(replace(subject, losing={})))) == len(subject.checks)
