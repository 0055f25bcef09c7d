"""Which of the host's sources become the guest's, and what is said when the mirror does not play along."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.image import mirror
from lab.image.mirror import Mirror, apt_settings, find_mirror, guest_lines, host_release, look_at
from lab.image.sources import Source, parse_deb822, parse_one_line

DEBIAN = """
Types: deb
URIs: http://a.example/debian/
Suites: bookworm bookworm-updates
Components: main non-free-firmware
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://b.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""

THIRD_PARTIES = """
deb [signed-by=/usr/share/keyrings/tool.gpg] http://tool.example/apt bookworm main
deb http://other.example/apt nodistro main
deb http://ppa.launchpad.example/ppa/ubuntu noble main
deb http://ppa.launchpadcontent.net/someone/ppa/ubuntu noble main
deb cdrom:[Debian 12]/ bookworm main
"""


def test_the_guest_of_a_debian_host_gets_its_archive_with_the_release_replaced() -> None:
    sources = parse_one_line(THIRD_PARTIES) + parse_deb822(DEBIAN)
    assert guest_lines(sources, "debian", "bookworm", "trixie") == [
        "deb http://a.example/debian trixie main",
        "deb http://a.example/debian trixie-updates main",
        "deb http://b.example/debian-security trixie-security main",
    ]


def test_a_suite_by_alias_is_the_hosts_own() -> None:
    sources = parse_one_line("deb http://a.example/debian stable main\n")
    assert guest_lines(sources, "debian", "trixie", "trixie") == ["deb http://a.example/debian trixie main"]


def test_no_updates_are_taken_where_the_host_has_none() -> None:
    sources = parse_one_line("deb http://a.example/debian trixie main\n")
    assert guest_lines(sources, "debian", "trixie", "bookworm") == [
        "deb http://a.example/debian bookworm main"
    ]


def test_the_guest_of_an_ubuntu_host_gets_main_and_universe() -> None:
    sources = parse_deb822(
        """
Types: deb
URIs: http://u.example/ubuntu/
Suites: noble noble-updates noble-backports
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg

Types: deb
URIs: http://s.example/ubuntu/
Suites: noble-security
Components: main universe restricted multiverse
Signed-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg
"""
    ) + parse_one_line(THIRD_PARTIES)
    assert guest_lines(sources, "ubuntu", "noble", "noble") == [
        "deb http://u.example/ubuntu noble main universe",
        "deb http://u.example/ubuntu noble-updates main universe",
        "deb http://s.example/ubuntu noble-security main universe",
    ]


def test_an_archive_for_the_same_release_by_somebody_else_does_not_win() -> None:
    sources = [
        Source("http://somebody.example/debs", ("noble",), ("main",)),
        Source("http://u.example/ubuntu", ("noble", "noble-updates"), ("main", "universe")),
    ]
    assert (
        guest_lines(sources, "ubuntu", "noble", "noble")[0]
        == "deb http://u.example/ubuntu noble main universe"
    )


@pytest.mark.parametrize(
    "line",
    [
        "deb [signed-by=/usr/share/keyrings/tool.gpg] http://tool.example/apt noble main",
        "deb http://ppa.launchpadcontent.net/someone/ppa/ubuntu noble main",
        "deb cdrom:[Ubuntu]/ noble main",
        "deb http://docker.example/linux/ubuntu noble stable",
    ],
)
def test_a_third_party_is_left_aside_also_where_it_comes_first(line: str) -> None:
    sources = parse_one_line(f"{line}\ndeb http://u.example/ubuntu noble main universe\n")
    assert guest_lines(sources, "ubuntu", "noble", "noble") == [
        "deb http://u.example/ubuntu noble main universe"
    ]
    assert guest_lines(sources[:1], "ubuntu", "noble", "noble") == []


def test_a_host_without_its_distributions_archive_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "host_release", lambda: ("debian", "bookworm"))
    with pytest.raises(LabError, match=r"no source of Debian bookworm in .*\. Add"):
        find_mirror(apt_folder=tmp_path)


def test_a_suite_of_the_other_distribution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "host_release", lambda: ("ubuntu", "noble"))
    with pytest.raises(LabError, match=r"trixie is Debian's.*Choose one of jammy, noble"):
        find_mirror("trixie")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"ID": "debian", "VERSION_CODENAME": "trixie"}, ("debian", "trixie")),
        ({"ID": "ubuntu", "VERSION_CODENAME": "noble"}, ("ubuntu", "noble")),
        ({"ID": "linuxmint", "VERSION_CODENAME": "wilma", "UBUNTU_CODENAME": "noble"}, ("ubuntu", "noble")),
    ],
)
def test_the_hosts_release(fields: dict[str, str], expected: tuple[str, str]) -> None:
    assert host_release(fields) == expected


def test_another_system_is_refused() -> None:
    with pytest.raises(LabError, match="this host is Fedora 42"):
        host_release({"ID": "fedora", "PRETTY_NAME": "Fedora 42"})


def test_proxies_and_lenient_dates_are_taken_over_and_nothing_else() -> None:
    dump = (
        'Acquire "";\nAcquire::http "";\nAcquire::http::Proxy "http://127.0.0.1:3142";\n'
        'Acquire::http::Proxy::a.example "DIRECT";\nAcquire::Check-Valid-Until "false";\n'
        'Acquire::Languages "none";\nDPkg::Post-Invoke:: "rm -rf /";\n'
    )
    assert apt_settings(dump, "http://a.example") == [
        'Acquire::Check-Valid-Until "false";',
        'Acquire::http::Proxy "http://127.0.0.1:3142";',
        'Acquire::http::Proxy::a.example "DIRECT";',
    ]


def test_a_program_that_finds_the_proxy_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "detect"
    program.write_text("#!/bin/sh\necho http://127.0.0.1:9999/$(basename $1)\n")
    program.chmod(0o755)
    dump = f'Acquire::http::Proxy-Auto-Detect "{program}";\n'
    assert apt_settings(dump, "http://a.example/x") == ['Acquire::http::Proxy "http://127.0.0.1:9999/x";']


# ---- A mirror that does not play along: apt itself is asked, on 127.0.0.1 ------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    served = tmp_path / "served"
    served.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: object, **settings: object) -> None:
            super().__init__(*args, directory=str(served), **settings)  # type: ignore[arg-type,misc]

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}", served
        running.shutdown()
        thread.join()


def mirror_at(uri: str, tmp_path: Path) -> Mirror:
    keyring = tmp_path / "keyring.gpg"
    keyring.touch()
    return Mirror("debian", "trixie", (f"deb {uri} trixie main",), keyring)


def test_an_unreachable_mirror(tmp_path: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        uri = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(LabError, match=f"{uri} cannot be reached. Check this host's network") as caught:
            look_at(mirror_at(uri, tmp_path), [])
    assert "Connection refused" in caught.value.detail


def test_a_mirror_without_the_suite(tmp_path: Path, server: tuple[str, Path]) -> None:
    with pytest.raises(LabError, match=r"has no suite trixie\. Choose another"):
        look_at(mirror_at(server[0], tmp_path), [])


def test_a_mirror_whose_signature_is_not_known(tmp_path: Path, server: tuple[str, Path]) -> None:
    uri, served = server
    release = served / "dists/trixie/Release"
    release.parent.mkdir(parents=True)
    release.write_text(
        "Origin: Debian\nSuite: trixie\nCodename: trixie\nDate: Sat, 01 Nov 2025 00:00:00 UTC\n"
    )
    with pytest.raises(
        LabError, match=r"do not fit the suite trixie.*Update the package debian-archive-keyring"
    ):
        look_at(mirror_at(uri, tmp_path), [])
