"""A container that does not come up: chance where most do, at level 1 only. The guest is made up here."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.container import Container, Rootfs
from grading.api.engine import UP_FOR_EACH_LOST, Engine
from grading.api.expectations import Unmet
from grading.guest.patience import Patience


class Racing(Engine):
    """An engine that loses the containers whose turn is named, or refuses them."""

    def __init__(self, level: int, losing: set[int], refusing: Collection[int] = ()) -> None:
        self.turn = 0
        self.losing = losing
        self.refusing = refusing
        observer: Any = SimpleNamespace(
            patience=Patience(1.0), write=lambda path, data: None,
            start=lambda *words, **options: SimpleNamespace(
                words=words, wait=lambda seconds: SimpleNamespace(
                    code=0, refuses=self.turn in self.refusing, timed_out=False, said="", seconds=0.1,
                    ended=1.0, began=0.9,
                )
            ),
        )  # fmt: skip
        super().__init__(observer, ("/engine",), "/", "/base", level, self._root, self._id)
        self.supervisor = SimpleNamespace(wait=lambda seconds: None)  # type: ignore[assignment]

    def _root(self) -> Rootfs:
        return Rootfs(f"/srv/{self.turn}", f"n{self.turn}")

    def _id(self, name: str) -> str:
        self.turn += 1
        return f"{name}-{self.turn}"


@pytest.fixture(autouse=True)
def seen(monkeypatch: pytest.MonkeyPatch) -> None:
    def await_running(container: Container, seconds: float = 10) -> None:
        if int(container.id.split("-")[1]) in container.engine.losing:  # type: ignore[attr-defined]
            raise Unmet("a process of it", "no process executes its command")

    monkeypatch.setattr(Container, "await_running", await_running)


def begun(engine: Engine, containers: int, *, running: bool = True) -> list[str]:
    return [engine.start("hold 4", running=running).id for _ in range(containers)]


def test_one_in_many_that_never_comes_up_is_started_anew() -> None:
    lost = UP_FOR_EACH_LOST + 1
    engine = Racing(1, {lost})
    ids = begun(engine, lost)
    assert len(ids) == lost and ids[-1] == f"c-{lost + 1}"


def test_one_in_many_that_is_refused_is_started_anew() -> None:
    lost = UP_FOR_EACH_LOST + 1
    assert begun(Racing(1, set(), {lost}), lost, running=False)[-1] == f"c-{lost + 1}"
    with pytest.raises(Unmet, match="succeeds"):
        begun(Racing(2, set(), {lost}), lost, running=False)


@pytest.mark.parametrize(
    ("level", "losing"),
    [(1, {UP_FOR_EACH_LOST}), (1, {UP_FOR_EACH_LOST + 1, UP_FOR_EACH_LOST + 2}), (2, {UP_FOR_EACH_LOST + 1})],
    ids=["few came up", "lost again", "level 2"],
)
def test_what_is_no_rare_chance_fails(level: int, losing: set[int]) -> None:
    with pytest.raises(Unmet, match="no process"):
        begun(Racing(level, losing), UP_FOR_EACH_LOST + 2)


def test_what_never_comes_up_is_tried_twice() -> None:
    many = 10 * UP_FOR_EACH_LOST
    engine = Racing(1, set(range(many + 1, many + 9)))
    begun(engine, many)
    with pytest.raises(Unmet, match="no process"):
        engine.start("burn 600")
    assert engine.turn == many + 2


def test_one_in_a_rootfs_of_its_own_choice_is_not_started_anew() -> None:
    engine = Racing(1, {UP_FOR_EACH_LOST + 1})
    begun(engine, UP_FOR_EACH_LOST)
    with pytest.raises(Unmet, match="no process"):
        engine.start("hold 4", rootfs=Rootfs("/srv/shared", "n0"))
