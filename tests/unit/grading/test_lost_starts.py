"""A container that does not come up: chance where most do, at level 1 only. The guest is made up here."""

from __future__ import annotations

from collections.abc import Collection
from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.container import Container, Rootfs
from grading.api.engine import Engine
from grading.api.expectations import Unmet
from grading.api.starts import Starts, start_several
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
    engine = Racing(1, {20})
    assert begun(engine, 20)[-1] == "c-21"
    assert engine.starts.remark == "1 of 21 containers did not come up, and were started anew"


def test_one_in_many_that_is_refused_is_started_anew() -> None:
    assert begun(Racing(1, set(), {20}), 20, running=False)[-1] == "c-21"
    with pytest.raises(Unmet, match="succeeds"):
        begun(Racing(2, set(), {20}), 20, running=False)


@pytest.mark.parametrize(
    ("level", "losing"),
    [(1, {12}), (1, {20, 21}), (1, {13, 24}), (2, {20})],
    ids=["few came up", "lost again", "lost too soon after", "level 2"],
)
def test_what_is_no_rare_chance_fails(level: int, losing: set[int]) -> None:
    engine = Racing(level, losing)
    with pytest.raises(Unmet, match="no process"):
        begun(engine, 30)


def test_what_never_comes_up_is_tried_twice() -> None:
    engine = Racing(1, set(range(101, 120)))
    begun(engine, 100)
    with pytest.raises(Unmet, match="no process"):
        engine.start("burn 600")
    assert engine.turn == 102


def test_one_in_a_rootfs_that_was_named_or_that_is_looked_for_is_not_started_anew() -> None:
    for how in ({"rootfs": Rootfs("/srv/shared", "n0")}, {"again": False}):
        engine = Racing(1, {20})
        begun(engine, 19)
        with pytest.raises(Unmet, match="no process"):
            engine.start("hold 4", **how)


def test_nobody_is_asked_anew_where_the_supervisor_is_gone_or_has_no_room() -> None:
    engine = Racing(1, {20})
    begun(engine, 19)
    engine.supervisor = SimpleNamespace(wait=lambda seconds: "ended")  # type: ignore[assignment]
    with pytest.raises(Unmet, match="no process"):
        engine.start("hold 4")
    crowded = Racing(1, {20})
    crowded.starts = Starts(has_room=lambda: False)
    with pytest.raises(Unmet, match="no process"):
        begun(crowded, 20)


def test_several_are_begun_at_once_at_level_2_and_one_by_one_at_level_1() -> None:
    order: list[str] = []
    for level, told in ((1, ["begin a", "await a", "begin b", "await b"]),
                        (2, ["begin a", "begin b", "await a", "await b"])):  # fmt: skip
        engine = Racing(level, set())
        engine.begin_start = lambda probe, name="c", **how: order.append(f"begin {name}") or name  # type: ignore
        engine.await_start = lambda container, running: order.append(f"await {container}")  # type: ignore
        start_several(engine, {"a": "exit 0", "b": "exit 0"})
        assert order == told
        order.clear()
