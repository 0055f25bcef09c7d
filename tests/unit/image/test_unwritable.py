"""What cannot be written for an image or a box: more space is the remedy for a full disk alone."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.console import NoProgress
from lab.errors import LabError
from lab.image import box, build, inputs, mirror, store, tools

PLACE = "Let your user write there, or name another place with BOXWRIGHT_CACHE or TMPDIR."


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache without an image or a box; what a mirror has and which tools are there is a mock."""
    monkeypatch.setenv("BOXWRIGHT_CACHE", str(tmp_path))
    monkeypatch.setattr(mirror, "find_mirror", lambda _: None)
    wanted = SimpleNamespace(suite="trixie", key="0123456789abcdef")
    monkeypatch.setattr(inputs, "gather", lambda *_: wanted)
    monkeypatch.setattr(store, "find", lambda _: None)
    monkeypatch.setattr(box, "find", lambda *_, **__: None)
    monkeypatch.setattr(box, "GRUB", tmp_path)
    (tmp_path / "boot.img").touch()
    monkeypatch.setattr(tools, "find", str)


def image() -> None:
    build.base_image(None, NoProgress())


def boxed() -> None:
    golden: Any = SimpleNamespace(base=SimpleNamespace(architecture="amd64"))
    box.make(golden, NoProgress())


@pytest.mark.parametrize(("make", "module", "step"), [(image, build, "_build"), (boxed, box, "_publish")])
@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "Free some space and try again."),
        (errno.EDQUOT, "Free some space and try again."),
        (errno.EACCES, PLACE),
        (errno.EROFS, PLACE),
        (errno.EIO, "Mend that and try again."),
    ],
)
@pytest.mark.usefixtures("cache")
def test_the_remedy_is_that_of_the_error(
    make: Callable[[], None],
    module: Any,
    step: str,
    number: int,
    remedy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error is a mock: root may write everywhere, and a full disk takes a mount."""

    def fail(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number), "/cache/disk.qcow2")

    monkeypatch.setattr(module, step, fail)
    with pytest.raises(LabError, match=r"could not be written: .*/cache/disk\.qcow2") as caught:
        make()
    assert caught.value.remedy == remedy
