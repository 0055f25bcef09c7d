"""Has Zensical make the site of what was gathered, and puts it in its place whole.

Everything is a file of the folder: no font, script or index comes from elsewhere, so that it is
read without a network, from a server or by opening `index.html`. Zensical's own offline mode
fetches one script from a content delivery network, without which the search does not work where
the site is opened as files; `assets/file_worker.js` stands in for it.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.exercises import catalogue
from lab.site.gather import gather
from lab.site.pages import VOICES, Page, pages

MARK = ".boxwright-site"
"""The file by which a folder is known as a site of ours, which may be replaced."""

SECONDS = 120
"""How long Zensical may take; it needs one or two."""

_FETCHED = re.compile(r'<script src="https://unpkg\.com/iframe-worker/shim"[^>]*></script>')
_ELSEWHERE = re.compile(r"""<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)=["']?(?:https?:)?//[^>]*>""")


def build(folder: Path) -> int:
    """Build the site.

    Args:
        folder: where; not there yet, empty, or an older site, which is replaced.

    Returns:
        the number of pages.

    Raises:
        LabError: Zensical is not installed or fails, a page links to nowhere, or the folder
            holds something else.
        OSError: this host cannot write there.
    """
    if importlib.util.find_spec("zensical") is None:
        raise LabError(
            "Zensical, which makes the site, is not installed",
            "Run `./bootstrap.sh --with site lab site build`, which brings it.",
        )
    folder = folder.absolute()
    check_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    every = pages(catalogue.exercises())
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as work_name:
        work = Path(work_name)
        sources = work / "docs"
        gather(every, sources)
        assets = resources.files("lab.site") / "assets"
        for name in ("site.css", "file_worker.js", "copy.js"):
            (sources / "assets").mkdir(exist_ok=True)
            (sources / "assets" / name).write_bytes((assets / name).read_bytes())
        # JSON is YAML, too, and leaves no doubt what is a string.
        (work / "mkdocs.yml").write_text(json.dumps(configuration(every)), encoding="utf-8")
        _run(work)
        made = work / "site"
        for page in made.rglob("*.html"):
            _keep_at_home(page, made)
        (made / MARK).touch()
        _replace(folder, made, work / "before")
    return len(every)


def check_folder(folder: Path) -> None:
    """Whether a site may be put there.

    Raises:
        LabError: it is a file, or a folder of something else.
    """
    if (
        folder.exists()
        and not (folder / MARK).is_file()
        and not (folder.is_dir() and not any(folder.iterdir()))
    ):
        raise LabError(f"{folder} is there already and no site of ours", "Name another folder with -o.")


def configuration(every: tuple[Page, ...]) -> dict[str, Any]:
    """What Zensical is told, in the words of MkDocs."""
    first = [{page.title: page.place} for page in every if not page.voice]
    parts = [{voice: [{page.title: page.place} for page in every if page.voice == voice]} for voice in VOICES]
    palettes = [
        {
            "media": f"(prefers-color-scheme: {name})",
            "scheme": scheme,
            "toggle": {"icon": f"lucide/{icon}", "name": f"Show in {other} colours"},
        }
        for name, scheme, icon, other in (
            ("light", "default", "sun", "dark"),
            ("dark", "slate", "moon", "light"),
        )
    ]
    return {
        "site_name": "Boxwright",
        "docs_dir": "docs",
        "site_dir": "site",
        "use_directory_urls": False,
        "nav": [*first, *parts],
        "theme": {
            "name": "material",
            "language": "en",
            "font": False,
            "palette": palettes,
            "icon": {"logo": "lucide/box"},
            "features": [
                "navigation.tabs",
                "navigation.footer",
                "navigation.top",
                "search.highlight",
                "toc.follow",
            ],
        },
        "extra": {"generator": False},
        "extra_css": ["assets/site.css"],
        "extra_javascript": ["assets/copy.js"],
        "plugins": ["search", "offline"],
        "markdown_extensions": [
            "attr_list",
            "md_in_html",
            "tables",
            {"toc": {"permalink": True, "toc_depth": 3}},
            {"pymdownx.highlight": {"pygments_lang_class": True}},
            "pymdownx.superfences",
        ],
    }


def _run(work: Path) -> None:
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "zensical", "build", "--strict", "--config-file", "mkdocs.yml"],
            cwd=work,
            check=False,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            env={**os.environ, "NO_COLOR": "1"},
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(f"Zensical did not end within {SECONDS} seconds") from error
    if done.returncode != 0:
        raise LabError(
            "Zensical could not make the site",
            "What it says is below; the sources are listed in lab/site/pages.py.",
            detail=_said(done.stdout + done.stderr),
        )


def _said(text: str) -> str:
    """What Zensical says of a page, without its colours, and without the end of its own program."""
    return re.sub(r"\x1b\[[\d;]*m", "", text).partition("Traceback (most recent call last)")[0].strip()


def _keep_at_home(page: Path, top: Path) -> None:
    """Put our script in the place of the one that would be fetched, and see that nothing else would be."""
    ours = os.path.relpath(top / "assets" / "file_worker.js", page.parent)
    text = _FETCHED.sub(f'<script src="{ours}"></script>', page.read_text(encoding="utf-8"))
    fetched = _ELSEWHERE.search(re.sub(r'<link rel="canonical"[^>]*>', "", text))
    if fetched:
        raise LabError(f"The page {page.relative_to(top)} would fetch something from elsewhere: {fetched[0]}")
    page.write_text(text, encoding="utf-8")


def _replace(folder: Path, made: Path, before: Path) -> None:
    if folder.exists():
        folder.replace(before)
    try:
        made.replace(folder)
    except OSError:
        if before.exists():
            before.replace(folder)
        raise
