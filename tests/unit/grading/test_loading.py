"""A module that breaks the kernel when it is loaded is loaded once: after that it costs the engine nothing."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.expectations import Unmet
from grading.guest.delivery import Product
from grading.halves import Built, Half
from grading.session import Session
from lab.errors import MachineError


class Guest:
    """A stand-in whose kernel bears no insmod(8) of theirs."""

    kernel = "6.12"
    patience = None

    def __init__(self, loaded: list[str], *, bears: bool) -> None:
        self.loaded = loaded
        self.bears = bears
        self.observer: Any = self

    def run(self, *words: str, timeout: float) -> Any:
        self.loaded.append("theirs")
        if not self.bears:
            raise MachineError("no answer")
        return SimpleNamespace(code=0)

    def kernel_threads(self) -> frozenset[int]:
        return frozenset()

    def close(self) -> None:
        pass


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose module was loaded, in all guests."""
    found: list[str] = []
    monkeypatch.setattr(Session, "_stand_in", lambda self, guest: found.append("ours"))
    monkeypatch.setattr(Session, "_prepare", lambda self, guest: None)
    monkeypatch.setattr("grading.session.wait_with", lambda patience: None)
    return found


def session(loaded: list[str], *, bears: bool) -> Session:
    nobody: Any = None

    def open_guest() -> Any:
        return Guest(loaded, bears=bears)

    made = Session(
        open_guest=open_guest, tools=nobody, tree=None, left_behind=frozenset(),
        engine_half=Half("submission", "/s"), module_half=Half("submission", "/s"), level=1, seed="x",
    )  # fmt: skip
    made.built = Built(Product("/s/engine", "", ()), Product("/s/monitor.ko", "", ()))
    return made


def test_what_broke_the_kernel_is_not_loaded_again(loaded: list[str]) -> None:
    graded = session(loaded, bears=False)
    for _ in range(2):  # it is tried in a fresh guest, before it is anybody's doing
        with pytest.raises(MachineError):
            graded.module()
        graded.replace_guest()
    graded.blame_load()
    assert loaded == ["theirs", "theirs"]
    module = graded.module()
    assert loaded == ["theirs", "theirs", "ours"]
    with pytest.raises(Unmet, match="cannot be"), module.opened():
        pass
    with pytest.raises(Unmet, match="cannot be"):
        module.unload()


def test_one_that_was_well_when_loaded_is_loaded_in_the_next_guest(loaded: list[str]) -> None:
    graded = session(loaded, bears=True)
    graded.module()
    graded.vouch_for_load()
    graded.replace_guest()
    graded.blame_load()
    assert not graded.module().is_stood_in_for
    assert loaded == ["theirs", "theirs"]


def test_what_breaks_a_guest_before_anything_is_loaded_is_not_the_modules_doing(loaded: list[str]) -> None:
    graded = session(loaded, bears=True)
    assert graded.guest
    graded.replace_guest()
    graded.blame_load()
    assert not graded.module().is_stood_in_for
