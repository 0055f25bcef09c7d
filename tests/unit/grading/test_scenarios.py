"""Scenarios that were to run when the supervisor was given up: none of them may begin after that."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest

from grading.api import scenarios as module
from grading.api.expectations import Disturbed
from grading.api.scenarios import Scenario, Scenarios, only_waiting

SECONDS = 20.0


def test_who_waits_for_room_does_not_begin_any_more_and_who_runs_does_so_again() -> None:
    one_at_a_time = threading.Lock()
    waiting, go_on = threading.Semaphore(0), threading.Event()
    began: list[str] = []

    @contextmanager
    def room(_containers: int) -> Iterator[None]:
        waiting.release()
        with one_at_a_time:
            yield

    def first() -> str:
        began.append("first")
        assert go_on.wait(SECONDS)
        return "seen"

    def second() -> None:
        began.append("second")

    scenarios = Scenarios(lambda name: name, room, workers=4)
    scenarios.begin([Scenario("first", first, False, 1)])
    assert waiting.acquire(timeout=SECONDS)
    while not began:  # it has its room
        assert not go_on.wait(0.01)
    scenarios.begin([Scenario(f"second {number}", second, False, 1) for number in range(3)])
    for _ in range(3):
        assert waiting.acquire(timeout=SECONDS)
    scenarios.begin_no_more()
    go_on.set()
    others = Scenarios(lambda name: name, room, workers=4)
    scenarios.vouch_for(["first"])
    others.adopt(scenarios)
    assert began == ["first"]
    assert others.evidence(Scenario("first", first, False, 1)) == "seen"
    others.evidence(Scenario("second 0", second, False, 1))
    assert began == ["first", "first", "second"], "the first lost its supervisor in the middle of what it saw"


def test_what_has_failed_runs_again_one_by_one() -> None:
    scenarios = Scenarios(lambda name: name, lambda _: threading.Lock(), workers=2)
    tries: list[int] = []

    def fails_once() -> int:
        tries.append(1)
        if len(tries) == 1:
            raise AssertionError("cut off")
        return len(tries)

    scenario = Scenario("fails_once", fails_once, False, 1)
    scenarios.begin([scenario])
    with pytest.raises(AssertionError):
        scenarios.evidence(scenario)
    others = Scenarios(lambda name: name, lambda _: threading.Lock(), workers=2)
    others.adopt(scenarios)
    assert others.evidence(scenario) == 2


def test_what_has_failed_alone_and_got_the_supervisor_stuck_does_not_run_again() -> None:
    scenarios = Scenarios(lambda name: name, lambda _: threading.Lock(), workers=2)
    scenarios.one_by_one = True
    tries: list[int] = []

    def fails() -> None:
        tries.append(1)
        raise AssertionError("it answers nobody")

    scenario = Scenario("fails", fails, False, 1)
    with pytest.raises(AssertionError):
        scenarios.evidence(scenario)
    others = Scenarios(lambda name: name, lambda _: threading.Lock(), workers=2)
    scenarios.vouch_for(scenarios.ended())
    others.adopt(scenarios, failures=True)
    with pytest.raises(AssertionError, match="it answers nobody"):
        others.evidence(scenario)
    assert len(tries) == 1


def test_what_ended_before_a_clean_look_at_the_kernel_is_kept_and_the_rest_runs_again() -> None:
    """Where the kernel complains, it may be the doing of any that ended since it was last looked at."""
    runs: list[str] = []

    def made(name: str) -> Scenario:
        return Scenario(name, lambda: runs.append(name), False, 1)

    scenarios = Scenarios(lambda name: name, lambda _: nullcontext(), workers=2)
    scenarios.evidence(made("before"))
    scenarios.vouch_for(scenarios.ended())
    scenarios.evidence(made("after"))
    others = Scenarios(lambda name: name, lambda _: nullcontext(), workers=2)
    others.adopt(scenarios)
    for name in ("before", "after"):
        others.evidence(made(name))
    assert runs == ["before", "after", "after"]


def test_a_clean_look_counts_for_the_run_before_it_and_not_for_a_second_one() -> None:
    runs: list[str] = []

    def disturbed() -> None:
        runs.append("disturbed")
        if len(runs) == 1:
            raise Disturbed("a start that is taken", "status 1")

    scenarios = Scenarios(lambda name: name, lambda _: nullcontext(), workers=2)
    one = Scenario("disturbed", disturbed, False, 1)
    scenarios.begin([one])
    scenarios.settle()
    assert scenarios.unlooked_at()
    scenarios.vouch_for(scenarios.ended())
    assert not scenarios.unlooked_at()
    scenarios.evidence(one)
    assert len(runs) == 2 and scenarios.unlooked_at()
    others = Scenarios(lambda name: name, lambda _: nullcontext(), workers=2)
    others.adopt(scenarios)
    others.evidence(one)
    assert len(runs) == 3


@pytest.mark.parametrize("lasts", [False, True])
def test_what_others_may_have_disturbed_runs_once_more_when_they_have_ended(lasts: bool) -> None:
    scenarios = Scenarios(lambda name: name, lambda _: nullcontext(), workers=2)
    go_on = threading.Event()
    beside: list[bool] = []

    def other() -> str:
        assert go_on.wait(SECONDS)
        return "seen"

    def disturbed() -> str:
        beside.append(go_on.is_set())
        if lasts or len(beside) == 1:
            raise Disturbed("a start that is taken", "status 1")
        return "seen"

    first, second = (Scenario(each.__name__, each, False, 1) for each in (other, disturbed))
    scenarios.begin([first, second])
    while not beside:
        assert not go_on.wait(0.01)
    go_on.set()
    for _ in range(2):
        if lasts:
            with pytest.raises(Disturbed):
                scenarios.evidence(second)
        else:
            assert scenarios.evidence(second) == "seen"
    assert beside == [False, True]
    assert scenarios.evidence(first) == "seen"


def test_who_will_wait_for_long_has_a_head_start_until_it_only_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HEAD_START_SECONDS", SECONDS)
    happened: list[str] = []
    others_ran = threading.Event()

    def patient() -> None:
        happened.append("prepared")
        only_waiting()
        assert others_ran.wait(SECONDS)

    def other() -> None:
        happened.append("other")
        only_waiting()  # says nothing of this one
        others_ran.set()

    scenarios = Scenarios(lambda name: name, lambda _: nullcontext(), workers=4)
    named = [Scenario("patient", patient, False, 1, waits=3), Scenario("other", other, False, 1)]
    scenarios.begin(named)
    for each in named:
        scenarios.evidence(each)
    assert happened == ["prepared", "other"]


@pytest.mark.parametrize("ends", [True, False], ids=["one that fails", "one that never says that it waits"])
def test_a_head_start_has_an_end(monkeypatch: pytest.MonkeyPatch, ends: bool) -> None:
    monkeypatch.setattr(module, "HEAD_START_SECONDS", SECONDS if ends else 0.01)
    others_ran = threading.Event()

    def patient() -> None:
        if ends:
            raise OSError("in the midst of it")
        assert others_ran.wait(SECONDS)

    scenarios = Scenarios(lambda name: name, lambda _: nullcontext(), workers=4)
    other = Scenario("other", others_ran.set, False, 1)
    scenarios.begin([Scenario("patient", patient, False, 1, waits=3), other])
    scenarios.evidence(other)
    scenarios.settle()
    assert others_ran.is_set()
