"""The images in the cache: complete or not there."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.image import store
from lab.machine import process

from ..machine.bare_qemu import bare_qemu, is_alive


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


@pytest.mark.parametrize(
    ("lock", "made_there"),
    [
        ("golden-x.lock", "a golden image"),
        ("golden-y.lock", "a golden image"),
        ("trixie-a/golden/y/warm/z.lock", "a warm state"),
    ],
)
def test_an_image_from_which_something_is_being_made_stays(lock: str, made_there: str) -> None:
    folder = made("trixie-a")
    (folder / "golden/x.new").mkdir(parents=True)
    (folder / "golden/y/warm/z.new").mkdir(parents=True)
    with (store.folder() / lock).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(
            LabError, match=f"is making {made_there} from the image trixie-a. Wait until it has finished"
        ):
            store.remove(store.named("trixie-a"))
    assert (folder / "golden/x.new").exists()
    assert (folder / "golden/y/warm/z.new").exists()
    store.remove(store.named("trixie-a"))
    assert not folder.exists()


def test_what_another_image_is_being_made_of_does_not_matter() -> None:
    made("trixie-a")
    (made("trixie-b") / "golden/x.new").mkdir(parents=True)
    with store.locked("golden-x"):
        store.remove(store.named("trixie-a"))
    assert [image.name for image in store.images()] == ["trixie-b"]


def test_an_image_in_use_stays_and_two_may_use_it() -> None:
    folder = made("trixie-a")
    image = store.named("trixie-a")
    with store.in_use(image), store.in_use(image):
        with pytest.raises(LabError, match="is using or removing the image trixie-a"):
            store.remove(image)
        assert folder.exists()
    store.remove(image)
    with pytest.raises(LabError, match="trixie-a has been removed meanwhile"), store.in_use(image):
        raise AssertionError("it is not there")


@pytest.mark.skipif(
    shutil.which("qemu-system-x86_64") is None, reason="QEMU is not installed; ./bootstrap.sh brings it"
)
@pytest.mark.parametrize("left", ["golden/x.new", "golden/x/warm/y.new"])
def test_the_qemu_of_a_killed_command_ends_with_the_image(left: str) -> None:
    new = made("trixie-a") / left
    new.mkdir(parents=True)
    process.start(bare_qemu(new), new)
    pid = process.running_pid(new)
    assert pid is not None
    try:
        store.remove(store.named("trixie-a"))
        assert not is_alive(pid)
    finally:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)


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
