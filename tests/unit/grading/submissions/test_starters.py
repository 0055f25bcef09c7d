"""Tokens, and what of them was given to the students."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grading.submissions.first_commit import FirstCommit
from grading.submissions.sources import Language, Source, source, sources, tokens
from grading.submissions.starters import Starters, _common, _sorted, of_class, of_folder, stubs
from lab.errors import LabError

SKELETON = """
#include <stdio.h>
/* TODO: the supervisor */
int main(int argc, char **argv) {
    if (argc < 2) { fprintf(stderr, "usage: engine supervisor|start|run|ps|logs|stop\\n"); return 1; }
    fprintf(stderr, "not implemented yet: %s\\n", argv[1]);
    return 1;
}
"""
REFORMATTED = "// by Alice\n" + SKELETON.replace("    ", "\t").replace("{ f", "{\n\n f").replace(
    "TODO", "done"
)
WORK = SKELETON + "\nstatic int work(int a, int b, int c) { return a * b + c / (a - b) - c * c + 7; }\n" * 3


def of(text: str, path: str = "engine.c") -> Source:
    return Source(path, text, "c")


def test_layout_and_comments_do_not_count() -> None:
    assert of(SKELETON).digest == of(REFORMATTED).digest
    assert of(SKELETON).digest != of(SKELETON.replace("argc", "count")).digest
    assert of('a = "b c";').digest != of('a = "b  c";').digest


def test_tokens_know_their_lines() -> None:
    text = 'int a; /* two\nlines */ char *b =\n"x\\"y" // end\n+ 0x1F;'
    assert [(token.kind, token.text, token.line) for token in tokens(text, "c")] == [
        ("word", "int", 1),
        ("word", "a", 1),
        ("mark", ";", 1),
        ("word", "char", 2),
        ("mark", "*", 2),
        ("word", "b", 2),
        ("mark", "=", 2),
        ("text", '"x\\"y"', 3),
        ("mark", "+", 4),
        ("number", "0x1F", 4),
        ("mark", ";", 4),
    ]


def test_tokens_of_python() -> None:
    text = 'def f():  # why\n    """Two\n    lines."""\n    return \'#\'\n'
    assert [token.text for token in tokens(text, "python")] == [
        *("def", "f", "(", ")", ":"),
        '"""Two\n    lines."""',
        *("return", "'#'"),
    ]


@given(st.text(alphabet="/*\"'\\\n#ab \t0.", max_size=200), st.sampled_from(["c", "python"]))
def test_nothing_is_an_error_to_the_lexer(text: str, language: Language) -> None:
    last = 1
    for token in tokens(text, language):
        assert token.text in text
        assert last <= token.line <= text.count("\n") + 1
        last = token.line


@pytest.mark.parametrize(
    "unit", ["/*", "/* ", '"', "'", "\\", "*/", '"""', "'''", " ", "//", '"\\', "/*/", "a", "#", "\\'''\n"]
)
@pytest.mark.parametrize("end", ["", "\\"])
@pytest.mark.parametrize("language", ["c", "python"])
def test_no_text_takes_long(unit: str, end: str, language: Language) -> None:
    began = time.process_time()
    for _ in tokens(unit * 40_000 + end, language):
        pass
    assert time.process_time() - began < 5, "the time grows faster than the text"


def test_what_is_a_source(tmp_path: Path) -> None:
    contents = {
        "a/engine.c": b"int x;\r\nint y;",
        "engine": b"#!/usr/bin/env python3\n",
        "run": b"#!/bin/sh\n",
        "latin.h": b"/* \xfc */",
        "monitor.mod.c": b"x",
        "big.c": b"x" * 600_000,
        "README.md": b"x",
    }
    for name, content in contents.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
    found = {source.path: source.language for source in sources(tmp_path)}
    assert found == {"a/engine.c": "c", "engine": "python", "latin.h": "c"}
    assert sources(tmp_path)[0].text == "int x;\nint y;"


def test_all_sources_together_are_limited_and_the_top_comes_first(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "vendored"
    deep.mkdir(parents=True)
    for number in range(20):
        (deep / f"{number}.c").write_bytes(b"x" * 500_000)
    (tmp_path / "engine.c").write_text("int x;")
    found = sources(tmp_path)
    assert "engine.c" in {source.path for source in found}
    assert sum(len(source.text) for source in found) <= 8 * 1024 * 1024


@given(st.binary(max_size=100))
def test_any_bytes_may_be_a_source(content: bytes) -> None:
    read = source("x.c", content)
    assert read is not None
    assert read.digest and read.is_program in (True, False)


def test_the_instructors_starter(tmp_path: Path) -> None:
    (tmp_path / "engine.c").write_text(SKELETON)
    starters = of_folder(tmp_path)
    assert starters.untouched(of(REFORMATTED))
    assert starters.own(of(REFORMATTED)) == 0
    assert not starters.untouched(of(WORK))
    assert starters.own(of(WORK)) == len(of(WORK).tokens) - len(of(SKELETON).tokens) == 102


def test_a_starter_without_sources(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="holds no C or Python file"):
        of_folder(tmp_path)
    with pytest.raises(LabError, match="is no folder"):
        of_folder(tmp_path / "none")


def test_what_many_hand_in_alike_was_given_to_them() -> None:
    handed_in = {
        f"s{n}": [of(WORK.replace("work", f"work{n}")), of(SKELETON, "old/engine.c")] for n in range(9)
    }
    starters = of_class(handed_in, {})
    assert starters.untouched(of(SKELETON))
    assert starters.own(of(SKELETON)) == 0


def test_also_where_each_changed_the_file() -> None:
    own = "int {0}(void) {{ return {0}_a + {0}_b * {0}_c - {0}_d / {0}_e; }}"
    handed_in = {f"s{n}": [of(SKELETON + own.format(f"f{n}"))] for n in range(6)}
    starters = of_class(handed_in, {})
    assert not starters.untouched(handed_in["s0"][0])
    assert 10 <= starters.own(handed_in["s0"][0]) <= 40


def test_three_friends_in_a_class_of_twenty_make_no_skeleton() -> None:
    handed_in = {
        f"s{n}": [of(f"int main(void) {{ return {'+'.join(f'x{n}_{m}' for m in range(40))}; }}")]
        for n in range(17)
    }
    handed_in |= {f"friend{n}": [of(WORK)] for n in range(3)}
    assert not of_class(handed_in, {}).untouched(of(WORK))
    assert of_class(handed_in, {}).own(of(WORK)) > 100


def test_a_first_commit_that_several_share_is_the_skeleton() -> None:
    shared = FirstCommit("1" * 40, (of(SKELETON),))
    starters = of_class({}, {"alice": shared, "bob": shared})
    assert starters.untouched(of(SKELETON))


def test_a_first_commit_that_two_of_many_share_is_no_skeleton() -> None:
    """One may be a fork of the other, made to have the other's work taken for the skeleton."""
    shared = FirstCommit("1" * 40, (of(WORK),))
    for others, is_skeleton in ((4, True), (5, False)):
        handed_in = {name: [of(SKELETON + name)] for name in ("ann", "bob", *map(str, range(others)))}
        starters = of_class(handed_in, {"ann": shared, "bob": shared})
        assert starters.untouched(of(WORK)) is is_skeleton, "a third of the class"


def test_a_first_commit_of_ones_own_is_a_weak_sign() -> None:
    """Some commit once, when they have finished."""
    first = {"alice": FirstCommit("1" * 40, (of(WORK),)), "bob": FirstCommit("2" * 40, (of(SKELETON),))}
    starters = of_class({}, first).for_submission(first["alice"])
    assert not starters.untouched(of(WORK))
    assert not starters.since_first_commit(of(WORK))
    assert starters.since_first_commit(of(SKELETON))
    assert of_class({}, first).for_submission(None) == Starters()


@given(st.lists(st.sets(st.binary(min_size=8, max_size=8)), max_size=6), st.integers(1, 3))
def test_runs_are_counted_in_parts_as_they_would_be_at_once(held: list[set[bytes]], enough: int) -> None:
    held += [{bytes(8), b"\xff" * 8, b"\x10" + bytes(7)}] * 2
    counted = Counter(run for runs in held for run in runs)
    found = list(_common([_sorted(runs) for runs in held], enough))
    assert sorted(found) == sorted(run for run, count in counted.items() if count >= enough)


def test_small_files_are_never_skeleton() -> None:
    tiny = of("int main(void) { return 0; }")
    assert not of_class({f"s{n}": [tiny] for n in range(9)}, {}).untouched(tiny)


@settings(max_examples=30)
@given(st.lists(st.sampled_from([SKELETON, WORK, "int x;", ""]), max_size=6))
def test_own_code_is_never_more_than_all(texts: list[str]) -> None:
    starters = of_class({str(n): [of(text)] for n, text in enumerate(texts)}, {})
    for text in texts:
        assert 0 <= starters.own(of(text)) <= len(of(text).tokens)


def test_signs_of_a_stub() -> None:
    assert stubs(of(SKELETON)) == 2
    assert stubs(of("int todos; /* method */")) == 0
