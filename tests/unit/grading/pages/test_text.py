"""Text of submissions, made harmless."""

from __future__ import annotations

import html
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grading.pages import text

ANYTHING = st.text(st.characters(), max_size=600)
"""Every code point there is, surrogates included."""


@pytest.mark.parametrize(
    ("given_", "shown"),
    [
        ("plain", "plain"),
        ("<b>&\"'", "&lt;b&gt;&amp;&#34;&#39;"),
        ("a\0b", 'a<span class="odd">\\0</span>b'),
        ("\x1b[2J", '<span class="odd">\\x1b</span>[2J'),
        ("end\r", 'end<span class="odd">\\r</span>'),
        ("\x7f", '<span class="odd">\\x7f</span>'),
        ("safe\u202egnp.exe", 'safe<span class="odd">U+202E</span>gnp.exe'),
        ("a\u200bb", 'a<span class="odd">U+200B</span>b'),
        ("\udcff", '<span class="odd">U+DCFF</span>'),
        ("a\0\0\0b", 'a<span class="odd">\\0\N{MULTIPLICATION SIGN}3</span>b'),
        (
            "caf\u00e9 \u05e2\u05d1\u05e8\u05d9\u05ea \u4e2d",
            "caf\u00e9 \u05e2\u05d1\u05e8\u05d9\u05ea \u4e2d",
        ),
    ],
)
def test_a_line(given_: str, shown: str) -> None:
    assert text.line(given_) == shown


def test_a_stack_of_marks_is_cut_down() -> None:
    shown = text.line("Z" + "\u0301" * 300)
    assert shown == 'Z\u0301\u0301\u0301<span class="odd">U+0301\N{MULTIPLICATION SIGN}297</span>'


@given(ANYTHING)
def test_nothing_invisible_and_no_mark_up_gets_through(anything: str) -> None:
    for shown in (text.line(anything), text.block(anything), text.sentence(anything), text.name(anything)):
        bare = re.sub(r'</?(?:span class="(?:odd|cut)"|span|code|bdi)>', "", shown)
        assert "<" not in bare and ">" not in bare and '"' not in bare
        for character in shown:
            assert character in "\n\t" or unicodedata.category(character) not in text.INVISIBLE
        shown.encode("utf-8")


@given(ANYTHING)
def test_a_name_for_a_title_is_one_short_line(anything: str) -> None:
    shown = text.plain(anything)
    assert not any(unicodedata.category(character) in text.INVISIBLE for character in shown)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200))
def test_what_is_harmless_stays_as_it_is(harmless: str) -> None:
    assert html.unescape(str(text.line(harmless))) == harmless


def test_a_long_line_says_how_much_is_missing() -> None:
    shown = text.line("x" * 10_400)
    assert shown == "x" * 400 + '<span class="cut">… 10,000 more characters …</span>'


def test_a_long_text_keeps_its_beginning_and_its_end() -> None:
    lines = [f"line {number}" for number in range(1_000)]
    shown = text.block("\n".join(lines)).split("\n")
    assert shown == [*lines[:50], '<span class="cut">… 930 more lines …</span>', *lines[-20:]]


def test_no_note_takes_the_place_of_a_single_line() -> None:
    lines = [f"line {number}" for number in range(71)]
    assert text.block("\n".join(lines)).split("\n") == lines


def test_a_flood_costs_little() -> None:
    shown = text.block(("x" * 100_000 + "\n") * 1_000)
    assert len(shown) < 71 * 500


def test_backticks_are_code_in_sentences_only() -> None:
    assert text.sentence("run `ls <x>` now") == "run <code>ls &lt;x&gt;</code> now"
    assert text.line("`a`") == "`a`"
    assert text.sentence("one ` alone\nand ` below") == "one ` alone\nand ` below"


def test_a_name_without_anything_to_see_can_be_seen() -> None:
    assert text.name("") == text.name("  ") == "<bdi>(no name)</bdi>"
