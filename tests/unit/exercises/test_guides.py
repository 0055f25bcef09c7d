"""The machinery of guides; the guides themselves are held to the rules in test_rules.py."""

from __future__ import annotations

import re

import pytest

from lab.errors import LabError
from lab.exercises import consoles, guides

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
