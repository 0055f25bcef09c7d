"""How sources become pages of the site: links, sections, lists, console blocks; without Zensical."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import LabError
from lab.exercises import catalogue, drafts
from lab.site import build
from lab.site.consoles import console
from lab.site.gather import gather
from lab.site.pages import VOICES, Page, pages


def made(tmp_path: Path, sources: dict[str, str], *listed: Page) -> dict[str, str]:
    """What is gathered of made-up sources, by its place."""
    checkout, folder = tmp_path / "checkout", tmp_path / "docs"
    for name, text in sources.items():
        path = checkout / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    gather(listed, folder, checkout)
    return {
        path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()
    }


def test_links_lead_to_where_pages_stand(tmp_path: Path) -> None:
    text = "See [b](../two/b.md#there), [far](https://example.org/b.md), `two/b.md`, `b.md`\n"
    found = made(
        tmp_path,
        {"one/a.md": text, "two/b.md": "# B\n"},
        Page("x/a.md", "A", "one/a.md"),
        Page("y/z.md", "B", "two/b.md"),
    )
    assert found["x/a.md"] == (
        "See [b](../y/z.md#there), [far](https://example.org/b.md), [`two/b.md`](../y/z.md), `b.md`\n"
    )


def test_what_stands_in_code_is_no_link(tmp_path: Path) -> None:
    text = "```\n[b](nowhere.md)\n```\n"
    assert made(tmp_path, {"a.md": text}, Page("a.md", "A", "a.md"))["a.md"] == text


def test_a_link_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    with pytest.raises(LabError, match=r"a\.md links to gone\.md"):
        made(tmp_path, {"a.md": "[b](gone.md)"}, Page("a.md", "A", "a.md"))


def test_pictures_come_along(tmp_path: Path) -> None:
    found = made(
        tmp_path, {"one/a.md": "![it](p.svg)\n", "one/p.svg": "<svg/>"}, Page("x/a.md", "A", "one/a.md")
    )
    assert found == {"x/a.md": "![it](../pictures/one/p.svg)\n", "pictures/one/p.svg": "<svg/>"}


def test_a_courses_own_exercise_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, folder = tmp_path / "own", tmp_path / "docs"
    own.mkdir()
    drafts.create("77_of_ours", "Of ours", own)
    monkeypatch.setenv("BOXWRIGHT_EXERCISES", str(own))
    every = pages(catalogue.exercises())
    assert any(page.title == "77 · Of ours" for page in every)
    gather(every, folder)
    assert "](../pictures/77_of_ours/picture.svg)" in (folder / "students/77_of_ours.md").read_text()
    assert (folder / "pictures/77_of_ours/picture.svg").is_file()
    assert (folder / "pictures/exercises/01_namespaces/picture.svg").is_file()


def test_a_section_is_a_page_of_its_own(tmp_path: Path) -> None:
    text = "# All\n\nintro\n\n## First part\n\none\n\n```\n## no heading\n```\n\n## Second\n\n[f](a.md#first-part)\n"
    found = made(
        tmp_path,
        {"a.md": text},
        Page("rest.md", "Rest", "a.md", without=("First part",)),
        Page("first.md", "The first", "a.md", only="First part"),
    )
    assert found["first.md"] == "# The first\n\none\n\n```\n## no heading\n```\n"
    assert "one" not in found["rest.md"] and "intro" in found["rest.md"]
    assert "[f](first.md)" in found["rest.md"]
    with pytest.raises(LabError, match="no section 'Third'"):
        made(tmp_path, {"a.md": text}, Page("a.md", "A", "a.md", only="Third"))


def test_lists_as_python_markdown_reads_them(tmp_path: Path) -> None:
    text = "Text:\n- one\n  goes on\n\n  ```toml\n  key = 1\n  ```\n- two\n\nafter\n1. first\n   more\n"
    found = made(tmp_path, {"a.md": text}, Page("a.md", "A", "a.md"))["a.md"]
    assert found == (
        "Text:\n\n- one\n    goes on\n\n    ```toml\n    key = 1\n    ```\n- two\n\n"
        "after\n\n1. first\n    more\n"
    )


def test_a_console_block_tells_what_is_typed() -> None:
    html = console(["guest# a <b", "> c", "> d", "", "out & in", "> printed"])
    typed = '<span class="prompt">{}</span><span class="typed">{}</span>'
    assert html == '<pre class="console" tabindex="0"><code>' + "\n".join(
        [
            typed.format("guest# ", "a &lt;b"),
            typed.format("&gt; ", "c"),
            typed.format("&gt; ", "d"),
            '<span class="printed"> </span>',
            '<span class="printed">out &amp; in</span>',
            '<span class="printed">&gt; printed</span></code></pre>',
        ]
    )


def test_every_page_of_the_kit_can_be_gathered(tmp_path: Path) -> None:
    every = pages(catalogue.exercises())
    gather(every, tmp_path)
    assert (tmp_path / "authors/tests.md").read_text().startswith("# The project's own tests\n")
    assert len({page.place for page in every}) == len(every)
    for page in every:
        text = (tmp_path / page.place).read_text()
        assert text.startswith("# "), page.place
        assert "{{" not in text, page.place
    assert {page.voice for page in every} == {"", *VOICES}


def test_only_a_site_is_replaced(tmp_path: Path) -> None:
    build.check_folder(tmp_path / "not there")
    build.check_folder(tmp_path)
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(LabError, match="no site of ours"):
        build.check_folder(tmp_path)
    (tmp_path / build.MARK).touch()
    build.check_folder(tmp_path)


def test_without_zensical_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(LabError, match=r"bootstrap\.sh --with site"):
        build.build(tmp_path / "site")


def test_a_page_that_would_fetch_something_is_refused(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text(
        '<script src="https://unpkg.com/iframe-worker/shim" type="text/javascript"></script><p>it'
    )
    build._keep_at_home(page, tmp_path)
    assert page.read_text() == '<script src="assets/file_worker.js"></script><p>it'
    page.write_text('<link rel="stylesheet" href="//fonts.example.org/a.css">')
    with pytest.raises(LabError, match="from elsewhere"):
        build._keep_at_home(page, tmp_path)
