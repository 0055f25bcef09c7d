"""A report on a made-up class, and a browser to look at it.

Chromium is what apt brings (`./bootstrap.sh --with browser`); Playwright only drives it. Without
one these tests are skipped, but never in CI.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from grading.pages.write import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def _load(name: str) -> ModuleType:
    """A module beside this file: pytest puts no folder of tests into the path."""
    spec = importlib.util.spec_from_file_location(f"pages_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on a class as it might be."""
    made_up = _load("made_up_class")
    folder = tmp_path_factory.mktemp("pages") / "report"
    write_report(
        folder,
        made_up.results(),
        title="Operating Systems, project 1",
        ledger=made_up.ledger(),
        similar=made_up.similar(),
    )
    return folder


@pytest.fixture(scope="session")
def hostile_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report on submissions that attack whoever reads it."""
    hostile = _load("hostile_class")
    folder = tmp_path_factory.mktemp("hostile") / "report"
    write_report(
        folder, hostile.results(), title=hostile.EVIL, ledger=hostile.ledger(), similar=hostile.similar()
    )
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium.

    No longer than one module: Playwright keeps an event loop running in this thread, in which
    nobody else (the tests of machines with their QMP) could run one of their own.
    """
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        where = "no Chromium or Chrome here; ./bootstrap.sh --with browser brings one"
        if os.environ.get("CI"):
            pytest.fail(where)
        pytest.skip(where)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program)
        yield started
        started.close()


@dataclass
class Opened:
    """A page in the browser, and all that should not have happened while it was open."""

    page: Page
    requests: list[str] = field(default_factory=list)
    """URLs beyond the page itself."""
    complaints: list[str] = field(default_factory=list)
    """The console's lines, exceptions."""

    def listen(self) -> None:
        """Begin to note them."""
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: Path) -> None:
        """Go to a file; what was noted of the one before is forgotten."""
        self.requests.clear()
        self.complaints.clear()
        self.page.goto(path.as_uri())
        self.requests.remove(path.as_uri())

    def leave(self) -> None:
        """Let go of the page, with whatever it still has under way, and of what it was shown on."""
        self.page.goto("about:blank")
        self.page.emulate_media(media="null")


Open = Callable[..., Any]


@pytest.fixture(scope="module")
def windows(browser: Browser) -> Iterator[Callable[..., Opened]]:
    """The browser's window of these options, for all tests: a new one is a new process, and costs more than a look."""
    made: dict[str, Opened] = {}

    def of(**options: Any) -> Opened:
        name = repr(sorted(options.items()))
        if name not in made:
            made[name] = Opened(browser.new_context(**options).new_page())
            made[name].listen()
        return made[name]

    yield of
    for each in made.values():
        each.page.context.close()


@pytest.fixture
def opened(windows: Callable[..., Opened]) -> Open:
    """Opens a file: `with opened(path, width=360, color_scheme="dark") as it: …`."""

    @contextmanager
    def open_(path: Path, *, width: int = 1280, **options: Any) -> Iterator[Opened]:
        it = windows(viewport={"width": width, "height": 800}, **options)
        try:
            it.open(path)
            yield it
        finally:
            it.leave()

    return open_


@dataclass
class Asked:
    """A server on this machine, and what it was asked for."""

    url: str
    paths: list[str]


@pytest.fixture
def asked() -> Iterator[Asked]:
    """What a page would reach that could reach anything."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            """Nothing to the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield Asked(f"http://127.0.0.1:{server.server_port}", paths)
        server.shutdown()
        thread.join()
