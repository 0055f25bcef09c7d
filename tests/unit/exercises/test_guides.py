"""The machinery of guides, and every guide of the kit held to the rules."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from grading.api.checks import MARK
from grading.run.catalogue import all_checks
from lab.errors import LabError
from lab.exercises import catalogue, consoles, guides, parameters
from lab.exercises.catalogue import EXERCISES, Exercise

FOLDERS = list(catalogue.folders().values())
SVG = "{http://www.w3.org/2000/svg}"

each_guide = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@cache
def told(folder: Path) -> Exercise:
    """What the exercise says of itself."""
    return catalogue.exercise(folder.name)


def values(folder: Path) -> dict[str, str | int]:
    """Nobody's parameters."""
    return parameters.values(told(folder).parameters, "", "")


def all_values(folder: Path) -> Iterator[dict[str, str | int]]:
    """As many sets of parameters as are needed for each value to come once."""
    choices = {name: each.choices for name, each in told(folder).parameters.items()}
    for at in range(max((len(each) for each in choices.values()), default=1)):
        yield {name: each[at % len(each)] for name, each in choices.items()}


@pytest.fixture(autouse=True, scope="module")
def marked(request: pytest.FixtureRequest) -> None:
    """Checks can be read where the grading plugin is not there to know their mark."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")


@cache
def check_ids() -> frozenset[str]:
    return frozenset(check.id for check in all_checks(EXERCISES))


# --- the machinery ---

GUIDE = """\
# 07 · Limits

An opening.

![A box](picture.svg)

## Predict, do, observe, explain

### One
**Predict.** What?

```console
guest# cat > x <<'END'
> # no heading
> END
guest# cat x
# no heading
```

### Two

```c
# include
```

## Your task

```console
host$ lab check
…
```
"""


def test_a_guide_is_taken_apart() -> None:
    guide = guides.parse(GUIDE)
    assert (guide.number, guide.title, guide.opening.split("\n")[1]) == ("07", "Limits", "An opening.")
    assert [section.title for section in guide.sections] == [guides.SECTIONS[0], "One", "Two", "Your task"]
    assert [step.title for step in guide.steps] == ["One", "Two"]
    assert [(picture.alt, picture.path) for picture in guide.pictures] == [("A box", "picture.svg")]
    assert [block.place for block in guide.blocks] == ["guest", "host"]
    assert guide.blocks[0].commands[0].text == "cat > x <<'END'\n# no heading\nEND"
    assert guide.blocks[0].commands[1].expected == ("# no heading",)
    assert GUIDE.splitlines()[guide.blocks[0].commands[1].line - 1] == "guest# cat x"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Hello", "the title is missing"),
        ("# 01 · A\n```console\nguest# ls\n", "line 2: this block has no end"),
        ("# 01 · A\n```console\nls\n```\n", "begins with 'ls'"),
        ("# 01 · A\n```console\nguest# ls\nhost$ ls\n```\n", "both places"),
        ("# 01 · A\n```console\n```\n", "is empty"),
    ],
)
def test_a_broken_guide_is_refused(text: str, words: str) -> None:
    with pytest.raises(LabError, match=re.escape(words)):
        guides.parse(text)


def test_parameters_are_put_in() -> None:
    text = "{{ soft_mib }} MiB are {{ soft_mib * 1048576 }}; ${#name} {% raw %} {# no #}\n"
    assert guides.render(text, {"soft_mib": 24}) == "24 MiB are 25165824; ${#name} {% raw %} {# no #}\n"
    assert guides.names(text) == {"soft_mib"}
    with pytest.raises(LabError, match="'soft_mib' is undefined"):
        guides.render("a word: {{ soft_mib }}", {})
    with pytest.raises(LabError, match=r"g\.md, line 1"):
        guides.render("{{ a", {}, "g.md")


@pytest.mark.parametrize(
    ("expected", "seen", "same"),
    [
        ((), "", True),
        ((), "\n", True),
        ((), "sh: no such command\n", False),
        (("a",), "a", True),
        (("a",), "a\nb\n", False),
        (("a", "b"), "a\n", False),
        (("pid … runs",), "pid 12 runs  \n", True),
        (("pid … runs",), "pid 12\nruns\n", False),
        (("…", "end"), "end\n", True),
        (("…", "end"), "1\n2\nend\n", True),
        (("a", "…", "b"), "a\nx\n\nb\n", True),
        (("a", "…", "b"), "a\nx\n", False),
        (("[.]*",), "x\n", False),
    ],
)
def test_output_is_compared(expected: tuple[str, ...], seen: str, same: bool) -> None:
    assert consoles.matches(expected, seen) is same
    assert (consoles.difference(consoles.Command("c", expected, 1), seen) is None) is same


def test_a_difference_marks_only_what_differs() -> None:
    command = consoles.Command("c", ("pid …", "…", "yes"), 1)
    assert consoles.difference(command, "pid 1\nno\n") == "  pid …\n+ no\n- yes"
    assert consoles.difference(command, None) == "(not reached: the shell had ended before)"


def test_outputs_come_back_one_by_one() -> None:
    block = consoles.parse_block(["guest# a", "guest# exit", "guest# b"], 1, "g")
    assert consoles.script(block, "MARK").count("printf") == 3
    assert consoles.outputs(block, "MARK", "no newlineMARK\nbye\n") == ["no newline", "bye\n", None]
    assert consoles.outputs(block, "MARK", "1\nMARK\n2\nMARK\n3\nMARK\n") == ["1\n", "2\n", "3\n"]


# --- the guides ---


@each_guide
def test_guide_has_its_sections(folder: Path) -> None:
    guide = guides.read(folder, values(folder))
    assert folder.name.startswith(guide.number + "_")
    assert guide.title == told(folder).title
    assert tuple(section.title for section in guide.sections if section.level == 2) == guides.SECTIONS
    assert len(re.findall(r"\n\n(?=[^!\n])", guide.opening)) >= 1, "an opening"


@each_guide
def test_steps_are_complete(folder: Path) -> None:
    guide = guides.read(folder, values(folder))
    assert 3 <= len(guide.steps) <= 5
    for step in guide.steps:
        places = [step.text.find(part) for part in guides.STEP_PARTS]
        assert places == sorted(places) and places[0] >= 0, f"{step.title}: {guides.STEP_PARTS}"
        first, last = step.line, step.line + step.text.count("\n")
        assert any(first < block.line < last for block in guide.blocks), f"{step.title}: no console block"


@each_guide
def test_pictures_can_be_read_by_everybody(folder: Path) -> None:
    guide = guides.read(folder, values(folder))
    assert any(picture.path == "picture.svg" for picture in guide.pictures)
    shown = {picture.path for picture in guide.pictures}
    assert shown == {path.name for path in folder.glob("*.svg")}, "every picture is shown"
    for picture in guide.pictures:
        assert len(picture.alt) > 40, f"{picture.path}: say in words what is seen"
        text = (folder / picture.path).read_text(encoding="utf-8")
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg" and root.get("viewBox")
        for tag in ("title", "desc"):
            element = root.find(f"{SVG}{tag}")
            assert element is not None and (element.text or "").strip(), f"{picture.path}: <{tag}>"
        assert "prefers-color-scheme: dark" in text
        assert not re.search(r"<script|<image|<foreignObject|@import|url\((?!#)|href=\"(?!#)", text)


@each_guide
def test_parameters_are_declared_and_used(folder: Path) -> None:
    declared = set(told(folder).parameters)
    text = (folder / "guide.md").read_text(encoding="utf-8")
    everything = text + (folder / "exercise.toml").read_text(encoding="utf-8")
    assert guides.names(text) <= declared
    assert guides.names(everything) == declared


@each_guide
def test_every_student_gets_a_guide_and_questions(folder: Path) -> None:
    exercise = told(folder)
    for each in all_values(folder):
        guides.read(folder, each)
        for item in exercise.rubric:
            guides.render(item.text, each)
        for question in exercise.questions:
            text, answer = guides.render(question.text, each), guides.render(question.answer, each)
            assert answer.strip() or question.measured, question.id
            if question.kind == "number" and answer:
                float(answer)
            if question.kind == "choice":
                assert re.search(rf"(^|\s){re.escape(answer)}: ", text), question.id


@each_guide
def test_questions_are_of_several_kinds(folder: Path) -> None:
    exercise = told(folder)
    assert exercise.minutes > 0
    assert 3 <= len(exercise.questions) <= 5
    assert len({question.kind for question in exercise.questions}) >= 2
    assert exercise.rubric
    for item in exercise.rubric:
        marks = [float(level.partition(":")[0]) for level in item.levels]
        assert marks == sorted(marks) and marks[0] == 0 and marks[-1] == item.points


@each_guide
def test_questions_stand_in_the_guide(folder: Path) -> None:
    exercise = told(folder)
    text = guides.read(folder, values(folder)).section("Questions").text
    ids = [item.id for item in (*exercise.questions, *exercise.rubric)]
    assert re.findall(r"^- `(\w+)`", text, re.MULTILINE) == ids


@each_guide
def test_every_region_is_in_the_task(folder: Path) -> None:
    task = guides.read(folder, values(folder)).section("Your task").text
    regions = {region.name for region in told(folder).regions}
    assert set(re.findall(r"\b\d\d\.[a-z_]+", task)) >= regions
    assert {name for name in re.findall(rf"\b{folder.name[:2]}\.[a-z_]+", task)} == regions


@each_guide
def test_hints_are_for_what_there_is(folder: Path) -> None:
    exercise = told(folder)
    wanted = {region.name for region in exercise.regions} | {check.id for check in all_checks(folder)}
    hinted = [hint.target for hint in exercise.hints]
    assert len(hinted) == len(set(hinted))
    assert set(hinted) == wanted
    for hint in exercise.hints:
        assert hint.nudge.strip() and hint.pointer.strip() and hint.nearly.strip(), hint.target


@each_guide
def test_points_are_the_sum(folder: Path) -> None:
    exercise = told(folder)
    checks = sum(check.points for check in all_checks(folder))
    more = sum(item.points for item in (*exercise.questions, *exercise.rubric))
    assert exercise.points == pytest.approx(checks + more), f"write points = {checks + more}"


@each_guide
def test_checks_named_in_a_guide_exist(folder: Path) -> None:
    text = (folder / "guide.md").read_text(encoding="utf-8")
    groups = {each.partition(".")[0] for each in check_ids()}
    for name in re.findall(r"`([a-z]+\.[a-z][a-z0-9_]*)`", text):
        if name.partition(".")[0] in groups:
            assert name in check_ids(), name
