"""Several guests at once: most of what a group of mutants, or a whole suite, takes is waiting."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing.util import Finalize

import implementations
import outcome
import short
import whole
from implementations import Implementation
from kept import KeptGuest
from outcome import Outcome
from patches import Mutant

from grading.guest.tools import Tools, tools
from grading.run import leash, machines
from grading.verdicts import CheckResult
from lab import console, program
from lab.errors import LabError

_kept: dict[str, KeptGuest] = {}
"""The guest of this process, by implementation."""


def look_at(groups: list[tuple[Implementation, list[Mutant]]], jobs: int) -> Iterator[Outcome]:
    """The outcome of each mutant, as it comes.

    Args:
        groups: what is looked at together, and what it is made of; those that take long first.
        jobs: guests at once, a process for each.
    """
    yield from _in_processes(jobs, [partial(_look_at, made_of.name, group) for made_of, group in groups])


def repeat(implementation: Implementation, times: int, jobs: int) -> Iterator[Outcome]:
    """The outcome of the whole suite on an implementation as it is, so often.

    Args:
        implementation: what is graded.
        times: how often.
        jobs: guests at once, a process for each.
    """
    turns = range(1, times + 1)
    yield from _in_processes(
        jobs, [partial(_grade_whole, implementation.name, f"as it is, {turn} of {times}") for turn in turns]
    )


def grade_whole(implementation: Implementation, mutants: list[Mutant], jobs: int) -> Iterator[Outcome]:
    """The outcome of the whole suite on each mutant, as it comes.

    Args:
        implementation: what is mutated.
        mutants: each is graded in a guest of its own.
        jobs: guests at once, a process for each.
    """
    yield from _in_processes(
        jobs, [partial(_grade_mutant, implementation.name, mutant) for mutant in mutants]
    )


def _in_processes(jobs: int, calls: list[Callable[[], list[Outcome]]]) -> Iterator[Outcome]:
    with console.progress(quiet=True) as progress:
        tools(progress)  # once, before several would make them
    # Not forked: pytest and the observer's threads want a process of their own from the beginning.
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin, (sys.path,)) as pool:
        under_way = [pool.submit(_ended_by_interrupts, call) for call in calls]
        try:
            for future in as_completed(under_way):
                yield from future.result()
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in multiprocessing.active_children():
                worker.terminate()  # as Ctrl-C is for it; it takes its guest away
            raise


def _begin(path: list[str]) -> None:
    sys.path[:] = path
    signal.signal(signal.SIGTERM, program.interrupt)
    Finalize(None, _close, exitpriority=10)
    owner = os.pidfd_open(os.getppid())
    threading.Thread(target=leash.watch, args=(owner, machines.name(0)), name="leash", daemon=True).start()


def _ended_by_interrupts(call: Callable[[], list[Outcome]]) -> list[Outcome]:
    """A call's outcomes; the pool itself would go on with the next call after an interrupt, deaf to SIGTERM."""
    try:
        return call()
    except KeyboardInterrupt:
        _close()
        os._exit(130)


def _close() -> None:
    while _kept:
        _kept.popitem()[1].close()


def _look_at(name: str, group: list[Mutant]) -> list[Outcome]:
    implementation = implementations.ALL[name]
    with console.progress(quiet=True) as progress:
        kit = tools(progress)
    if name not in _kept:
        _close()  # one guest a process
        _kept[name] = KeptGuest(machines.name(0), kit, implementation)
    return list(_together(_kept[name], kit, implementation, group))


def _grade_whole(name: str, turn: str) -> list[Outcome]:
    implementation = implementations.ALL[name]
    began = time.monotonic()
    try:
        found = whole.grade(implementation)
    except LabError as error:
        return [_failure(implementation, turn, 0, began, error)]
    skipped = [check.id for check in found.values() if check.verdict == "skipped"]
    return [outcome.compare(name, turn, skipped, found, time.monotonic() - began)]


def _grade_mutant(name: str, mutant: Mutant) -> list[Outcome]:
    implementation = implementations.ALL[name]
    return [judged(implementation, mutant, partial(whole.grade, implementation, mutant))]


def _together(
    kept: KeptGuest, kit: Tools, implementation: Implementation, group: list[Mutant]
) -> Iterator[Outcome]:
    """All at once; where that does not come out right, the halves, until it shows whose doing it is."""
    if len(group) > 1:
        began = time.monotonic()
        found = short.grade(kept, kit, implementation, group)
        each_seconds = (time.monotonic() - began) / len(group)
        named = [name for mutant in group for name in mutant.loses]
        sum_of_all = outcome.compare(implementation.name, "together", named, found, each_seconds)
        if sum_of_all.is_right:
            for mutant in group:
                yield outcome.compare(
                    implementation.name, mutant.name, mutant.loses,
                    {name: check for name, check in found.items() if name not in set(named) - mutant.loses},
                    each_seconds,
                )  # fmt: skip
            return
        console.err.print(
            f"{len(group)} together are not right:",
            *outcome.wrong_lines(sum_of_all),
            sep="\n    ",
            markup=False,
        )
        for half in (group[: len(group) // 2], group[len(group) // 2 :]):
            yield from _together(kept, kit, implementation, half)
        return
    [mutant] = group
    yield judged(implementation, mutant, partial(short.grade, kept, kit, implementation, [mutant]))


def judged(
    implementation: Implementation, mutant: Mutant, grade: Callable[[], dict[str, CheckResult]]
) -> Outcome:
    """What grading one mutant came to."""
    began = time.monotonic()
    try:
        found = grade()
    except LabError as error:
        return _failure(implementation, mutant.name, len(mutant.loses), began, error)
    return outcome.compare(implementation.name, mutant.name, mutant.loses, found, time.monotonic() - began)


def _failure(implementation: Implementation, name: str, named: int, began: float, error: LabError) -> Outcome:
    """Of what could not be graded."""
    words = f"{error} {getattr(error, 'detail', '') or ''}".strip()
    seconds = time.monotonic() - began
    return Outcome(implementation.name, name, named, 0, (), (), (), 0, seconds, words)
