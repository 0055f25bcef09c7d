"""Reads the package sources that apt on this host is configured with: both formats of sources.list(5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Source:
    """One enabled source of binary packages."""

    uri: str
    suites: tuple[str, ...]
    components: tuple[str, ...]
    signed_by: str = ""
    """A keyring's path, or an embedded key; empty where apt's own keyrings decide."""


def configured(apt_folder: Path) -> list[Source]:
    """All sources below `/etc/apt` (or another folder), in apt's order: sources.list first, then by name."""
    files = [apt_folder / "sources.list", *sorted((apt_folder / "sources.list.d").glob("*"))]
    found: list[Source] = []
    for file in files:
        if file.suffix not in (".list", ".sources") or not file.is_file():
            continue
        text = file.read_text("utf-8", "replace")
        found += parse_deb822(text) if file.suffix == ".sources" else parse_one_line(text)
    return [_with_known_mirror(source) for source in found]


def parse_one_line(text: str) -> list[Source]:
    """Lines such as `deb [signed-by=/k.gpg] URI SUITE COMPONENT…`; others and comments are left out."""
    found = []
    for line in text.splitlines():
        match = re.match(r"\s*deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<rest>[^#]+)", line)
        words = match["rest"].split() if match else []
        if match is None or len(words) < 2:
            continue
        options = dict(word.partition("=")[::2] for word in (match["options"] or "").split())
        found.append(Source(words[0], (words[1],), tuple(words[2:]), options.get("signed-by", "")))
    return found


def parse_deb822(text: str) -> list[Source]:
    """Stanzas of `Types:`, `URIs:`, `Suites:`, `Components:`, …; disabled ones are left out."""
    found = []
    for stanza in _stanzas(text):
        enabled = stanza.get("enabled", "yes").lower() not in (
            "no",
            "false",
            "0",
            "off",
            "without",
            "disable",
        )
        if not enabled or "deb" not in stanza.get("types", "").split():
            continue
        suites = tuple(stanza.get("suites", "").split())
        components = tuple(stanza.get("components", "").split())
        for uri in stanza.get("uris", "").split():
            found.append(Source(uri, suites, components, stanza.get("signed-by", "").strip()))
    return found


def _stanzas(text: str) -> Iterator[dict[str, str]]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for block in re.split(r"\n\s*\n", "\n".join(lines)):
        fields: dict[str, str] = {}
        name = ""
        for line in block.splitlines():
            if line[:1].isspace():
                fields[name] = fields.get(name, "") + "\n" + line.strip()
            elif ":" in line:
                name, _, value = line.partition(":")
                name = name.strip().lower()
                fields[name] = value.strip()
        if fields:
            yield fields


def _with_known_mirror(source: Source) -> Source:
    """Debian's cloud images name a file of mirrors, which is not there in the guest: take its first one."""
    if not source.uri.startswith("mirror+file:"):
        return source
    path = Path("/" + source.uri.removeprefix("mirror+file:").lstrip("/"))
    try:
        lines = [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return source
    mirrors = [words[0] for words in lines if words and not words[0].startswith("#")]
    return Source(mirrors[0], source.suites, source.components, source.signed_by) if mirrors else source
