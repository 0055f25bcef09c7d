"""The site of guides and READMEs, as a browser shows it: from its files, and served on this host."""

from __future__ import annotations

import importlib.util
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

from lab.exercises import catalogue, guides, parameters
from lab.site import single
from lab.site.build import build
from lab.site.pages import VOICES, pages
from lab.site.serve import server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page, Request

LOADED_MS = 5000
"""How long a page may take to show what a script of its own adds."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site."""
    if importlib.util.find_spec("zensical") is None:
        where = "no Zensical here; ./bootstrap.sh --with site brings it"
        if os.environ.get("CI"):
            pytest.fail(where)
        pytest.skip(where)
    folder = tmp_path_factory.mktemp("site") / "built"
    build(folder)
    return folder


@pytest.fixture(scope="module")
def address(site: Path) -> Iterator[str]:
    """The site, served on this host."""
    with server(site, 0) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def narrow(browser: Browser) -> Iterator[tuple[Page, list[str], list[str]]]:
    """A window as wide as a telephone: it, what it asked for, and what it complained about."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    page.on("request", note)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    # What was still under way when the next page was opened is no complaint.
    page.on(
        "requestfailed", lambda it: complaints.append(it.url) if it.failure != "net::ERR_ABORTED" else None
    )
    yield page, asked, complaints
    context.close()


LOOK = """async () => (await Promise.allSettled([...document.images].map((each) => each.decode())), {
    links: [...document.links].map((each) => each.href),
    ids: [...document.querySelectorAll("[id]")].map((each) => each.id),
    silent: [...document.querySelectorAll("img, [role=img]")]
        .filter((each) => !(each.alt || each.getAttribute("aria-label") || each.querySelector("title")))
        .map((each) => each.outerHTML.slice(0, 200)),
    // An icon stands beside words, or in something that has a name of its own.
    unnamed: [...document.querySelectorAll("svg")]
        .map((each) => each.closest("a, button, label, [role=button]"))
        .filter((each) => each && !(each.textContent.trim() || each.title || each.getAttribute("aria-label")
            || each.getAttribute("aria-hidden") || each.matches(".md-overlay, [hidden]")))
        .map((each) => each.outerHTML.slice(0, 200)),
    broken: [...document.images].filter((each) => !each.complete || !each.naturalWidth).map((each) => each.src),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    cut: [...document.querySelectorAll(".md-content p, .md-content li, .md-content h1, .md-content h2")]
        .filter((each) => each.checkVisibility() && each.getBoundingClientRect().right > innerWidth + 1
            && !each.closest("table, pre")).map((each) => each.textContent.slice(0, 80)),
    text: document.querySelector("article, main").innerText,
    typed: document.querySelectorAll("pre.console .typed").length,
    blocks: document.querySelectorAll("pre.console").length,
    buttons: document.querySelectorAll(".console-frame > button.copy").length,
    headings: document.querySelectorAll(".md-content h1").length,
})"""


@pytest.fixture(scope="module")
def seen(
    site: Path, address: str, narrow: tuple[Page, list[str], list[str]]
) -> tuple[dict[str, Any], list[str], list[str]]:
    """What is on each page, by its path; with all that was asked for, and all complaints."""
    page, asked, complaints = narrow
    found: dict[str, Any] = {}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if name != "404.html":
            # By then the page's scripts have run; the index for the search would be read 29 times.
            page.goto(f"{address}/{name}", wait_until="domcontentloaded")
            found[name] = page.evaluate(LOOK)
    return found, asked, complaints


Seen = tuple[dict[str, Any], list[str], list[str]]


def test_every_page_is_there_and_has_one_title(seen: Seen) -> None:
    wanted = {each.place.removesuffix(".md") + ".html" for each in pages(catalogue.exercises())}
    assert set(seen[0]) == wanted
    assert {name: it["headings"] for name, it in seen[0].items() if it["headings"] != 1} == {}


def test_every_link_leads_somewhere(seen: Seen, address: str) -> None:
    wrong = []
    for name, it in seen[0].items():
        for link in it["links"]:
            target = urlsplit(link)
            inside = unquote(target.path).removeprefix("/") or "index.html"
            if (
                f"{target.scheme}://{target.netloc}" != address
                or inside not in seen[0]
                or (target.fragment and unquote(target.fragment) not in seen[0][inside]["ids"])
            ):
                wrong.append((name, link))
    assert wrong == []


def test_nothing_is_fetched_from_elsewhere_and_nothing_is_missing(seen: Seen, address: str) -> None:
    _, asked, complaints = seen
    assert [url for url in asked if not url.startswith((f"{address}/", "data:"))] == []
    assert complaints == []


def test_every_picture_is_there_and_has_words(seen: Seen) -> None:
    assert {name: it["broken"] for name, it in seen[0].items() if it["broken"]} == {}
    assert {name: it["silent"] for name, it in seen[0].items() if it["silent"]} == {}
    assert {name: it["unnamed"] for name, it in seen[0].items() if it["unnamed"]} == {}


def test_it_can_be_read_on_a_telephone(seen: Seen) -> None:
    assert {name: it["wide"] for name, it in seen[0].items() if it["wide"] > 0} == {}
    assert {name: it["cut"] for name, it in seen[0].items() if it["cut"]} == {}


def test_three_voices_and_the_exercises_in_order(browser: Browser, address: str) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(f"{address}/students/index.html")
    tabs = [each.strip() for each in page.locator(".md-tabs__link").all_inner_texts()]
    assert tabs == ["Boxwright", *VOICES]
    beside = page.locator(".md-sidebar--primary").inner_text()
    places = [beside.index(each.title) for each in pages(catalogue.exercises()) if each.exercise]
    assert places == sorted(places)
    page.close()


@pytest.mark.parametrize("served", [True, False], ids=["served", "as files"])
def test_search_finds_a_word(browser: Browser, address: str, site: Path, served: bool) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{address}/index.html" if served else (site / "index.html").as_uri())
    field = page.locator("input[role=combobox]")
    field.wait_for(state="attached", timeout=LOADED_MS)
    page.locator(".md-search__button").click()
    field.press_sequentially("pivot_root")
    first = page.get_by_role("option").filter(has_text="A root of its own").first
    first.wait_for(timeout=LOADED_MS)
    assert field.input_value() == "pivot_root"
    first.click()
    page.wait_for_url("**/students/02_rootfs.html*", wait_until="commit", timeout=LOADED_MS)
    assert complaints == []
    page.close()


COPYING = ["clipboard-read", "clipboard-write"]
"""Permissions of a page that is tried; a person grants them by clicking."""


def press_copy(page: Page, block: int) -> str:
    """Press the button of a console block, by keyboard alone; what the clipboard holds then."""
    page.locator("pre.console").nth(block).focus()
    button = page.locator(".console-frame > button.copy").nth(block)
    for _ in range(3):  # the theme may have made what scrolls a stop, too
        page.keyboard.press("Tab")
        if has_focus(button):
            break
    assert has_focus(button)
    page.keyboard.press("Enter")
    page.get_by_text("Copied", exact=True).wait_for(timeout=LOADED_MS)
    assert has_focus(button), "the focus stays"
    return str(page.evaluate("navigator.clipboard.readText()"))


def has_focus(button: Locator) -> bool:
    return bool(button.evaluate("(it) => it === document.activeElement"))


def typed_in(number: str, block: int) -> str:
    """What a reader types of a guide's console block."""
    exercise = catalogue.exercise(number)
    guide = guides.read(exercise.folder, parameters.values(exercise.parameters, "", ""))
    return "\n".join(each.text for each in guide.blocks[block].commands)


@pytest.mark.parametrize("served", [True, False], ids=["served", "as files"])
@pytest.mark.parametrize("block", [0, 1])
def test_a_button_copies_what_is_typed_and_nothing_else(
    browser: Browser, address: str, site: Path, served: bool, block: int
) -> None:
    context = browser.new_context(permissions=COPYING)
    page = context.new_page()
    name = "students/08_scheduler.html"  # its first block has heredocs and an output
    page.goto(f"{address}/{name}" if served else (site / name).as_uri())
    wanted = typed_in("08", block)
    assert "guest#" not in wanted
    assert press_copy(page, block) == wanted
    context.close()


def test_where_the_clipboard_is_not_lent_a_selection_is_copied(browser: Browser, address: str) -> None:
    context = browser.new_context(permissions=COPYING)
    page = context.new_page()
    page.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new DOMException('no', 'NotAllowedError'))"
    )
    page.goto(f"{address}/students/08_scheduler.html")
    assert press_copy(page, 1) == typed_in("08", 1)
    context.close()


def test_every_console_block_has_its_button(seen: Seen) -> None:
    assert {
        name: it["blocks"] - it["buttons"] for name, it in seen[0].items() if it["blocks"] != it["buttons"]
    } == {}
    assert sum(it["buttons"] for it in seen[0].values()) > 40


def test_guides_have_no_placeholder_and_tell_what_is_typed(seen: Seen) -> None:
    for exercise in catalogue.exercises():
        it = seen[0][f"students/{exercise.folder.name}.html"]
        assert not [sign for sign in ("{{", "```", "{:") if sign in it["text"]], exercise.number
        assert it["typed"] >= 3, exercise.number
        assert f"{exercise.minutes} minutes" in it["text"], exercise.number


def test_colours_follow_the_reader(opened: Any, site: Path) -> None:
    brightness = {}
    for scheme in ("light", "dark"):
        with opened(site / "students/01_namespaces.html", color_scheme=scheme) as it:
            colour = it.page.evaluate(
                "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            )
            brightness[scheme] = sum(colour[:3])
    assert brightness["light"] > 600 and brightness["dark"] < 150


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_guide_alone_needs_nothing_else(opened: Any, tmp_path: Path, scheme: str) -> None:
    exercises = catalogue.exercises()
    blank = tmp_path / "blank.html"
    blank.write_text("<!doctype html>")
    with opened(blank, width=360, color_scheme=scheme) as it:
        for exercise in exercises if scheme == "light" else exercises[:1]:
            path = single.write(tmp_path, exercise, parameters.values(exercise.parameters, "s1", "x"), "s1")
            it.page.goto(path.as_uri())
            looked = it.page.evaluate(LOOK)
            assert looked["broken"] == [] and looked["silent"] == [], exercise.number
            assert looked["wide"] <= 0, exercise.number
            assert "{{" not in looked["text"] and looked["typed"] >= 3
            assert looked["blocks"] == looked["buttons"] > 0
            assert "s1" in it.page.locator(".about").inner_text()
        assert [url for url in it.requests if not url.startswith(("data:", tmp_path.as_uri()))] == []
        assert it.complaints == []
