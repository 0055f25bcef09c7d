"""The folder that a demo leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest

from lab.demo import page
from lab.demo.cpu import Shares
from lab.demo.model import (
    SCHEMA_VERSION,
    Condition,
    Demonstration,
    Evidence,
    Figure,
    Report,
    Surroundings,
    Verdict,
)
from lab.demo.plots import INK, cpu_figure, memory_figure
from lab.demo.stage import HogRun
from lab.errors import LabError

EVIL = '<script>alert("x")</script> & </pre>'

RUN = HogRun(
    pid=7,
    began=100.0,
    samples=[(100.1, 1 << 20), (101.0, 12 << 20), (102.0, 31 << 20)],
    soft_at=101.0,
    hard_at=102.1,
    ps_after_warning="",
    end="gone",
    ended_at=102.2,
)


@cache
def drawn() -> tuple[Figure, ...]:
    """Both figures; not before they are asked for, because every worker that collects tests imports this."""
    return memory_figure(RUN), cpu_figure(Shares([0.0, 5.0, 10.0], [0.0, 4.8, 9.6], [0.0, 0.2, 0.4]))


def report(*verdicts: Verdict, figures: tuple[Figure, ...] | None = None) -> Report:
    return Report(
        Surroundings(EVIL, "qemu", "6.12", "Debian", 2, "2026-11-24T08:39:00+00:00"),
        tuple(
            Demonstration(
                number,
                f"Title {number}",
                "`ps` tells.",
                (Evidence(EVIL, EVIL, 3, 0.1),),
                drawn() if figures is None else figures,
                verdict,
                1.0,
            )
            for number, verdict in enumerate(verdicts, 1)
        ),
        (Evidence("insmod monitor.ko", "", 0, 0.1),),
        12.3,
    )


GOOD = Verdict((Condition("it is so", True),), "All is well.", "a fact")
BAD = Verdict((Condition("it is so", False), Condition("that too", True)), "All is well.", "a fact")


class Reader(HTMLParser):
    """Collects what a browser would see."""

    VOID = frozenset({"meta", "br", "img", "link"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.roles: list[dict[str, str | None]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in self.VOID:
            self.open.append(tag)
        attributes = dict(attrs)
        self.ids += [value for value in [attributes.get("id")] if value]
        self.links += [value for name, value in attrs if name in ("href", "src", "xlink:href") and value]
        if attributes.get("role") == "img":
            self.roles.append(attributes)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def html() -> str:
    """Of one demonstration that holds, with pictures, and one that does not."""
    good, bad = report(GOOD, BAD).demonstrations
    return page.render(replace(report(), demonstrations=(good, replace(bad, figures=()))))


def test_it_is_one_whole_page_that_needs_nothing_else(html: str) -> None:
    reader = Reader(html)
    assert not {"script", "link", "img", "iframe"} & set(reader.tags)
    assert all(link.startswith("#") for link in reader.links)
    assert {link[1:] for link in reader.links} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))
    assert not re.search(r"@import|url\((?!#)", html)
    assert 'name="viewport"' in html and "@media print" in html and "prefers-color-scheme: dark" in html


def test_nothing_from_the_guest_is_obeyed(html: str) -> None:
    assert "<script" not in html
    assert html.count("&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt; &amp; &lt;/pre&gt;") >= 5


def test_a_reader_sees_the_verdicts_first(html: str) -> None:
    assert html.index("1 of 2") < html.index("Evidence")
    assert html.index("a fact") < html.index("<section")
    assert html.index("1 of 2 conditions fail") < html.index("<section")
    assert "Not so: it is so." in html
    assert "<code>ps</code> tells." in html
    assert "exit status 3" in html


def test_every_picture_is_told_in_words(html: str) -> None:
    reader = Reader(html)
    assert reader.tags.count("svg") == 2
    assert all(attributes.get("aria-label") for attributes in reader.roles)
    memory, cpu = drawn()
    assert "soft limit of 10 MiB" in memory.alt and "killed at 2.2 s" in memory.alt
    assert "96.0%" in cpu.alt and "96.6%" in cpu.alt


def test_pictures_follow_the_page() -> None:
    for figure in drawn():
        assert figure.svg.startswith("<svg") and "var(--ink" in figure.svg
        assert not re.search(r"#0[0-9]0[0-9]0[0-9]", figure.svg), "a stand-in colour was left"
        assert INK not in figure.svg
        assert "<text" in figure.svg  # and not outlines of letters
    assert memory_figure(RUN).svg == drawn()[0].svg


def test_pictures_of_broken_runs_can_be_drawn() -> None:
    for broken in (
        HogRun(7, 100.0, [], None, None, "", "time", 130.0),
        HogRun(7, 100.0, [(100.1, 1 << 20)], None, None, "", "time", 130.0),
        HogRun(7, 100.0, [], 101.0, None, "", "gone", 101.0),
    ):
        assert memory_figure(broken).svg
    assert cpu_figure(Shares([0.0, 1.0], [0.0, 0.9], [0.0, 0.0])).svg


def test_json_says_the_same() -> None:
    told = page.as_json(report(GOOD, BAD))
    assert told["schema_version"] == SCHEMA_VERSION
    assert told["holds"] is False
    assert [each["holds"] for each in told["demonstrations"]] == [True, False]
    assert told["demonstrations"][1]["conditions"] == [
        {"text": "it is so", "holds": False},
        {"text": "that too", "holds": True},
    ]
    assert told["demonstrations"][0]["evidence"][0]["output"] == EVIL
    assert told["demonstrations"][0]["figures"][0]["samples"]["resident_mib"] == [1.0, 12.0, 31.0]
    assert json.loads(json.dumps(told)) == told


def test_nothing_shown_does_not_hold() -> None:
    assert not report().holds
    assert not Verdict(()).holds


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    assert not [each for each in tmp_path.iterdir() if each.name.startswith(".")], (
        "something half-made was left"
    )


def test_the_folder_is_written_and_replaced(place: Path) -> None:
    page.write(report(BAD, figures=()), place / "demo")
    page.write(report(GOOD, figures=()), place / "demo")
    assert sorted(each.name for each in (place / "demo").iterdir()) == ["demo.json", "index.html"]
    assert json.loads((place / "demo/demo.json").read_text())["holds"] is True
    (place / "empty").mkdir()
    page.write(report(GOOD, figures=()), place / "empty")
    assert (place / "empty/index.html").is_file()


def test_a_failure_leaves_the_old_folder_and_nothing_else(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page.write(report(GOOD, figures=()), place / "demo")

    def full(_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page, "as_json", full)
    with pytest.raises(OSError, match="No space"):
        page.write(report(BAD, figures=()), place / "demo")
    assert json.loads((place / "demo/demo.json").read_text())["holds"] is True


def test_what_is_somebody_elses_is_not_replaced(place: Path) -> None:
    (place / "file").write_text("mine")
    (place / "full").mkdir()
    (place / "full/thesis.txt").write_text("mine")
    for folder, words in (
        (place / "file", "not a folder"),
        (place / "full", "something else"),
        (place / "a/b", "no folder"),
    ):
        with pytest.raises(LabError, match=words):
            page.check_folder(folder)
