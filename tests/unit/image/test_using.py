"""Who uses an image: what keeps it from being removed."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from lab import lifecycle
from lab.console import NoProgress
from lab.errors import LabError
from lab.image import store
from lab.image.golden import GoldenImage
from lab.machine.qemu_command import BootFiles

from .test_store import made


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BOXWRIGHT_STATE", str(tmp_path / "state"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_lab_up_keeps_its_image_until_the_machine_is_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine wants a real image: what would make that is stood in for, and what comes next tries to remove it."""
    folder = made("trixie-a")
    image = store.named("trixie-a")
    boot = BootFiles(image.disk, image.kernel, image.initrd)
    monkeypatch.setattr(lifecycle, "golden_image", lambda *_, **__: GoldenImage(folder, image, boot))

    def prove(*_: object) -> None:
        store.remove(image)

    monkeypatch.setattr(lifecycle, "acceleration", prove)
    with pytest.raises(LabError, match="is using or removing the image trixie-a"):
        lifecycle.up("one", NoProgress())
    assert folder.exists()
