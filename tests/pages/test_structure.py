"""What assistive technology is given: landmarks, headings in order, names for all that is a picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

PAGES = (
    "index.html",
    "students/frances-allen.html",
    "instructor/margaret-hamilton.html",
    "instructor/jean-bartik.html",
)


@pytest.mark.parametrize("name", PAGES)
def test_landmarks_and_headings(report: Path, opened: Any, name: str) -> None:
    with opened(report / name) as it:
        assert it.page.evaluate("document.documentElement.lang") == "en"
        for landmark in ("banner", "main", "contentinfo"):
            assert it.page.get_by_role(landmark).count() == 1
        levels = it.page.evaluate(
            "[...document.querySelectorAll('h1,h2,h3,h4,h5')].map((each) => +each.tagName[1])"
        )
        assert levels.count(1) == 1 and levels[0] == 1
        assert all(after - before <= 1 for before, after in pairwise(levels)), levels
        named = it.page.evaluate(
            """[...document.querySelectorAll('section')]
              .map((each) => !!document.getElementById(each.getAttribute('aria-labelledby')))"""
        )
        assert named and all(named)


@pytest.mark.parametrize("name", PAGES)
def test_pictures_tables_and_scrolling_parts_have_words(report: Path, opened: Any, name: str) -> None:
    with opened(report / name) as it:
        for mute in (
            "svg:not([aria-hidden=true]):not([role=img][aria-label])",
            "[role=img]:not([aria-label])",
            "[role=img][aria-label='']",
            "th:not([scope])",
            "[tabindex]:not([role][aria-label])",
            "img:not([alt])",
            "a:not([href]), a[href='']",
        ):
            assert it.page.locator(mute).count() == 0, mute


@pytest.mark.parametrize("name", PAGES)
def test_anchors_are_there_once(report: Path, opened: Any, name: str) -> None:
    with opened(report / name) as it:
        ids = it.page.evaluate("[...document.querySelectorAll('[id]')].map((each) => each.id)")
        assert len(ids) == len(set(ids))
        targets = it.page.evaluate(
            "[...document.querySelectorAll('a[href^=\"#\"]')].map((each) => each.hash.slice(1))"
        )
        assert set(targets) <= set(ids)


def test_every_link_leads_to_a_page(report: Path, opened: Any) -> None:
    for name in PAGES:
        with opened(report / name) as it:
            for link in it.page.evaluate("[...document.links].map((each) => each.href)"):
                assert link.startswith(report.as_uri()), link
                assert Path(unquote(urlsplit(link).path)).is_file(), link


def test_a_verdict_is_told_without_its_colour(report: Path, opened: Any) -> None:
    with opened(report / "index.html") as it:
        it.page.locator("summary", has_text="checks").click()
        row = it.page.get_by_role("row", name="The module loads and makes its device")
        assert row.get_by_role("img", name="failed").count() == 6
        assert row.get_by_role("img", name="passed").count() == 11
