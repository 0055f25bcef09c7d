"""On which check it is pinned that the kernel complained: one that ran beside others is run again by itself."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from grading.guest.kernel_watch import Trouble
from grading.guest.vm import Guest
from grading.plugin import Grading, Outcome
from lab.errors import MachineError

COMPLAINT = Trouble(("WARNING: CPU: 0 at monitor.c",))


class Scenarios:
    """A stand-in: others run beside, or have ended meanwhile."""

    def __init__(self, *, beside: bool) -> None:
        self.beside = beside
        self.vouched: set[str] = set()
        self.one_by_one = False

    def beside_each_other(self) -> bool:
        return self.beside

    def ended(self) -> frozenset[str]:
        return frozenset({"watched"})

    def vouch_for(self, names: frozenset[str]) -> None:
        self.vouched |= names


def after(trouble: Trouble | None, *, was_beside: bool, is_beside: bool) -> tuple[bool, set[str]]:
    """Whether a check runs again, and which scenarios were vouched for."""
    scenarios = Scenarios(beside=is_beside)
    one: Any = object.__new__(Grading)
    one._session = SimpleNamespace(
        scenarios=scenarios, is_empty=False, is_stuck=False, replace_guest=lambda: None,
        vouch_for_load=lambda: None,
        guest=SimpleNamespace(trouble=lambda *, ask: trouble),
    )  # fmt: skip
    outcome = Outcome()
    outcome.was_beside = was_beside
    check: Any = SimpleNamespace(stage="before")
    item: Any = None
    return one._again(item, check, outcome, 0), scenarios.vouched


def test_by_itself_the_kernels_word_counts() -> None:
    assert after(COMPLAINT, was_beside=False, is_beside=False) == (False, set())


def test_beside_others_nobody_knows_whose_it_was() -> None:
    assert after(COMPLAINT, was_beside=True, is_beside=True) == (True, set())


def test_so_it_is_where_the_others_are_over_by_now() -> None:
    assert after(COMPLAINT, was_beside=True, is_beside=False) == (True, set())


def test_what_ended_before_a_clean_look_needs_no_second_run() -> None:
    assert after(None, was_beside=True, is_beside=False) == (False, {"watched"})


def test_a_guest_found_dead_after_a_failed_check_is_lost_and_nothing_is_vouched_for() -> None:
    """What the check raised does not hide it."""
    scenarios = Scenarios(beside=False)

    def dead(*, ask: bool) -> None:
        raise MachineError("no answer")

    replaced: list[str] = []
    one: Any = object.__new__(Grading)
    one._session = SimpleNamespace(
        scenarios=scenarios, is_empty=False, is_stuck=True, replace_guest=lambda: replaced.append("guest"),
        guest=SimpleNamespace(trouble=dead),
    )  # fmt: skip
    outcome = Outcome()
    outcome.error = AssertionError("expected otherwise")
    check: Any = SimpleNamespace(stage="before")
    item: Any = None
    assert one._again(item, check, outcome, 0)
    assert outcome.lost and replaced and not scenarios.vouched


@pytest.mark.parametrize("complained", [False, True])
def test_a_guest_that_does_not_answer_is_lost_unless_its_kernel_said_why(complained: bool) -> None:
    def silent(path: str) -> str:
        raise MachineError("no answer")

    guest: Any = Guest.__new__(Guest)
    guest.observer = SimpleNamespace(proc=silent)
    guest.on_loss = lambda: None
    guest.machine = SimpleNamespace(events=list)
    guest.watch = SimpleNamespace(take=lambda: COMPLAINT if complained else None)
    if complained:
        assert guest.trouble() == COMPLAINT
    else:
        with pytest.raises(MachineError):
            guest.trouble()
        assert guest.trouble(ask=False) is None
