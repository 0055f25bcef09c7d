"""The module's sources against the kernel's own style checker, `checkpatch.pl --strict`.

No package ships the script by itself; it is in Debian's and Ubuntu's packages of the
kernel sources. It is taken from the first of: `BOXWRIGHT_CHECKPATCH`; our cache; an unpacked
source tree in /usr/src; the source package, which apt brings from where this host's other
packages come from (some 140 MB, once).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest

from lab import paths

WANTED = ("checkpatch.pl", "spelling.txt", "const_structs.checkpatch")


def newest_source_package() -> str | None:
    names = subprocess.run(
        ["apt-cache", "pkgnames", "linux-source-"], check=False, capture_output=True, text=True
    ).stdout.split()
    versions = [
        (tuple(map(int, match[1].split("."))), name)
        for name in names
        if (match := re.fullmatch(r"linux-source-(\d+(?:\.\d+)+)", name))
    ]
    return max(versions)[1] if versions else None


def unpack_scripts(package: Path, folder: Path) -> None:
    """Pick the scripts out of the source archive inside a source package."""
    extract = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)
    with extract, tarfile.open(fileobj=extract.stdout, mode="r|") as outer:
        for member in outer:
            if member.isreg() and re.search(r"/linux-source-[^/]*\.tar\.\w+$", member.name):
                with tarfile.open(fileobj=outer.extractfile(member), mode="r|*") as inner:
                    for file in inner:
                        name = file.name.partition("/scripts/")[2]
                        content = inner.extractfile(file) if name in WANTED else None
                        if content:
                            (folder / name).write_bytes(content.read())
                break
        extract.kill()


def fetch_checkpatch(cached: Path) -> str:
    """Bring checkpatch.pl into our cache. Returns why it could not be done, or nothing."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return "this host has no apt to bring the kernel's sources"
    package = newest_source_package()
    if not package:
        return "apt knows no package of kernel sources"
    folder = cached.with_name("checkpatch.tmp")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    got = subprocess.run(
        ["apt-get", "download", "-q", package], check=False, cwd=folder, capture_output=True, text=True
    )
    if got.returncode != 0:
        return f"apt-get download {package} failed: {got.stderr.strip()[-300:]}"
    for archive in folder.glob("*.deb"):
        unpack_scripts(archive, folder)
        archive.unlink()
    if not (folder / WANTED[0]).is_file():
        return f"{package} holds no {WANTED[0]}"
    shutil.rmtree(cached, ignore_errors=True)
    folder.rename(cached)
    return ""


@pytest.fixture(scope="module")
def checkpatch() -> Path:
    """The script; skips, saying why, where it cannot be had."""
    if not shutil.which("perl"):
        pytest.skip("checkpatch.pl needs perl")
    cached = paths.cache() / "checkpatch"
    known = [
        Path(os.environ.get("BOXWRIGHT_CHECKPATCH", "/nonexistent")),
        cached / WANTED[0],
        *Path("/usr/src").glob("linux*/scripts/checkpatch.pl"),
    ]
    for path in known:
        if path.is_file():
            return path
    if why := fetch_checkpatch(cached):
        pytest.skip(f"no checkpatch.pl: {why}")
    return cached / WANTED[0]


def complaints(checkpatch: Path, source: Path) -> str:
    command = ["perl", checkpatch, "--strict", "--no-tree", "--terse", "--no-summary", "-f", source]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=120).stdout


@pytest.mark.slow
def test_checkpatch_has_nothing_to_say(checkpatch: Path, kernel: Path) -> None:
    sources = sorted(kernel.glob("*.[ch]"))
    assert len(sources) > 1
    assert "".join(complaints(checkpatch, source) for source in sources) == ""


@pytest.mark.slow
def test_checkpatch_is_at_work(checkpatch: Path, kernel: Path, tmp_path: Path) -> None:
    bad = tmp_path / "monitor.c"
    bad.write_text((kernel / "monitor.c").read_text().replace("\tif (due", "    if( due"))
    assert "ERROR" in complaints(checkpatch, bad)
