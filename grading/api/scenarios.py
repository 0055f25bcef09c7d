"""Scenarios: what happens once, and is looked at by many checks.

A scenario is a function that does something in the guest and returns what was seen. Checks
take it by its name, as a fixture. Scenarios of the same stage run beside each other, since
most of each is waiting; one that declares `exclusive` runs when no other does.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeVar, overload

import pytest

from grading.api.allowance import BEARS
from grading.api.expectations import Disturbed

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Scenario:
    """A function of the services that it names."""

    name: str
    function: Callable[..., Any]
    exclusive: bool
    containers: int
    """The most that it may start."""
    waits: float = 0
    """Seconds, about, in which it does nothing but wait."""


UNSAID = 3
"""Containers of a scenario or check that uses the engine and does not say how many it may start."""

KNOWN: dict[str, Scenario] = {}
"""All that were declared, by name; a name is taken once."""

HEAD_START_SECONDS = 2.0
"""The most that others leave the processors to those that will wait for long; it changes no verdict."""

_running = threading.local()
"""`waits`, an event: of the scenario that this thread runs beside others, and that will wait for long."""


def only_waiting() -> None:
    """Say that the scenario from which this is called does little but wait from now on: the others may begin.

    It is for those that declare `waits`; elsewhere it does nothing.
    """
    waits: threading.Event | None = getattr(_running, "waits", None)
    if waits is not None:
        waits.set()


@overload
def scenario(function: Function) -> Function: ...


@overload
def scenario(
    *, exclusive: bool = ..., containers: int = ..., waits: float = ...
) -> Callable[[Function], Function]: ...


def scenario(
    function: Callable[..., Any] | None = None,
    *,
    exclusive: bool = False,
    containers: int = UNSAID,
    waits: float = 0,
) -> Any:
    """Declare a scenario; its parameters are services of the session, such as `engine` and `rootfs`.

    Args:
        function: the scenario.
        exclusive: nothing else may run beside it, as where processor time is measured.
        containers: the most that it may start, refused ones included; see `grading.api.allowance`.
        waits: seconds, about, in which it does nothing but wait; those that wait longest begin first, and the
            others when these call `only_waiting`.
    """

    def declare(target: Callable[..., Any]) -> Any:
        found = Scenario(target.__name__, target, exclusive, containers, waits)
        before = KNOWN.get(found.name)
        if before is not None and _file(before.function) != _file(target):
            raise ValueError(f"{_file(before.function)} has a scenario {found.name!r} already")
        KNOWN[found.name] = found

        def evidence(graded: Any) -> Any:
            return graded.scenarios.evidence(found)

        evidence.__doc__ = target.__doc__
        return pytest.fixture(name=found.name)(evidence)

    return declare(function) if function else declare


def _file(function: Callable[..., Any]) -> str:
    return str(inspect.getsourcefile(function))


class NotBegunError(Exception):
    """A scenario that was to run is not wanted any more: others do what it would have done."""


class Scenarios:
    """Runs scenarios, beside each other or one by one, and keeps what they saw.

    Args:
        service: finds a service by its name.
        room: for so many containers, to be had while a scenario runs.
        workers: how many run at once.
    """

    def __init__(
        self, service: Callable[[str], Any], room: Callable[[int], AbstractContextManager[None]], workers: int
    ) -> None:
        self._service = service
        self._room = room
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="scenario")
        self._futures: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()
        self.one_by_one = False
        self._beside: set[str] = set()
        """Those that began beside others."""
        self._is_over = False
        self._whole: set[str] = set()
        """Those that had come to their end when it was over."""
        self._vouched: set[str] = set()
        """Those that had come to their end when the kernel had nothing to complain of."""

    def begin(self, scenarios: list[Scenario]) -> None:
        """Let these run beside each other, in this order, where they have not run yet."""
        if self.one_by_one:
            return
        with self._lock:
            new = [each for each in scenarios if each.name not in self._futures and not each.exclusive]
            patient = {each.name: threading.Event() for each in new if each.waits}
            latest = time.monotonic() + HEAD_START_SECONDS
            for each in new:
                self._beside.add(each.name)
                waits = patient.get(each.name)
                before = () if waits else tuple(patient.values())
                self._futures[each.name] = self._pool.submit(self._run_beside, each, waits, before, latest)

    def evidence(self, wanted: Scenario) -> Any:
        """What a scenario saw; raises what it raised. Waits for it, or runs it now."""
        with self._lock:
            future = self._futures.get(wanted.name)
            was_beside = wanted.name in self._beside
        alone = future is not None and was_beside and isinstance(future.exception(), Disturbed)
        if alone:
            self._beside.discard(wanted.name)
            self.settle()
            self._vouched.discard(wanted.name)  # that was for what it did before
            future = None
        if future is None:
            if wanted.exclusive:
                self.settle()
            future = Future()
            try:
                future.set_result(self._run(wanted, alone=alone))
            except Exception as error:  # noqa: BLE001 - raised again below, and for each check that asks
                future.set_exception(error)
            with self._lock:
                self._futures[wanted.name] = future
        return future.result()

    def settle(self) -> None:
        """Wait until nothing runs."""
        with self._lock:
            futures = list(self._futures.values())
        for future in futures:
            future.exception()

    def busy(self) -> bool:
        """Whether any is running or waiting."""
        with self._lock:
            return any(not future.done() for future in self._futures.values())

    def beside_each_other(self) -> bool:
        """Whether several may be under way now: what one does, others feel."""
        return self.busy() and not self.one_by_one

    def ended(self) -> frozenset[str]:
        """The names of those that have come to their end."""
        with self._lock:
            return frozenset(name for name, future in self._futures.items() if future.done())

    def unlooked_at(self) -> bool:
        """Whether any was under way since the last look at the kernel: what it did, others feel."""
        with self._lock:
            return not self.one_by_one and not self._futures.keys() <= self._vouched

    def vouch_for(self, names: Collection[str]) -> None:
        """Say that a look at the kernel, after these had ended, found nothing."""
        self._vouched.update(names)

    def adopt(self, others: Scenarios, *, failures: bool = False) -> None:
        """Take over what was vouched for and seen to its end; the rest may run again, one by one.

        Where the kernel complains beside others, it may be the doing of any that ended since the last look.

        Args:
            others: begins nothing more.
            failures: also what failed alone: it was its own doing, and would be again.
        """
        alone = failures and others.one_by_one
        self.one_by_one = True
        others.begin_no_more()
        others._pool.shutdown(wait=True)
        self._vouched = set(others._vouched)
        self._futures = {
            name: future
            for name, future in others._futures.items()
            # One that was under way has lost its supervisor, or its guest, in the middle.
            if name in others._whole & others._vouched
            and not future.cancelled()
            and (alone or future.exception() is None)
        }
        self._vouched &= self._futures.keys()

    def begin_no_more(self) -> None:
        """Let those that run come to their end; whoever still waits for room is not among them."""
        with self._lock:
            if not self._is_over:
                self._whole = {name for name, future in self._futures.items() if future.done()}
        self._is_over = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def drop_queued(self) -> None:
        """Begin none of those that have not begun, unless a check asks for one; and wait until nothing runs."""
        with self._lock:
            for name in [name for name, future in self._futures.items() if future.cancel()]:
                del self._futures[name]
        self.settle()

    def end(self) -> None:
        """Begin nothing more, and wait until nothing runs."""
        self.begin_no_more()
        self._pool.shutdown(wait=True)

    def _run_beside(
        self,
        each: Scenario,
        waits: threading.Event | None,
        before: Collection[threading.Event],
        latest: float,
    ) -> Any:
        """Run one, when those before it do nothing but wait, or at the latest moment (of `time.monotonic`)."""
        for other in before:
            other.wait(max(0.0, latest - time.monotonic()))
        _running.waits = waits
        try:
            return self._run(each)
        finally:
            only_waiting()
            _running.waits = None

    def _run(self, each: Scenario, *, alone: bool = False) -> Any:
        services = inspect.signature(each.function).parameters
        containers = BEARS if alone else each.containers
        with self._room(containers if "engine" in services else 0):
            if self._is_over:
                raise NotBegunError(each.name)
            return each.function(**{name: self._service(name) for name in services})
