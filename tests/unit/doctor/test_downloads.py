from __future__ import annotations

import hashlib
import http.server
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from lab.doctor import downloads
from lab.doctor.finding import Finding
from lab.errors import LabError
from lab.image import alpine, contents
from lab.image.mirror import Archive, Mirror


def only(findings: object) -> Finding:
    (found,) = list(findings)  # type: ignore[call-overload]
    assert isinstance(found, Finding)
    return found


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    for variable in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)


# --- keys ---


def the_keys(
    folder: Path, *files: str, suite: str | None = "trixie", distribution: str = "debian"
) -> Finding:
    for name in files:
        (folder / name).touch()
    return only(downloads.keyring(suite, distribution=distribution, folder=folder))


def test_keys_of_the_release(tmp_path: Path) -> None:
    none = the_keys(tmp_path)
    assert (none.status, none.fix.endswith(" debian-archive-keyring")) == ("failed", True)
    old = the_keys(tmp_path, "debian-archive-keyring.gpg", "debian-archive-bookworm-stable.gpg")
    assert (old.status, "lacks its key" in old.found) == ("failed", True)
    assert the_keys(tmp_path, suite="bookworm").status == "ok"
    assert the_keys(tmp_path, suite="sid").status == "ok"
    assert the_keys(tmp_path, "debian-archive-trixie-stable.pgp").status == "ok"


def test_the_default_release_is_meant_where_none_is_named(tmp_path: Path) -> None:
    assert "trixie" in the_keys(tmp_path, "debian-archive-keyring.pgp", suite=None).found


def test_ubuntu_has_one_key_for_all(tmp_path: Path) -> None:
    assert the_keys(tmp_path, suite="noble", distribution="ubuntu").fix.endswith("ubuntu-keyring")
    found = the_keys(tmp_path, "ubuntu-archive-keyring.gpg", suite="noble", distribution="ubuntu")
    assert found.status == "ok"


# --- the mirror ---

DEBIAN = (
    "deb http://mirror.example/debian bookworm main\ndeb http://mirror.example/debian bookworm-updates main\n"
)


@pytest.fixture
def apt_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The /etc/apt of a Debian 12."""
    (tmp_path / "apt").mkdir()
    (tmp_path / "apt/sources.list").write_text(DEBIAN)
    monkeypatch.setattr("lab.image.mirror.host_release", lambda: ("debian", "bookworm"))
    monkeypatch.setattr("lab.image.mirror._keyring", lambda _: Path("/keys"))
    return tmp_path / "apt"


class Answer:
    """A mirror that answers, or does not."""

    def __init__(self, date: float = 1.7e9, error: LabError | None = None) -> None:
        self.date, self.error = date, error
        self.asked: list[tuple[Mirror, list[str], float]] = []

    def __call__(self, source: Mirror, settings: Sequence[str], seconds: float) -> list[Archive]:
        self.asked.append((source, list(settings), seconds))
        if self.error:
            raise self.error
        return [Archive("trixie", "0" * 64, int(self.date)), Archive("trixie-updates", "0" * 64, 1)]


def test_a_mirror_that_answers(apt_folder: Path) -> None:
    answer = Answer()
    found = only(downloads.reachable(apt_folder=apt_folder, fetch=answer))
    assert found.status == "ok"
    assert "http://mirror.example/debian has trixie" in found.found
    ((source, settings, seconds),) = answer.asked
    assert source.suite == "trixie"
    assert 'Acquire::Retries "0";' in settings and 'Acquire::http::Timeout "4";' in settings
    assert seconds <= 10


def test_the_release_that_is_named_is_asked_for(apt_folder: Path) -> None:
    answer = Answer()
    only(downloads.reachable("forky", apt_folder=apt_folder, fetch=answer))
    assert answer.asked[0][0].suite == "forky"


def test_a_mirror_that_does_not_answer(apt_folder: Path) -> None:
    found = only(
        downloads.reachable(apt_folder=apt_folder, fetch=Answer(error=LabError("Not reached.", "Look.")))
    )
    assert found == Finding("mirror", "failed", "Not reached", "Look.")


def test_no_source_of_the_distribution(apt_folder: Path) -> None:
    (apt_folder / "sources.list").write_text("deb http://other.example/ stable contrib\n")
    assert "has no source of Debian" in only(downloads.reachable(apt_folder=apt_folder, fetch=Answer())).found


def test_a_mirror_from_the_future_means_that_the_clock_is_behind(apt_folder: Path) -> None:
    found = only(downloads.reachable(apt_folder=apt_folder, fetch=Answer(date=time.time() + 86400)))
    assert (found.status, "timedatectl" in found.fix) == ("warning", True)
    assert only(downloads.reachable(apt_folder=apt_folder, fetch=Answer(date=time.time()))).status == "ok"


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def test_apt_itself_is_ended_where_the_network_swallows_everything(silent: int, apt_folder: Path) -> None:
    (apt_folder / "sources.list").write_text(f"deb http://127.0.0.1:{silent}/debian bookworm main\n")
    began = time.monotonic()
    found = only(downloads.reachable(apt_folder=apt_folder, seconds=1.5))
    assert time.monotonic() - began < 6
    assert found.status == "failed"
    assert "did not answer within" in found.found


def test_apt_itself_reports_a_closed_port(apt_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (apt_folder / "sources.list").write_text(f"deb http://127.0.0.1:{port}/debian bookworm main\n")
    found = only(downloads.reachable(apt_folder=apt_folder))
    assert (found.status, "cannot be reached" in found.found) == ("failed", True)


# --- Alpine ---


def the_alpine(tmp_path: Path, answer: int | OSError = 200, *, machine: str = "x86_64") -> Finding:
    def ask(url: str, seconds: float) -> int:
        assert url == alpine.url(contents.read(), machine)
        assert seconds <= 10
        if isinstance(answer, OSError):
            raise answer
        return answer

    (tmp_path / "shared").mkdir(exist_ok=True)
    return only(downloads.alpine_source(machine=machine, shared=tmp_path / "shared", ask=ask))


def tarball(monkeypatch: pytest.MonkeyPatch, content: bytes) -> str:
    """Make `content` what Alpine's tarball should be; its name."""
    wanted = contents.read()
    changed = contents.Contents(
        **{**wanted.__dict__, "alpine_sha256s": {"x86_64": hashlib.sha256(content).hexdigest()}}
    )
    monkeypatch.setattr(contents, "read", lambda: changed)
    return alpine.file_name(changed, "x86_64")


def test_a_tarball_in_the_cache_or_beside_the_checkout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = tarball(monkeypatch, b"good")
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / name).write_bytes(b"good")
    beside = the_alpine(tmp_path, OSError("no network"))
    assert (beside.status, str(tmp_path / "shared") in beside.found) == ("ok", True)
    (alpine.folder() / name).write_bytes(b"good")
    assert str(alpine.folder()) in the_alpine(tmp_path, OSError("no network")).found


def test_a_tarball_of_the_wrong_checksum_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = tarball(monkeypatch, b"good")
    (alpine.folder() / name).write_bytes(b"bad")
    with pytest.raises(LabError, match="is not the expected file"):
        the_alpine(tmp_path)


def test_one_that_was_made_from_the_package_is_enough(tmp_path: Path) -> None:
    alpine._converted(contents.read(), "x86_64").write_bytes(b"x")
    found = the_alpine(tmp_path, OSError("no network"))
    assert (found.status, "Python package" in found.found) == ("ok", True)


def test_a_site_that_has_it(tmp_path: Path) -> None:
    found = the_alpine(tmp_path)
    assert (found.status, "not here yet" in found.found) == ("ok", True)


@pytest.mark.parametrize(
    ("answer", "reason"), [(404, "status 404"), (OSError("Network is unreachable"), "Network is unreachable")]
)
def test_an_unreachable_site(tmp_path: Path, answer: int | OSError, reason: str) -> None:
    found = the_alpine(tmp_path, answer)
    assert (found.status, reason in found.found) == ("warning", True)
    assert str(alpine.folder()) in found.fix and "--alpine" not in found.fix
    assert the_alpine(tmp_path, answer, machine="aarch64").status == "failed"  # the package has none for it


def test_a_web_server_is_asked_for_the_head_only() -> None:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            asked.append(f"{self.command} {self.path}")
            self.send_response(200 if self.path == "/there" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            assert downloads.head(f"{address}/there", 5) == 200
            assert downloads.head(f"{address}/gone", 5) == 404
        finally:
            server.shutdown()
            thread.join()
    assert asked == ["HEAD /there", "HEAD /gone"]


def test_a_silent_web_server_is_given_up(silent: int) -> None:
    began = time.monotonic()
    with pytest.raises(OSError, match="timed out"):
        downloads.head(f"http://127.0.0.1:{silent}/", 0.3)
    assert time.monotonic() - began < 3
