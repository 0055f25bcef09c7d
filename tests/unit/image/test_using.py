"""Who uses an image: what keeps it from being removed, and what `lab image build` says."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from lab import cli_image, lifecycle
from lab.console import NoProgress
from lab.errors import LabError
from lab.image import store
from lab.image.golden import GoldenImage
from lab.machine.qemu_command import BootFiles, Hardware
from lab.machine.record import QemuRecord, machine_folder, write_record

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


def test_lab_image_build_says_which_machines_use_the_image(monkeypatch: pytest.MonkeyPatch) -> None:
    """The image, its proof and its warm state, which want a mirror and a VM, are stood in for."""
    folder = made("trixie-a")
    manifest = json.loads((folder / store.MANIFEST).read_text())
    (folder / store.MANIFEST).write_text(json.dumps({**manifest, "packages": {}, "files": {}}))
    image = store.named("trixie-a")
    boot = BootFiles(folder / "golden/x/disk.qcow2", image.kernel, image.initrd)
    monkeypatch.setattr("lab.image.golden.golden_image", lambda *_, **__: GoldenImage(folder, image, boot))
    monkeypatch.setattr(
        "lab.machine.acceleration.acceleration", lambda *_: SimpleNamespace(accelerator="tcg")
    )
    monkeypatch.setattr(lifecycle, "warm_state", lambda *_: None)
    machine_folder("one").mkdir()
    write_record(QemuRecord("one", "trixie", boot, Hardware(), "tcg", 2222, "", 1.0, 1.0))
    said = json.loads(CliRunner().invoke(cli_image.app, ["build", "--json"]).stdout)
    assert (said["name"], said["machines"]) == ("trixie-a", ["one"])


def test_all_goes_on_after_an_image_that_is_in_use() -> None:
    for name in ("trixie-a", "trixie-b", "trixie-c"):
        made(name)
    with store.in_use(store.named("trixie-b")):
        said = CliRunner().invoke(cli_image.app, ["rm", "--all"])
    assert said.exit_code == 1 and "trixie-b" in said.stderr
    assert [image.name for image in store.images()] == ["trixie-b"]


def test_a_machine_that_was_made_meanwhile_keeps_its_image() -> None:
    made("trixie-a")
    image = store.named("trixie-a")
    with pytest.raises(LabError, match="is used by now"):
        store.remove(image, is_used=lambda: True)
    assert image.folder.exists()
