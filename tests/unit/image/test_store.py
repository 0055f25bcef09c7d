"""The images in the cache: complete or not there."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.image import store


@pytest.fixture(autouse=True)
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path / "cache"))


def made(name: str, *, key: str = "k1", created: float = 1, suffix: str = "") -> Path:
    folder = store.folder() / f"{name}{suffix}"
    folder.mkdir()
    image = {
        "key": key,
        "suite": "trixie",
        "architecture": "amd64",
        "kernel_release": "6.12",
        "created": created,
    }
    (folder / store.MANIFEST).write_text(json.dumps({"image": image}))
    (folder / store.DISK).write_bytes(b"disk")
    return folder


def test_an_empty_cache() -> None:
    assert store.images() == []
    assert store.find("k1") is None
    with pytest.raises(LabError, match=r"There is no image 'x'\. There is: none"):
        store.named("x")


def test_the_newest_image_of_the_same_inputs_is_used() -> None:
    made("trixie-a", created=1)
    made("trixie-b", created=3)
    made("trixie-c", created=2)
    made("bookworm-d", created=9, key="k2")
    found = store.find("k1")
    assert found is not None
    assert found.name == "trixie-b"
    assert [image.name for image in store.images()] == ["bookworm-d", "trixie-b", "trixie-c", "trixie-a"]


def test_what_a_killed_build_left_is_no_image_and_goes_away() -> None:
    left = made("trixie-a", suffix=".new")
    assert store.images() == []
    store.clean("trixie-a")
    assert not left.exists()


@pytest.mark.parametrize("manifest", ["", "{}", '{"image": {}}', '{"image": []}', "[1]"])
def test_a_folder_without_a_whole_manifest_is_no_image(manifest: str) -> None:
    (made("trixie-a") / store.MANIFEST).write_text(manifest)
    assert store.images() == []


def test_a_name_may_be_shortened_while_it_is_clear() -> None:
    made("trixie-a1")
    made("trixie-a2")
    made("bookworm-b")
    assert store.named("book").name == "bookworm-b"
    assert store.named("trixie-a1").name == "trixie-a1"
    with pytest.raises(LabError, match="More than one image begins with 'trixie'"):
        store.named("trixie")
    with pytest.raises(LabError, match="There is no image ''"):
        store.named("")


def test_an_image_gets_its_name_only_when_it_is_whole() -> None:
    new = made("trixie-a", suffix=".new")
    image = store.publish(new, "trixie-a-s")
    assert (image.name, image.disk.read_bytes(), new.exists()) == ("trixie-a-s", b"disk", False)
    assert store.images() == [image]


def test_removing_takes_everything_that_was_made_from_it() -> None:
    folder = made("trixie-a")
    (folder / "golden/x").mkdir(parents=True)
    (folder / "golden/x/memory").write_bytes(b"1")
    (folder / "golden/x/memory").chmod(0o400)
    store.remove(store.named("trixie-a"))
    assert not folder.exists()
    assert store.images() == []


def test_a_second_process_waits_for_the_first_and_says_so() -> None:
    told: list[str] = []
    order: list[str] = []
    entered, leave = threading.Event(), threading.Event()

    def first() -> None:
        with store.locked("x"):
            entered.set()
            leave.wait(10)
            order.append("first")

    def waiting() -> None:
        told.append("waits")
        leave.set()

    thread = threading.Thread(target=first)
    thread.start()
    assert entered.wait(10)
    with store.locked("x", waiting):
        order.append("second")
    thread.join()
    assert (told, order) == (["waits"], ["first", "second"])


def test_sizes_count_what_is_on_disk(tmp_path: Path) -> None:
    folder = made("trixie-a")
    with (folder / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    size: Any = store.named("trixie-a").bytes_on_disk()
    assert 0 < size < 1_000_000
