"""When a client hangs: is it its command's doing, or does the supervisor answer nobody? The guest is made up here."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from grading.api.engine import CLIENT_SECONDS, HUNG_SHARE, STUCK_SECONDS, Engine, Stuck
from grading.api.expectations import Disturbed, Unmet
from grading.guest.observer import Observer
from grading.guest.patience import Patience
from grading.guest.records import Finished


class MadeUpGuest:
    """Its clock goes on by what clients take; commands in `hanging` are answered by nobody."""

    def __init__(self) -> None:
        self.patience = Patience(1.0)
        self.hanging: set[str] = set()
        self.failing = False
        self.says = b""
        self.clock = 100.0
        self.asked: list[tuple[str, float]] = []

    def run(self, *words: str, folder: str = "", timeout: float = 10, limit: int = 0) -> Finished:
        """As `Observer.run`."""
        hangs = words[1] in self.hanging or "all" in self.hanging
        began, self.clock = self.clock, self.clock + (timeout if hangs else 0.1)
        self.asked.append((words[1], timeout))
        return Finished(
            words, 9 if hangs else 256 * self.failing, self.says, b"", 0, 0, began, self.clock, hangs
        )


class MadeUpSupervisor:
    """It goes on until it has ended."""

    ended: Finished | None = None

    def wait(self, _seconds: float) -> Finished | None:
        """As `Job.wait`."""
        return self.ended

    def output(self) -> tuple[bytes, bytes]:
        """As `Job.output`."""
        return b"ready\n", b"Segmentation fault\n"


@pytest.fixture
def guest() -> MadeUpGuest:
    return MadeUpGuest()


def engine_in(guest: MadeUpGuest, *, shared: bool = False) -> Engine:
    made = Engine(
        cast(Observer, guest), ("/engine",), "/", "/base", 1, cast(Any, None), cast(Any, None),
        is_shared=lambda: shared,
    )  # fmt: skip
    made.supervisor = cast(Any, MadeUpSupervisor())
    return made


def seconds_of(guest: MadeUpGuest, command: str) -> Sequence[float]:
    return [seconds for name, seconds in guest.asked if name == command]


def test_a_command_that_hangs_while_others_are_answered_gets_less_time(guest: MadeUpGuest) -> None:
    guest.hanging = {"logs"}
    engine = engine_in(guest)
    for _ in range(2):
        assert engine("logs", "a").timed_out
    assert engine.stuck is None
    assert engine.hung == {"logs"}
    first, second = seconds_of(guest, "logs")
    assert first == CLIENT_SECONDS and second == pytest.approx(CLIENT_SECONDS * HUNG_SHARE)


def test_a_supervisor_that_answers_nobody_is_stuck(guest: MadeUpGuest) -> None:
    engine = engine_in(guest)
    assert engine("ps").code == 0
    guest.hanging = {"all"}
    assert engine("stop", "a").timed_out  # what the check itself has to tell
    assert engine.stuck is not None and engine.hung == set()
    asked = len(guest.asked)
    with pytest.raises(Stuck, match="engine stop a"):
        engine("ps")
    assert len(guest.asked) == asked  # nobody waits for it again


def test_beside_others_it_is_nobodys_failure_yet(guest: MadeUpGuest) -> None:
    guest.hanging = {"all"}
    with pytest.raises(Stuck):
        engine_in(guest, shared=True)("ps")


def test_who_waits_for_a_container_says_nothing_of_the_supervisor(guest: MadeUpGuest) -> None:
    guest.hanging = {"run"}
    engine = engine_in(guest, shared=True)
    assert engine("run", "a").timed_out
    assert engine.stuck is None and engine.hung == set()
    assert [name for name, _ in guest.asked] == ["run"]


def test_slow_clients_leave_a_hanging_command_twice_their_time(guest: MadeUpGuest) -> None:
    engine = engine_in(guest)
    engine._slowest = CLIENT_SECONDS / 4
    engine.hung.add("start")
    engine("start", "a")
    assert seconds_of(guest, "start") == [pytest.approx(CLIENT_SECONDS / 2)]


@pytest.mark.parametrize("shared", [True, False])
def test_one_that_has_ended_cuts_off_who_is_beside(guest: MadeUpGuest, shared: bool) -> None:
    engine = engine_in(guest, shared=shared)
    guest.failing = True
    assert engine("stop", "nobody").code == 1  # a refusal, as long as it lives
    engine.supervisor = cast(Any, MadeUpSupervisor())
    cast(Any, engine.supervisor).ended = Finished(("/engine",), 11, b"", b"", 0, 0, 0.0, 1.0, False)
    if shared:
        with pytest.raises(Stuck, match=r"has ended.*Segmentation fault"):
            engine("logs", "a")
    assert (engine.stuck is not None) == shared
    if not shared:
        assert engine("logs", "a").code == 1  # what the check itself has to tell
        with pytest.raises(Unmet, match="Segmentation fault"):
            engine.expect_supervisor()


def test_a_dead_one_whose_containers_hold_its_socket_has_ended_too(guest: MadeUpGuest) -> None:
    guest.hanging = {"all"}
    engine = engine_in(guest)
    cast(Any, engine.supervisor).ended = Finished(("/engine",), 13, b"", b"", 0, 0, 0.0, 1.0, False)
    assert engine("ps").timed_out
    assert engine.hung == set(), "what the dead do not answer hangs no more than anything else"
    with pytest.raises(Unmet, match=r"has ended.*Segmentation fault"):
        engine.answers()
    engine.is_shared = lambda: True
    with pytest.raises(Stuck, match="has ended"):
        engine("logs", "a")


@pytest.mark.parametrize(
    ("shared", "level", "rows", "disturbed"),
    [
        (True, 1, ("b", "c", "d"), True),
        (True, 1, ("a", "b", "c"), False),
        (True, 1, ("b", "c"), False),  # not for want of room
        (False, 1, ("b", "c", "d"), False),
        (True, 2, ("b", "c", "d"), False),
    ],
)
def test_an_answer_that_had_no_room_beside_others(
    guest: MadeUpGuest, shared: bool, level: int, rows: tuple[str, ...], disturbed: bool
) -> None:
    engine = engine_in(guest, shared=shared)
    engine.level, engine.ids = level, ["a", "b", "c", "d"]
    guest.says = "".join(f"{row} 17 running\n" for row in rows).encode()
    wanted = cast(Any, SimpleNamespace(id="a"))
    if disturbed:
        with pytest.raises(Disturbed, match="b 17 running"):
            engine.ps(wanted)
    else:
        assert bool(engine.ps(wanted).entry("a")) == ("a" in rows)


def test_who_may_be_held_up_has_ten_times_what_others_took(guest: MadeUpGuest) -> None:
    engine = engine_in(guest)
    assert engine.paced(60) == STUCK_SECONDS
    engine._slowest = 0.5
    assert (engine.paced(60), engine.paced(4)) == (5.0, 4)


class MadeUpContainer:
    """Its `run` client waits on though it has ended, or comes to its end."""

    def __init__(self, guest: MadeUpGuest, returns: bool) -> None:
        self.job, self.guest, self.returns, self.killed = self, guest, returns, False
        self.processes = ["one"] * 5
        """A wait takes one away."""

    def wait(self, seconds: float | None = None) -> Finished | None:
        """As `Job.wait`."""
        if self.processes:
            self.processes.pop()
            return None
        if not self.returns and not self.killed:
            return None
        return Finished(("run",), 9 if self.killed else 7 << 8, b"", b"", 0, 0, 0.0, 1.0, False)

    def signal(self, number: int) -> None:
        """As `Job.signal`."""
        self.killed = number == signal.SIGKILL


def test_a_run_that_does_not_return_is_not_waited_for_long_after_its_container(
    guest: MadeUpGuest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grading.api.engine.CLIENT_SECONDS", 0.05)
    waits, returns = MadeUpContainer(guest, False), MadeUpContainer(guest, True)
    given_up = engine_in(guest).await_return(cast(Any, waits))
    assert waits.killed and given_up.timed_out
    done = engine_in(guest).await_return(cast(Any, returns))
    assert not returns.killed and not done.timed_out and done.code == 7


@pytest.mark.parametrize(("level", "removed"), [(1, True), (2, False)])
def test_what_a_killed_supervisor_left_is_not_in_the_way_where_nobody_asks_for_that(
    guest: MadeUpGuest, monkeypatch: pytest.MonkeyPatch, level: int, removed: bool
) -> None:
    monkeypatch.setattr(
        guest, "proc", lambda path: "Num RefCount Protocol Flags Type St Inode Path\n", raising=False
    )
    monkeypatch.setattr(guest, "start", lambda *words, **how: MadeUpSupervisor(), raising=False)
    engine = engine_in(guest)
    engine.level = level
    engine.sockets_before = {"/tmp/engine.sock"}
    engine.begin_supervisor()
    assert bool(seconds_of(guest, "-f")) == removed, "level 2 asks that a stale socket is taken over"
