"""The pages in a real browser: what a person sees, and what may not happen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.pages.conftest import Asked

PAGES = (
    "index.html",
    "students/frances-allen.html",
    "instructor/frances-allen.html",
    "instructor/margaret-hamilton.html",
    "instructor/alan-turing.html",
    "instructor/jean-bartik.html",
)
"""Between them they have every part: failed, skipped, undecided, passed, a mark, a problem."""
PHONE = 360
LEAST_CONTRAST = 4.5
"""Of text against its background: WCAG 2.2, success criterion 1.4.3, level AA."""

OPEN_ALL = "for (const each of document.querySelectorAll('details')) each.open = true"
SCROLL_WIDTH = "document.documentElement.scrollWidth"

# Every text that can be seen, with its colour and that of what lies behind it. A canvas turns any
# colour that CSS knows into red, green, blue and opacity.
CONTRASTS = """() => {
  const canvas = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const parse = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3]));
  const luminance = (colour) => {
    const [r, g, b] = colour.map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] === 1) break;
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.checkVisibility() || element.closest('script, style')) continue;
    const style = getComputedStyle(element);
    const back = behind(element);
    const front = over(parse(element.closest('svg') ? style.fill : style.color), back);
    const [one, other] = [luminance(front), luminance(back)].sort((a, b) => b - a);
    found.push([(one + 0.05) / (other + 0.05), walker.currentNode.data.trim().slice(0, 40), element.className]);
  }
  return found;
}"""


@pytest.mark.parametrize("name", PAGES)
def test_nothing_leaves_and_nobody_complains(report: Path, opened: Any, name: str) -> None:
    with opened(report / name) as it:
        it.page.evaluate(OPEN_ALL)
        assert it.requests == []
        assert it.complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_phone(report: Path, opened: Any, name: str) -> None:
    with opened(report / name, width=PHONE) as it:
        assert it.page.evaluate(SCROLL_WIDTH) <= PHONE
        it.page.evaluate(OPEN_ALL)
        assert it.page.evaluate(SCROLL_WIDTH) <= PHONE


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_every_text_stands_out(report: Path, opened: Any, name: str, scheme: str) -> None:
    with opened(report / name, color_scheme=scheme) as it:
        it.page.evaluate(OPEN_ALL)
        found = it.page.evaluate(CONTRASTS)
        assert len(found) > 10
        assert [each for each in found if each[0] < LEAST_CONTRAST] == []


def test_dark_is_dark_and_light_is_light(report: Path, opened: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for scheme in ("light", "dark"):
        with opened(report / "index.html", color_scheme=scheme) as it:
            seen[scheme] = it.page.evaluate(ground)
    assert seen == {"light": "rgb(247, 245, 241)", "dark": "rgb(18, 22, 28)"}


@pytest.mark.parametrize(
    ("name", "inside"), [("index.html", "table.checks"), ("students/ada-lovelace.html", "details .short")]
)
def test_what_is_collapsed_is_printed(report: Path, opened: Any, name: str, inside: str) -> None:
    # What has no size within a part that is not rendered has none at all.
    sizes = f"[...document.querySelectorAll('{inside}')].map((each) => each.checkVisibility() && each.offsetHeight)"
    with opened(report / name) as it:
        assert not any(it.page.evaluate(sizes))
        it.page.emulate_media(media="print")
        printed = it.page.evaluate(sizes)
        assert printed and all(printed)
        assert it.page.evaluate(CONTRASTS)
        assert [each for each in it.page.evaluate(CONTRASTS) if each[0] < LEAST_CONTRAST] == []


def test_paper_has_no_part_that_scrolls(report: Path, opened: Any) -> None:
    clipped = """[...document.querySelectorAll('pre, .scroll')].filter((each) => each.checkVisibility()
      && getComputedStyle(each).overflowX !== 'visible').length"""
    with opened(report / "index.html") as it:
        it.page.evaluate(OPEN_ALL)
        assert it.page.evaluate(clipped)
        it.page.emulate_media(media="print")
        assert not it.page.evaluate(clipped)


def test_a_click_on_a_heading_sorts(report: Path, opened: Any) -> None:
    names = "[...document.querySelectorAll('.submissions tbody th a')].map((each) => each.textContent)"
    with opened(report / "index.html") as it:
        first = it.page.evaluate(names)
        assert first[:2] == ["jean-bartik", "margaret-hamilton"], "those with problems come first"
        it.page.get_by_role("button", name="Submission", exact=True).click()
        assert it.page.evaluate(names) == sorted(first, key=str.casefold)
        it.page.get_by_role("button", name="Failed").click()
        counts = it.page.evaluate(
            "[...document.querySelectorAll('tbody td[data-label=Failed]')].map((each) => +each.dataset.value)"
        )
        assert counts == sorted(counts, reverse=True) and counts[0] > 0
        heading = it.page.get_by_role("columnheader", name="Failed")
        assert heading.get_attribute("aria-sort") == "descending"
        it.page.get_by_role("button", name="Failed").press("Enter")
        assert heading.get_attribute("aria-sort") == "ascending"
        assert it.page.locator("[aria-sort]").count() == 1
        assert it.complaints == []


def test_without_javascript_nothing_is_missing(report: Path, opened: Any) -> None:
    with opened(report / "index.html", java_script_enabled=False) as it:
        assert it.page.locator(".submissions tbody tr").count() == 18
        assert it.page.locator("button").count() == 0
        it.page.locator("summary").first.click()
        assert it.page.locator("table.checks").is_visible()


def test_a_hostile_class_is_only_text(hostile_report: Path, opened: Any) -> None:
    pages = sorted(hostile_report.rglob("*.html"))
    assert len(pages) == 21
    with opened(pages[0], width=PHONE) as it:
        for path in pages:
            it.open(path)
            it.page.evaluate(OPEN_ALL)
            assert it.page.evaluate("window.owned") is None, path.name
            assert it.requests == [] and it.complaints == [], path.name
            assert it.page.evaluate(SCROLL_WIDTH) <= PHONE, path.name
            assert it.page.locator("main img, main a[href^=javascript], main script").count() == 0


@pytest.mark.parametrize("name", ["index.html", "students/ada-lovelace.html"])
def test_mark_up_that_slipped_through_would_be_dead(
    report: Path, opened: Any, asked: Asked, name: str
) -> None:
    slip = """(url) => {
      document.body.insertAdjacentHTML('beforeend', `<img src="${url}/image" onerror="window.owned = 1">
        <form action="${url}/form"></form><iframe src="${url}/frame"></iframe>`);
      const script = document.createElement('script');
      script.textContent = 'window.owned = 2';
      document.body.append(script);
      document.body.setAttribute('style', 'display: none');
      document.forms[0].submit();
      return fetch(url).catch(() => 'refused');
    }"""
    with opened(report / name) as it:
        assert it.page.evaluate(slip, asked.url) == "refused"
        assert it.page.evaluate("window.owned") is None
        assert it.page.evaluate("getComputedStyle(document.body).display") == "block"
        assert asked.paths == []
        assert {"img-src", "form-action", "script-src", "style-src", "connect-src", "frame-src"} <= {
            word for each in it.complaints for word in re.findall(r"[a-z]+-(?:src|action)", each)
        }
