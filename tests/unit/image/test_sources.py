"""How apt's sources are read: both formats, and what is left out."""

from __future__ import annotations

from pathlib import Path

from lab.image.sources import Source, configured, parse_deb822, parse_one_line


def test_one_line_sources_with_and_without_options() -> None:
    text = """
# deb http://commented.example/debian trixie main
deb http://a.example/debian trixie main contrib  # a remark
deb [arch=amd64 signed-by=/usr/share/keyrings/x.gpg] http://b.example/x stable main
deb-src http://a.example/debian trixie main
  deb   http://c.example/debian/   trixie-updates   main
nonsense
deb http://incomplete.example
"""
    assert parse_one_line(text) == [
        Source("http://a.example/debian", ("trixie",), ("main", "contrib")),
        Source("http://b.example/x", ("stable",), ("main",), "/usr/share/keyrings/x.gpg"),
        Source("http://c.example/debian/", ("trixie-updates",), ("main",)),
    ]


def test_deb822_sources_with_several_uris_suites_and_comments() -> None:
    text = """# Modernised
Types: deb deb-src
URIs: http://a.example/debian http://b.example/debian
Suites: trixie
# a remark: in the middle of a field
 trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
Enabled: no

Types: deb-src
URIs: http://source.example/debian
Suites: trixie
Components: main
"""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    assert parse_deb822(text) == [
        Source("http://a.example/debian", ("trixie", "trixie-updates"), ("main",), keyring),
        Source("http://b.example/debian", ("trixie", "trixie-updates"), ("main",), keyring),
    ]


def test_a_key_inside_deb822_is_one_field() -> None:
    text = (
        "Types: deb\nURIs: http://a.example\nSuites: noble\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDME:Suites\n"
    )
    [source] = parse_deb822(text)
    assert source.suites == ("noble",)
    assert source.signed_by.startswith("-----BEGIN PGP")


def test_all_files_are_read_in_apts_order_and_mirror_lists_are_resolved(tmp_path: Path) -> None:
    mirrors = tmp_path / "mirrors.list"
    mirrors.write_text(
        "# the nearest first\nhttp://near.example/debian priority:1\nhttp://far.example/debian\n"
    )
    (tmp_path / "sources.list").write_text("deb http://first.example/debian trixie main\n")
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (parts / "b.sources").write_text(
        f"Types: deb\nURIs: mirror+file://{mirrors}\nSuites: trixie\nComponents: main\n"
    )
    (parts / "a.list").write_text("deb http://second.example/debian trixie main\n")
    (parts / "c.list.save").write_text("deb http://never.example/debian trixie main\n")
    assert [source.uri for source in configured(tmp_path)] == [
        "http://first.example/debian",
        "http://second.example/debian",
        "http://near.example/debian",
    ]


def test_a_host_without_any_source(tmp_path: Path) -> None:
    assert configured(tmp_path) == []
