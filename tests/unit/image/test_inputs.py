"""What decides which image is used: every input changes the key, and nothing else does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.image import contents, inputs
from lab.image.contents import Contents
from lab.image.inputs import Inputs, digest, files_below, gather
from lab.image.mirror import Mirror

MIRROR = Mirror("debian", "trixie", ("deb http://a.example/debian trixie main",), Path("/k.gpg"))


@pytest.fixture
def listed() -> Contents:
    return contents.read()


def test_the_same_inputs_have_the_same_key(listed: Contents) -> None:
    assert gather(MIRROR, listed, "x86_64").key == gather(MIRROR, contents.read(), "x86_64").key


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("distribution", "ubuntu"),
        ("suite", "bookworm"),
        ("architecture", "arm64"),
        ("packages", ("gcc",)),
        ("sources", ("deb http://b.example/debian trixie main",)),
        ("builder", "0" * 64),
    ],
)
def test_each_input_changes_the_key(listed: Contents, field: str, value: Any) -> None:
    before = gather(MIRROR, listed, "x86_64")
    assert dataclasses.replace(before, **{field: value}).key != before.key
    assert field in {each.name for each in dataclasses.fields(Inputs)}


def test_no_input_is_forgotten_above() -> None:
    [mark] = [mark for mark in test_each_input_changes_the_key.pytestmark if mark.name == "parametrize"]  # type: ignore[attr-defined]
    assert {field for field, _ in mark.args[1]} == {each.name for each in dataclasses.fields(Inputs)}


def test_the_packages_are_those_of_the_list_and_the_kernel_of_the_distribution(listed: Contents) -> None:
    packages = gather(MIRROR, listed, "x86_64").packages
    assert {"gcc", "strace", "busybox-static", "linux-image-cloud-amd64", "linux-headers-cloud-amd64"} <= set(
        packages
    )
    assert "linux-image-virtual" not in packages
    assert "linux-image-cloud-arm64" in gather(MIRROR, listed, "aarch64").packages


def test_an_architecture_without_image(listed: Contents) -> None:
    with pytest.raises(LabError, match="no lab image for the architecture mips"):
        gather(MIRROR, listed, "mips")


def test_every_program_that_shapes_the_image_is_in_the_builders_digest() -> None:
    here = inputs.HERE
    shaping = {path.name for path in here.iterdir() if path.suffix in (".py", ".sh")}
    # These find, check, store, pack or describe; what they decide is an input of its own.
    others = "__init__ alpine box contents golden inputs manifest mirror rootfs sources store tools"
    assert shaping - {f"{name}.py" for name in others.split()} == {
        name for name in inputs.BUILDER_FILES if "/" not in name
    }
    # And one from below both packages, which writes the initrd.
    assert "../machine/cpio.py" in inputs.BUILDER_FILES


def test_a_file_changes_the_digest_by_content_name_and_mode(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1")
    seen = {digest(files_below(tmp_path))}
    file.write_text("2")
    seen.add(digest(files_below(tmp_path)))
    file.chmod(0o755)
    seen.add(digest(files_below(tmp_path)))
    file.rename(tmp_path / "b")
    seen.add(digest(files_below(tmp_path)))
    assert len(seen) == 4


def test_caches_are_not_inputs(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = digest(files_below(tmp_path))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__/a.pyc").write_text("x")
    (tmp_path / "a~").write_text("x")
    assert digest(files_below(tmp_path)) == before


def test_a_list_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for text in ("boxwright_packages: [", "boxwright_packages: [gcc]", "just text"):
        (tmp_path / "lab.yml").write_text(text)
        with pytest.raises(LabError, match=r"lab\.yml"):
            contents.read(tmp_path / "lab.yml")
