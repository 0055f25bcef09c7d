"""Golden overlays: which one is taken for finished, and what happens to one that is not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.console import NoProgress
from lab.image import alpine, build, golden, store

from .test_store import made


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.Image:
    """A base image, from which a golden overlay is made in no time.

    What is stood in for wants a mirror, a download and minutes in a VM: the base image, the tarball, the playbook.
    """
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    made("trixie-a")
    image = store.named("trixie-a")
    monkeypatch.setattr(build, "base_image", lambda *_, **__: image)
    monkeypatch.setattr(alpine, "image_digests", lambda _: ["00"])
    tarball = alpine.Tarball(tmp_path / "alpine.tar.gz", "00")
    monkeypatch.setattr(alpine, "find", lambda *_, **__: tarball)

    def make(_base: store.Image, _tarball: alpine.Tarball, folder: Path, _progress: object) -> None:
        (folder / store.DISK).write_bytes(b"golden")
        (folder / golden.RECORD).write_text("{}\n")

    monkeypatch.setattr(golden, "_make", make)
    return image


def test_a_golden_image_is_made_once_and_found(base: store.Image) -> None:
    first = golden.golden_image(progress=NoProgress())
    assert golden.find(base, "00") == first == golden.golden_image(progress=NoProgress())
    assert [path.name for path in (base.folder / "golden").iterdir()] == [golden.key(base, "00")]


@pytest.mark.parametrize("name", [golden.RECORD, store.DISK])
@pytest.mark.parametrize("is_there", [True, False])
def test_a_golden_image_that_a_power_cut_emptied_is_made_anew(
    base: store.Image, name: str, is_there: bool
) -> None:
    first = golden.golden_image(progress=NoProgress())
    path = first.folder / name
    path.write_bytes(b"") if is_there else path.unlink()
    assert golden.find(base, "00") is None
    assert golden.golden_image(progress=NoProgress()) == first
    assert first.boot.disk.read_bytes() == b"golden"
    assert golden.find(base, "00") == first


def test_the_files_of_a_golden_image_are_on_the_disk_before_it_has_its_name(
    base: store.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No test can cut the power, so the real fsync(2) is only listened to."""
    folder = base.folder / "golden" / golden.key(base, "00")
    early: set[str] = set()
    real = os.fsync

    def listen(descriptor: int) -> None:
        if not folder.exists():
            early.add(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", listen)
    golden.golden_image(progress=NoProgress())
    assert early == {store.DISK, golden.RECORD, f"{folder.name}.new"}
