"""Submissions that resemble each other: found whatever was renamed, and none because of the skeleton."""

from __future__ import annotations

import random
import re

import pytest

from grading.submissions.similarity import SimilarPair, similar
from grading.submissions.sources import Source
from grading.submissions.starters import Starters

NAMES = ["count", "limit", "first", "table", "child", "state", "reader", "length"]


def program(seed: int, functions: int = 12) -> str:
    """A program that nobody else would write."""
    chance = random.Random(seed)

    def value(depth: int = 0) -> str:
        if depth > 2 or chance.random() < 0.3:
            return chance.choice([*NAMES, "1", "20", "table[first]", "child->state", "read(first, length)"])
        return f"({value(depth + 1)} {chance.choice('+-*/%&|^')} {value(depth + 1)})"

    def statement(depth: int = 0) -> str:
        kind = chance.randrange(5 if depth < 2 else 2)
        if kind == 0:
            return f"{chance.choice(NAMES)} {chance.choice(['=', '+=', '-=', '|='])} {value()};"
        if kind == 1:
            return f"{chance.choice(['lock', 'wait_for', 'put'])}({value()}, {value()});"
        body = "\n".join(statement(depth + 1) for _ in range(chance.randrange(1, 4)))
        head = ["if ({0} < {1})", "while ({0})", "for (int i = 0; i < {0}; i += {1})"][kind - 2]
        return f"{head.format(value(), value())} {{\n{body}\n}}"

    bodies = ("\n".join(statement() for _ in range(chance.randrange(3, 7))) for _ in range(functions))
    return "\n".join(
        f"static int f{n}(int first, struct table *table)\n{{\n{body}\n}}" for n, body in enumerate(bodies)
    )


def disguised(text: str) -> str:
    """Renamed, reformatted, commented, and its functions in another order."""
    functions = re.split(r"(?=^static )", text, flags=re.MULTILINE)
    text = "".join(reversed(functions))
    for name in NAMES:
        text = re.sub(rf"\b{name}\b", f"my_{name}_x", text)
    return text.replace("\n", "\n\n/* mine */   ").replace("{", "\n  {")


def handed_in(**texts: str) -> dict[str, list[Source]]:
    return {name: [Source("src/engine.c", text, "c")] for name, text in texts.items()}


def pairs(found: list[SimilarPair]) -> list[tuple[str, str]]:
    return [(pair.left, pair.right) for pair in found]


def test_a_copy_in_disguise() -> None:
    found = similar(handed_in(a=program(1), b=program(2), c=disguised(program(1)), d=program(4)), Starters())
    assert pairs(found) == [("a", "c")]
    assert found[0].score > 0.9
    assert len(found[0].regions) > 5


def test_regions_are_the_same_code_side_by_side() -> None:
    copied = program(1, functions=1)
    lines = copied.count("\n") + 1
    left = program(2) + "\nint before;\n" + copied + "\n" + program(3)
    right = program(4, functions=3) + "\n\n\n" + copied
    (pair,) = similar(handed_in(a=left, b=right), Starters(), at_least=0.01)
    (left_lines, right_lines) = pair.regions[0]
    begin_left = program(2).count("\n") + 3
    begin_right = program(4, functions=3).count("\n") + 4
    assert left_lines[0] == right_lines[0] == "src/engine.c"
    assert left_lines[1:] == (begin_left, begin_left + lines - 1)
    assert right_lines[1:] == (begin_right, begin_right + lines - 1)


def test_the_skeleton_does_not_count() -> None:
    skeleton = program(1, functions=20)
    texts = handed_in(**{f"s{n}": skeleton + "\n" + program(n + 2) for n in range(4)})
    assert len(similar(texts, Starters())) == 6
    starters = Starters().and_of([Source("engine.c", skeleton, "c")])
    assert similar(texts, starters) == []


def test_a_copied_part_counts_beside_the_skeleton() -> None:
    skeleton, copied = program(1, functions=20), program(9)
    starters = Starters().and_of([Source("engine.c", skeleton, "c")])
    texts = handed_in(
        a=skeleton + copied, b=skeleton + program(3), c=disguised(copied) + skeleton + program(5, functions=2)
    )
    found = similar(texts, starters)
    assert pairs(found) == [("a", "c")]
    first = skeleton.count("\n")
    assert all(left[1] >= first for left, _ in found[0].regions)


def test_files_may_be_cut_and_joined() -> None:
    functions = re.split(r"(?=^static )", program(1), flags=re.MULTILINE)
    split = [Source(f"{n}.c", text, "c") for n, text in enumerate(functions) if text]
    (pair,) = similar({"a": split, "b": [Source("all.c", program(1), "c")]}, Starters())
    assert pair.score > 0.8
    assert {left[0] for left, _ in pair.regions} == {source.path for source in split}


def test_small_and_empty_submissions_are_not_compared() -> None:
    small = (
        "int main(int count, char **table) { "
        + "count = read(table, count) + 1; " * 2
        + "return count * 2 - 1 + count; }"
    )
    assert len(list(Source("a.c", small, "c").tokens)) > 40
    assert similar({**handed_in(a=small, b=small, c="", d=""), "e": []}, Starters()) == []


def test_the_same_file_twice_in_one_submission_counts_once() -> None:
    twice = [Source(f"task{n}/engine.c", program(1), "c") for n in range(8)]
    (pair,) = similar({"a": twice, "b": [Source("engine.c", program(1), "c")]}, Starters())
    assert pair.score == 1.0


@pytest.mark.parametrize("text", ["x" * 400_000, "a=1;" * 60_000, "{" * 100_000])
def test_monotonous_files_match_nothing(text: str) -> None:
    assert similar(handed_in(a=text, b=text), Starters()) == []


def test_the_order_is_that_of_the_score() -> None:
    half = program(1, functions=6) + program(3, functions=6)
    found = similar(handed_in(a=program(1), b=half, c=disguised(program(1))), Starters(), at_least=0.2)
    assert pairs(found)[0] == ("a", "c")
    assert [pair.score for pair in found] == sorted((pair.score for pair in found), reverse=True)
    assert found == similar(
        handed_in(a=program(1), b=half, c=disguised(program(1))), Starters(), at_least=0.2
    )
