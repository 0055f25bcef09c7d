"""Checks that use a student's own numbers: what their scenarios ask of the engine, with one that stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from grading.api.checks import MARK
from grading.api.expectations import Unmet
from grading.api.scenarios import KNOWN
from grading.plugin import Grading, Outcome
from grading.run.catalogue import all_checks
from grading.run.job import Job
from lab.exercises import catalogue, parameters

Own = Mapping[str, str | int]


@pytest.fixture(autouse=True, scope="module")
def checks_are_read(request: pytest.FixtureRequest) -> None:
    """Their scenarios are known from then on; the mark is, without the plugin that makes it so."""
    request.config.addinivalue_line("markers", f"{MARK}(check): as grading.plugin has it")
    for number in ("07", "08"):
        all_checks(catalogue.exercise(number).folder)


@dataclass
class Engine:
    """Remembers what it was asked to start, and gives each container the processor time that it is told."""

    ticks: tuple[int, int] = (0, 0)
    level: int = 2
    started: list[dict[str, Any]] = field(default_factory=list)
    seen: int = 0

    def start(self, command: str, **asked: Any) -> Any:
        pid = 100 + len(self.started)
        self.started.append({"command": command, **asked})
        process = SimpleNamespace(pid=pid, nice=asked.get("nice", 0), rss_bytes=48 << 20)
        return SimpleNamespace(
            id=asked["name"], init=process, processes=[process],
            await_running=lambda: process, grow_past=lambda mib: None, kill=lambda: None,
        )  # fmt: skip

    def stop(self, *ids: str) -> None:
        pass

    def is_shared(self) -> bool:
        return False

    def ps(self, *wanted: Any) -> Any:
        return SimpleNamespace()

    # As the observer

    def run(self, *words: str) -> None:
        pass

    def proc(self, path: str) -> str:
        """`PID/stat`, of which fields 14 and 15 are processor time (proc_pid_stat(5)); none at the first look."""
        at = int(path.partition("/")[0]) - 100
        self.seen += 1
        ticks = self.ticks[at] if self.seen > len(self.ticks) else 0
        return f"{100 + at} (probe) R {'0 ' * 10}{ticks} 0 0 0"


def graded(own: Own) -> Any:
    return SimpleNamespace(own=lambda number: own, measured={})


def own_of(student: str, number: str) -> dict[str, str | int]:
    return parameters.values(catalogue.exercise(number).parameters, student, "autumn")


@pytest.mark.parametrize("own", [{}, own_of("s1", "08"), own_of("s2", "08"), own_of("s3", "08")])
def test_shares_are_those_of_the_students_own_nice_values(own: Own) -> None:
    fast, slow = int(own.get("nice_fast", -5)), int(own.get("nice_slow", 10))
    predicted = 100 / (1 + 1.25 ** (fast - slow))
    engine, session = Engine((round(10 * predicted), round(1000 - 10 * predicted))), graded(own)
    found = KNOWN["shares"].function(engine, engine, session)
    assert [each["nice"] for each in engine.started] == [fast, slow] == list(found.nice)
    assert session.measured["share_fast"] == pytest.approx(predicted, abs=0.1)
    assert found.predicted == pytest.approx(predicted)
    check = KNOWN["shares"].function.__globals__["test_shares_follow_the_weights"]
    check(found)
    for unfair in ((500, 500), (995, 5)):  # the second has as much as the first, or next to nothing
        seen = KNOWN["shares"].function(Engine(unfair), Engine(unfair), graded(own))
        with pytest.raises(Unmet):
            check(seen)


@pytest.mark.parametrize("own", [{}, own_of("s1", "07"), own_of("s2", "07")])
def test_limits_are_the_students_own(own: Own) -> None:
    engine = Engine()
    log = SimpleNamespace(about=lambda *of, what="": [what], names=lambda *of: True)
    found = KNOWN["warned"].function(engine, log, lambda number: own)
    wanted = int(own.get("soft_mib", 14)), int(own.get("hard_mib", 120))
    warm = next(each for each in engine.started if each["name"] == "warm")
    assert found.mib == wanted == (warm["soft"], warm["hard"])
    # It grows to 28 MiB: past any soft limit that a student may have, and past no hard one.
    assert wanted[0] < 28 - 2 and wanted[1] > 28 + 8


def test_every_own_limit_fits_what_the_scenario_does() -> None:
    declared = catalogue.exercise("07").parameters
    assert max(map(int, declared["soft_mib"].choices)) < 26
    assert min(map(int, declared["hard_mib"].choices)) > 36


def test_what_was_measured_is_told_once_it_is_there() -> None:
    one = object.__new__(Grading)
    told: list[Any] = []
    one.job, one.verdicts, one._told, one._measured = Job(), {}, {}, 0
    one._session = SimpleNamespace(measured={}, built=None, is_empty=False)  # type: ignore[assignment]
    one._tell = told.append  # type: ignore[method-assign]
    [check, *_] = all_checks(catalogue.exercise("08").folder)
    one._conclude(check, "passed", Outcome())
    assert [set(each) & {"measured"} for each in told] == [set()]
    one._session.measured["share_fast"] = 84.0  # type: ignore[union-attr]
    one._conclude(check, "passed", Outcome())
    one._conclude(check, "passed", Outcome())
    assert [each for each in told if "measured" in each] == [{"measured": {"share_fast": 84.0}}]
