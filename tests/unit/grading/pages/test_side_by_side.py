"""Similar submissions with their lines."""

from __future__ import annotations

from pathlib import Path

from grading.pages.side_by_side import of_class

LOOP = """
int count_{0}(const char *{0}, int limit)
{{
        int found = 0;
        for (int at = 0; at < limit; at++) {{
                if ({0}[at] == '\\n' || {0}[at] == 0)
                        found += {0}[at] ? 2 : 1;
                while (found > {1} && at % 7 != 3)
                        found = (found * 5 - at) >> 1;
        }}
        return found ? found : -limit;
}}
"""


def program(name: str, first: int) -> str:
    return "#include <stdio.h>\n" + "".join(LOOP.format(f"{name}{at}", first * at) for at in range(1, 5))


def test_pairs_come_with_the_lines_that_are_alike(tmp_path: Path) -> None:
    for submission, source in (("ada", program("text", 5)), ("bob", program("words", 9))):
        (tmp_path / submission / "src").mkdir(parents=True)
        (tmp_path / submission / "src/engine.c").write_text(source)
    (tmp_path / "cyd").mkdir()
    (tmp_path / "cyd/engine.c").write_text("int main(void) { return 0; }\n")
    [pair] = of_class(tmp_path)
    assert (pair.left, pair.right) == ("ada", "bob") and pair.score > 0.9
    left, right = pair.passages[0]
    assert left.file == right.file == "src/engine.c"
    assert "int count_text1" in left.source and "int count_words1" in right.source
    assert left.source.count("\n") == left.last_line - left.first_line
